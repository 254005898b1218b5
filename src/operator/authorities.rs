//! Looks again and again at the CA file: who renews certificates changes it while the operator runs. I/O (a file).

use std::time::Duration;

use crate::controller::readiness::Readiness;
use crate::vobiz::Transport;

/// A kubelet brings a changed `ConfigMap` into a Pod within a minute or so; after that nobody should have to wait.
const INTERVAL: Duration = Duration::from_secs(2);

/// What a person looks for.
const FLAG: &str = "--api-ca-file";

/// Trusts whom the file names, as it stands. One that cannot be used leaves those trusted who were, and is told.
pub(super) async fn follow(transport: Transport, readiness: Readiness) {
    let mut told = None;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let remark = match transport.reread_authorities() {
            Ok(changed) => {
                if changed {
                    tracing::info!("{FLAG} has changed and is trusted as it is now");
                }
                None
            }
            Err(error) => Some(format!(
                "{error}; those it named before are still trusted; correct the file"
            )),
        };
        if remark == told {
            continue;
        }
        if let Some(remark) = &remark {
            tracing::warn!("{FLAG}: {remark}");
        }
        readiness.remark(FLAG, remark.clone());
        told = remark;
    }
}
