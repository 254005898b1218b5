//! What the person who runs the operator may set: flags and `VOBIZ_...` variables. Values are checked in `config`. I/O:
//! reads the process's arguments and environment.

mod config;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use self::config::{Config, ConfigError, LogFormat};

use crate::proxy::Proxies;

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Command {
    /// Run the operator until it is told to stop.
    Run(Box<Config>),
    /// Print the `CustomResourceDefinition`s, or write one file for each into the directory.
    Crds {
        /// Where the files go; standard output otherwise.
        directory: Option<PathBuf>,
    },
    /// Print version and commit.
    Version,
}

/// Why there is no [`Command`] to carry out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The arguments are not understood, or ask for `--help`: clap's text says the rest.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The arguments are understood, but not acceptable.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Reads the process's arguments and environment.
pub fn command() -> Result<Command, CommandError> {
    command_from(std::env::args_os())
}

/// Reads `arguments` (the first is the program's name) and the process's environment.
pub fn command_from(
    arguments: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>,
) -> Result<Command, CommandError> {
    let matches = definition().try_get_matches_from(arguments)?;
    let command_line = CommandLine::from_arg_matches(&matches)?;
    Ok(match command_line.subcommand {
        Subcommands::Run(flags) => {
            let proxies = Proxies::of_environment(|name| std::env::var(name).ok());
            Command::Run(Box::new(flags.into_config(proxies)?))
        }
        Subcommands::Crds { directory } => Command::Crds { directory },
        Subcommands::Version => Command::Version,
    })
}

/// The command line's definition. Values found in the environment are kept out of `--help`, so that its text is the
/// same everywhere.
#[must_use]
pub fn definition() -> clap::Command {
    CommandLine::command().mut_subcommand("run", |run| {
        run.mut_args(|argument| argument.hide_env_values(true))
    })
}

/// Keeps Vobiz subaccounts as the Subaccount objects of a Kubernetes cluster say.
///
/// Exit codes: 0 success; 1 a finding; 2 wrong usage; 3 configuration, credentials, cluster or API; 10 lost leadership.
#[derive(Debug, Parser)]
#[command(
    name = "vobiz-operator",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct CommandLine {
    #[command(subcommand)]
    subcommand: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Run the operator until SIGTERM or SIGINT.
    ///
    /// The cluster is the one of $KUBECONFIG, else of ~/.kube/config, else the one that the Pod runs in. Logs go to
    /// standard error.
    ///
    /// A proxy for both servers is the http or https URL in `HTTPS_PROXY`, or else in `ALL_PROXY`, with or without user and
    /// password; `NO_PROXY` says what is reached without it: names with all below them, addresses, ranges such as
    /// 10.96.0.0/12, each with or without a port. All of them also in lower case. The API server of the Pod's own cluster is
    /// reached without a proxy.
    Run(Box<RunFlags>),
    /// Print the definitions of the custom resources as YAML.
    Crds {
        /// Write one file per definition into this directory instead
        #[arg(long, value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// Print version and commit.
    Version,
}

/// The flags as written, each checked only for its own shape.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct RunFlags {
    /// Root of the Vobiz API: an https URL without user information, query or fragment
    #[arg(long, env = "VOBIZ_API_BASE_URL", value_name = "URL", default_value = config::DEFAULT_API_BASE_URL)]
    api_base_url: String,

    /// Accept a plain http --api-base-url. Credentials are then sent unprotected: for simulators only
    #[arg(long, env = "VOBIZ_ALLOW_INSECURE_API", value_name = "BOOL", action = ArgAction::Set,
        num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    allow_insecure_api: bool,

    /// PEM file of certificate authorities to trust for the Vobiz API beside those of the system, and read again
    /// when it changes [default: those of the system alone]
    #[arg(long, env = "VOBIZ_API_CA_FILE", value_name = "FILE")]
    api_ca_file: Option<PathBuf>,

    /// Namespace that holds the operator's Records [default: the Pod's own namespace, else vobiz-operator-system]
    #[arg(long, env = "VOBIZ_OPERATOR_NAMESPACE", value_name = "NAMESPACE")]
    operator_namespace: Option<String>,

    /// Namespaces whose objects are reconciled, separated by commas [default: all]
    #[arg(
        long,
        env = "VOBIZ_WATCH_NAMESPACES",
        value_name = "NAMESPACES",
        value_delimiter = ','
    )]
    watch_namespaces: Vec<String>,

    /// How many objects of one kind are reconciled at the same time
    #[arg(long, env = "VOBIZ_MAX_CONCURRENT_RECONCILES", value_name = "COUNT", default_value_t = 10,
        value_parser = clap::value_parser!(u16).range(1..=1000))]
    max_concurrent_reconciles: u16,

    /// Seconds that one request to the Vobiz API may take
    #[arg(long, env = "VOBIZ_REQUEST_TIMEOUT_SECONDS", value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=600))]
    request_timeout_seconds: u64,

    /// Seconds after which a create whose answer was lost can no longer take effect at Vobiz; deletions and new
    /// attempts wait for it. At least --request-timeout-seconds [default: twice that, at least 120]
    #[arg(long, env = "VOBIZ_SETTLE_SECONDS", value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    settle_seconds: Option<u64>,

    /// Seconds that the Record of a deleted object is kept, when an answer to one of its creates was lost. Longer than
    /// any pause of the process
    #[arg(long, env = "VOBIZ_RETENTION_SECONDS", value_name = "SECONDS", default_value_t = 86_400,
        value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    retention_seconds: u64,

    /// Longest pause, in seconds, between two attempts for an object that keeps failing
    #[arg(long, env = "VOBIZ_MAX_BACKOFF_SECONDS", value_name = "SECONDS", default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    max_backoff_seconds: u64,

    /// Seconds between two looks at each user's Secret, which is restored when it was deleted or edited
    #[arg(long, env = "VOBIZ_SECRET_CHECK_INTERVAL_SECONDS", value_name = "SECONDS", default_value_t = 900,
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    secret_check_interval_seconds: u64,

    /// Watch users' Secrets, so that they are restored at once. Needs the right to list and watch Secrets in the
    /// watched namespaces, which the manifests do not grant
    #[arg(long, env = "VOBIZ_WATCH_SECRETS", value_name = "BOOL", action = ArgAction::Set,
        num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    watch_secrets: bool,

    /// Serve Accounts of the whole cluster (clusteraccounts.vobiz.ai), and watch namespaces, by their metadata, for it.
    /// Without the right to list both in the whole cluster none is served
    #[arg(long, env = "VOBIZ_CLUSTER_ACCOUNTS", value_name = "BOOL", action = ArgAction::Set,
        num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    cluster_accounts: bool,

    /// Expose metrics per object; turn off with =false where there are very many objects
    #[arg(long, env = "VOBIZ_OBJECT_METRICS", value_name = "BOOL", action = ArgAction::Set,
        num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    object_metrics: bool,

    /// Let one replica work at a time, the holder of the Lease vobiz-operator-leader-election in --operator-namespace;
    /// the others stand by, ready to take over. Off, because one replica needs no election and so writes nothing at
    /// rest; manifests/overlays/prod, which has two, turns it on
    #[arg(long, env = "VOBIZ_LEADER_ELECT", value_name = "BOOL", action = ArgAction::Set,
        num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    leader_elect: bool,

    /// Address that /livez, /readyz and /metrics are served on: `[::]` is every address, IPv4 and IPv6, and those of IPv4
    /// where there is no IPv6; port 0 picks a free port
    #[arg(
        long,
        env = "VOBIZ_HTTP_ADDRESS",
        value_name = "ADDRESS:PORT",
        default_value = "[::]:8080"
    )]
    http_address: SocketAddr,

    /// How log lines look
    #[arg(long, env = "VOBIZ_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Json)]
    log_format: LogFormat,

    /// Which log lines are written: error, warn, info, debug, trace, or directives such as
    /// `info,vobiz_operator=debug`.
    /// No level shows credentials or bodies
    #[arg(long, env = "VOBIZ_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    log_level: String,
}

impl RunFlags {
    /// The trusted value, or what to do about the first flag that cannot be trusted.
    fn into_config(self, proxies: Proxies) -> Result<Config, ConfigError> {
        let settle = config::settle(self.settle_seconds, self.request_timeout_seconds)?;
        Ok(Config {
            api_base_url: config::api_base_url(&self.api_base_url, self.allow_insecure_api)?,
            api_ca_file: self.api_ca_file.map(config::readable_file).transpose()?,
            proxies,
            operator_namespace: config::operator_namespace(self.operator_namespace)?,
            watch_namespaces: config::watch_namespaces(self.watch_namespaces)?,
            max_concurrent_reconciles: self.max_concurrent_reconciles,
            request_timeout: Duration::from_secs(self.request_timeout_seconds),
            settle,
            retention: Duration::from_secs(self.retention_seconds),
            max_backoff: Duration::from_secs(self.max_backoff_seconds),
            secret_check_interval: Duration::from_secs(self.secret_check_interval_seconds),
            watch_secrets: self.watch_secrets,
            cluster_accounts: self.cluster_accounts,
            object_metrics: self.object_metrics,
            leader_elect: self.leader_elect,
            http_address: self.http_address,
            log_format: self.log_format,
            log_level: config::log_level(self.log_level)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vobiz::BaseUrl;

    fn config(more: &[&str]) -> Config {
        let arguments = ["vobiz-operator", "run", "--request-timeout-seconds=10"]
            .iter()
            .chain(more);
        match command_from(arguments).unwrap() {
            Command::Run(config) => *config,
            other => panic!("not a run: {other:?}"),
        }
    }

    #[test]
    fn every_flag_sets_what_it_names() {
        let ca = std::env::temp_dir().join(format!("vobiz-operator-ca-{}.pem", std::process::id()));
        std::fs::write(&ca, "").unwrap();
        let ca_flag = format!("--api-ca-file={}", ca.display());
        let found = config(&[
            "--api-base-url=http://127.0.0.1:9000/vobiz",
            "--allow-insecure-api",
            &ca_flag,
            "--operator-namespace=tools",
            "--watch-namespaces=dev,prod",
            "--max-concurrent-reconciles=3",
            "--settle-seconds=20",
            "--retention-seconds=30",
            "--max-backoff-seconds=40",
            "--secret-check-interval-seconds=50",
            "--watch-secrets",
            "--cluster-accounts=false",
            "--object-metrics=false",
            "--leader-elect",
            "--http-address=127.0.0.1:0",
            "--log-format=text",
            "--log-level=debug",
        ]);
        std::fs::remove_file(&ca).unwrap();
        let expected = Config {
            api_base_url: BaseUrl::parse("http://127.0.0.1:9000/vobiz/", true).unwrap(),
            api_ca_file: Some(ca),
            proxies: found.proxies.clone(),
            operator_namespace: "tools".to_owned(),
            watch_namespaces: vec!["dev".to_owned(), "prod".to_owned()],
            max_concurrent_reconciles: 3,
            request_timeout: Duration::from_secs(10),
            settle: Duration::from_secs(20),
            retention: Duration::from_secs(30),
            max_backoff: Duration::from_secs(40),
            secret_check_interval: Duration::from_secs(50),
            watch_secrets: true,
            cluster_accounts: false,
            object_metrics: false,
            leader_elect: true,
            http_address: SocketAddr::from(([127, 0, 0, 1], 0)),
            log_format: LogFormat::Text,
            log_level: "debug".to_owned(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn settle_follows_the_request_timeout_but_is_never_short_by_itself() {
        assert_eq!(config(&[]).settle, Duration::from_mins(2));
        let arguments = ["vobiz-operator", "run", "--request-timeout-seconds=100"];
        let Command::Run(config) = command_from(arguments).unwrap() else {
            panic!("not a run")
        };
        assert_eq!(config.settle, Duration::from_secs(200));
    }
}
