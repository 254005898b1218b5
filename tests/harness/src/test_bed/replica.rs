//! I/O. Further replicas of an environment's operator.

use anyhow::Result;

use super::Environment;
use crate::kubeconfig::Endpoint;
use crate::operator::OperatorProcess;

impl Environment {
    /// Starts a further replica of the operator with the same flags and these, and waits until it is ready.
    pub async fn start_replica(&self, replica: &str, flags: &[&str]) -> Result<OperatorProcess> {
        self.start_replica_with(replica, flags, &[]).await
    }

    /// As [`Self::start_replica`], with the API server at another `endpoint`, such as a relay.
    pub async fn start_replica_behind(
        &self,
        replica: &str,
        flags: &[&str],
        endpoint: &Endpoint,
    ) -> Result<OperatorProcess> {
        self.replica(replica, flags, &[], endpoint).await
    }

    /// As [`Self::start_replica`], with these further variables of the environment.
    pub async fn start_replica_with(
        &self,
        replica: &str,
        flags: &[&str],
        environment: &[(&str, String)],
    ) -> Result<OperatorProcess> {
        let endpoint = self.control_plane.endpoint();
        self.replica(replica, flags, environment, endpoint).await
    }

    async fn replica(
        &self,
        replica: &str,
        flags: &[&str],
        environment: &[(&str, String)],
        endpoint: &Endpoint,
    ) -> Result<OperatorProcess> {
        let mut options = self.operator_options.clone();
        options.replica = format!("-{replica}");
        options.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let variables = environment.iter();
        options
            .environment
            .extend(variables.map(|(name, value)| ((*name).to_owned(), value.clone())));
        let name = format!("{}{}", self.installation.namespace, options.replica);
        let operator = OperatorProcess::start_behind(
            &self.control_plane,
            &self.installation,
            &self.operator_binary,
            &options,
            &name,
            endpoint,
        )
        .await?;
        operator.await_ready().await?;
        Ok(operator)
    }
}
