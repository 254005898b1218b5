//! What the rest of the program trusts: the [`Config`], and how the text of each flag is checked for it. I/O: looks at two
//! files.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use tracing_subscriber::filter::LevelFilter;

use crate::proxy::Proxies;
use crate::vobiz::{BaseUrl, InvalidBaseUrl};

/// The server that the Vobiz API documentation names.
pub(super) const DEFAULT_API_BASE_URL: &str = "https://api.vobiz.ai";
/// Where a Pod finds the namespace that it runs in.
const SERVICE_ACCOUNT_NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The namespace of `manifests/base`.
const DEFAULT_OPERATOR_NAMESPACE: &str = "vobiz-operator-system";
/// A create that was sent may commit this long after its answer was given up, as far as anybody knows.
const SHORTEST_DEFAULT_SETTLE: Duration = Duration::from_mins(2);

/// Everything `vobiz-operator run` needs to know, already checked: no reader has to check it again.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Root of the Vobiz API.
    pub api_base_url: BaseUrl,
    /// A PEM file with certificate authorities to trust for the Vobiz API beside the system's.
    pub api_ca_file: Option<PathBuf>,
    /// What the environment says about proxies.
    pub proxies: Proxies,
    /// Where Records and the installation's id are kept.
    pub operator_namespace: String,
    /// The namespaces whose objects are reconciled; empty: all of them.
    pub watch_namespaces: Vec<String>,
    /// How many objects of one kind are reconciled at the same time.
    pub max_concurrent_reconciles: u16,
    /// How long one request to the Vobiz API may take.
    pub request_timeout: Duration,
    /// How long after it was given up a create may still take effect at Vobiz.
    pub settle: Duration,
    /// How long a Record that fenced an attempt is kept after the last fence.
    pub retention: Duration,
    /// The longest pause between two attempts for one object that keeps failing.
    pub max_backoff: Duration,
    /// How often each user's Secret is compared with its Record.
    pub secret_check_interval: Duration,
    /// Whether users' Secrets are watched (needs the right to list and watch them).
    pub watch_secrets: bool,
    /// Whether `ClusterAccounts` are served, if the right to do so is granted.
    pub cluster_accounts: bool,
    /// Whether `/metrics` has series per object.
    pub object_metrics: bool,
    /// Whether only the replica that holds the Lease works.
    pub leader_elect: bool,
    /// Where `/livez`, `/readyz` and `/metrics` are served; port 0 picks a free one.
    pub http_address: SocketAddr,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines are written: a level, or `tracing-subscriber` filter directives.
    pub log_level: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Lines for people.
    Text,
}

/// Why a configuration is refused. Values are not repeated where they could hold a password.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The base URL cannot be parsed.
    #[error(
        "failed to read --api-base-url (VOBIZ_API_BASE_URL): {reason}; write it as https://HOST[:PORT][/PATH], \
         for example {DEFAULT_API_BASE_URL}"
    )]
    BaseUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// The base URL would send credentials in clear.
    #[error(
        "failed to accept --api-base-url (VOBIZ_API_BASE_URL): its scheme is '{scheme}', which would send credentials \
         unprotected; use https, or --allow-insecure-api (VOBIZ_ALLOW_INSECURE_API=true) for http against a simulator"
    )]
    InsecureBaseUrl {
        /// The scheme found.
        scheme: String,
    },
    /// The file of certificate authorities is not there.
    #[error(
        "failed to read --api-ca-file (VOBIZ_API_CA_FILE) '{path}': {source}; give the path of a readable PEM file"
    )]
    CaFile {
        /// The path given.
        path: String,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// A namespace that Kubernetes would not accept.
    #[error(
        "failed to accept '{name}' in {flag}: a namespace has 1 to 63 characters, which are lower case letters, digits \
         or '-', and begins and ends with a letter or digit"
    )]
    Namespace {
        /// The flag and its variable.
        flag: &'static str,
        /// The text given.
        name: String,
    },
    /// A create could commit after everybody stopped waiting for it.
    #[error(
        "failed to accept --settle-seconds (VOBIZ_SETTLE_SECONDS) = {settle}: it must not be below \
         --request-timeout-seconds = {request_timeout}, because a request may take effect until its time-out"
    )]
    SettleTooShort {
        /// Seconds.
        settle: u64,
        /// Seconds.
        request_timeout: u64,
    },
    /// A log filter that cannot be parsed.
    #[error(
        "failed to read --log-level (VOBIZ_LOG_LEVEL): {reason}; use error, warn, info, debug, trace or directives \
         such as 'info,vobiz_operator=debug'"
    )]
    LogLevel {
        /// What is wrong with it.
        reason: String,
    },
}

pub(super) fn settle(seconds: Option<u64>, request_timeout: u64) -> Result<Duration, ConfigError> {
    match seconds {
        None => Ok(SHORTEST_DEFAULT_SETTLE.max(Duration::from_secs(request_timeout) * 2)),
        Some(settle) if settle < request_timeout => Err(ConfigError::SettleTooShort {
            settle,
            request_timeout,
        }),
        Some(settle) => Ok(Duration::from_secs(settle)),
    }
}

pub(super) fn api_base_url(text: &str, allow_insecure: bool) -> Result<BaseUrl, ConfigError> {
    BaseUrl::parse(text, allow_insecure).map_err(|error| match error {
        InvalidBaseUrl::Insecure { scheme } => ConfigError::InsecureBaseUrl { scheme },
        error => ConfigError::BaseUrl {
            reason: error.to_string(),
        },
    })
}

pub(super) fn readable_file(path: PathBuf) -> Result<PathBuf, ConfigError> {
    let refuse = |source| ConfigError::CaFile {
        path: path.display().to_string(),
        source,
    };
    let metadata = std::fs::File::open(&path)
        .and_then(|file| file.metadata())
        .map_err(refuse)?;
    if !metadata.is_file() {
        return Err(refuse(std::io::Error::other("it is not a file")));
    }
    Ok(path)
}

pub(super) fn operator_namespace(flag: Option<String>) -> Result<String, ConfigError> {
    chosen_namespace(flag, Path::new(SERVICE_ACCOUNT_NAMESPACE_FILE))
}

fn chosen_namespace(flag: Option<String>, service_account_file: &Path) -> Result<String, ConfigError> {
    let name = flag
        .filter(|name| !name.is_empty())
        .or_else(|| {
            std::fs::read_to_string(service_account_file)
                .ok()
                .map(|text| text.trim().to_owned())
        })
        .unwrap_or_else(|| DEFAULT_OPERATOR_NAMESPACE.to_owned());
    namespace("--operator-namespace (VOBIZ_OPERATOR_NAMESPACE)", name)
}

pub(super) fn watch_namespaces(names: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let mut namespaces = names
        .into_iter()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .map(|name| namespace("--watch-namespaces (VOBIZ_WATCH_NAMESPACES)", name))
        .collect::<Result<Vec<_>, _>>()?;
    namespaces.sort();
    namespaces.dedup();
    Ok(namespaces)
}

fn namespace(flag: &'static str, name: String) -> Result<String, ConfigError> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fits {
        Ok(name)
    } else {
        Err(ConfigError::Namespace { flag, name })
    }
}

/// A word that is no level would be taken for the name of a crate, and the mistake would silence everything else.
pub(super) fn log_level(text: String) -> Result<String, ConfigError> {
    for directive in text.split(',') {
        let level = directive
            .rsplit_once('=')
            .map_or(directive, |(_, level)| level)
            .trim();
        // An empty word is a level to the parser.
        if level.is_empty() || level.parse::<LevelFilter>().is_err() {
            return Err(ConfigError::LogLevel {
                reason: format!("'{}' is no level", level.escape_debug()),
            });
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_that_is_refused_is_told_with_its_flag_and_what_to_write() {
        for text in [
            "https://user:s3cret@api.vobiz.ai",
            "https://api.vobiz.ai:0/s3cret",
            "s3cret",
        ] {
            let error = api_base_url(text, true).unwrap_err();
            assert!(matches!(error, ConfigError::BaseUrl { .. }), "{text}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
            assert!(error.to_string().contains("https://HOST"), "{error}");
        }
        let error = api_base_url("http://127.0.0.1:9000", false).unwrap_err();
        assert!(error.to_string().contains("--allow-insecure-api"), "{error}");
    }

    #[test]
    fn the_operators_namespace_is_the_flags_then_the_pods_then_the_manifests() {
        let directory = std::env::temp_dir().join(format!("vobiz-operator-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join("namespace");
        let missing = directory.join("missing");
        std::fs::write(&file, "tools\n").unwrap();
        assert_eq!(
            chosen_namespace(Some("chosen".to_owned()), &file).unwrap(),
            "chosen"
        );
        assert_eq!(chosen_namespace(None, &file).unwrap(), "tools");
        assert_eq!(chosen_namespace(None, &missing).unwrap(), "vobiz-operator-system");
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn watched_namespaces_are_names_and_blank_means_all() {
        let names = |text: &str| watch_namespaces(text.split(',').map(str::to_owned).collect());
        assert!(names("").unwrap().is_empty());
        assert_eq!(names("prod, dev,dev,").unwrap(), ["dev", "prod"]);
        for wrong in ["Prod", "-a", "a-", "a.b", "a/b", &"a".repeat(64)] {
            assert!(
                names(wrong)
                    .unwrap_err()
                    .to_string()
                    .contains("--watch-namespaces"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_misspelt_level_is_refused_rather_than_taken_for_a_crate() {
        for right in ["info", "TRACE", "off", "info,vobiz_operator=debug"] {
            assert!(log_level(right.to_owned()).is_ok(), "{right}");
        }
        for wrong in ["verbose", "", "info,", "vobiz_operator=loud"] {
            assert!(
                log_level(wrong.to_owned())
                    .unwrap_err()
                    .to_string()
                    .contains("--log-level"),
                "{wrong}"
            );
        }
    }
}
