//! The program: reads the command line, installs the TLS provider and dispatches. I/O.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use tokio::signal::unix::{SignalKind, signal};
use vobiz_operator::cli::{self, Command, CommandError, Config};
use vobiz_operator::crd::{custom_resource_definitions, yaml};
use vobiz_operator::leader::LostLeadership;
use vobiz_operator::{operator, telemetry};

/// Configuration, credentials, cluster or API.
const EXIT_CONFIGURATION: u8 = 3;
/// Another replica leads: start this one again.
const EXIT_LOST_LEADERSHIP: u8 = 10;

fn main() -> ExitCode {
    let command = match cli::command() {
        Ok(command) => command,
        // Prints help to standard output, errors to standard error; exits 0 or 2.
        Err(CommandError::Usage(usage)) => usage.exit(),
        Err(CommandError::Config(error)) => return fail(&error.into()),
    };
    let done = match command {
        Command::Run(config) => run(*config),
        Command::Crds { directory } => crds(directory.as_deref()),
        Command::Version => version(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Says why as a log line once there are logs, so that whoever collects them sees the most important one; before that,
/// and where logs are turned off, plainly.
fn fail(error: &anyhow::Error) -> ExitCode {
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!(error = format!("{error:#}"), "stopped");
    } else {
        eprintln!("vobiz-operator: {error:#}");
    }
    ExitCode::from(if error.is::<LostLeadership>() {
        EXIT_LOST_LEADERSHIP
    } else {
        EXIT_CONFIGURATION
    })
}

fn run(config: Config) -> anyhow::Result<()> {
    // Before any client: those of Kubernetes, Vobiz and traces take the process's provider.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        anyhow::bail!("failed to install the TLS provider: another one is already there");
    }
    // Two on a single core too: while the passes keep one busy, the other renews the leadership and answers probes.
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .context("failed to start the asynchronous runtime")?;
    let (format, level) = (config.log_format, &config.log_level);
    let traces = telemetry::install(format, level, &config.proxies, runtime.handle())?;
    let done = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
        let shutdown = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        operator::run(config, shutdown).await
    });
    // Whoever lost the leadership ends at once: not even a name is still looked up.
    if !done.as_ref().is_err_and(anyhow::Error::is::<LostLeadership>) {
        traces.finish();
    }
    runtime.shutdown_background();
    done
}

fn crds(directory: Option<&Path>) -> anyhow::Result<()> {
    let definitions = custom_resource_definitions();
    if let Some(directory) = directory {
        for definition in &definitions {
            let path = directory.join(file_name(definition));
            std::fs::write(&path, yaml(definition)?)
                .with_context(|| format!("failed to write '{}'", path.display()))?;
        }
        return Ok(());
    }
    let documents = definitions.iter().map(yaml).collect::<Result<Vec<_>, _>>()?;
    std::io::stdout()
        .write_all(documents.join("---\n").as_bytes())
        .context("failed to write to standard output")
}

/// As controller-gen names its files.
fn file_name(definition: &CustomResourceDefinition) -> String {
    format!("{}_{}.yaml", definition.spec.group, definition.spec.names.plural)
}

fn version() -> anyhow::Result<()> {
    writeln!(
        std::io::stdout(),
        "vobiz-operator {} ({})",
        vobiz_operator::VERSION,
        vobiz_operator::COMMIT
    )
    .context("failed to write to standard output")
}
