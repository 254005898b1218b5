//! I/O. `vobiz-simulator`: the stand-in as a program.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use vobiz_simulator::{Api, Options, ParentPair, Settings, Simulator};

/// A stand-in for the Vobiz subaccount API, for tests and for trying things out.
#[derive(Parser)]
#[command(name = "vobiz-simulator", version)]
struct Arguments {
    /// Address of the API; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Address of the control API; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    control_listen: SocketAddr,
    /// A parent account's pair; may be given several times.
    #[arg(long = "parent", value_name = "MA_X:TOKEN")]
    parents: Vec<ParentPair>,
    /// Generations of the resource that are served.
    #[arg(long, value_enum, default_value_t = Generations::Both)]
    api: Generations,
    /// Milliseconds that every request waits before it is handled.
    #[arg(long, default_value_t = 0)]
    latency_milliseconds: u64,
    /// Also stop when standard input is closed, so that a caller that dies leaves nothing behind.
    #[arg(long)]
    until_stdin_closes: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Generations {
    Gen1,
    Gen2,
    Both,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(run(arguments));
    // A read of standard input that is still blocked must not hold the exit up.
    runtime.shutdown_background();
    result
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let api = match arguments.api {
        Generations::Gen1 => Api::Gen1,
        Generations::Gen2 => Api::Gen2,
        Generations::Both => Api::Both,
    };
    let settings = Settings {
        api,
        latency_ms: arguments.latency_milliseconds,
        ..Settings::default()
    };
    let options = Options {
        listen: arguments.listen,
        control_listen: arguments.control_listen,
        parents: arguments.parents,
        settings,
    };
    let mut terminate = signal(SignalKind::terminate()).context("failed to watch for SIGTERM")?;
    let simulator = Simulator::start(options).await?;
    let ready = serde_json::json!({"url": simulator.url(), "control_url": simulator.control_url()});
    let mut output = std::io::stdout();
    writeln!(output, "{ready}")
        .and_then(|()| output.flush())
        .context("failed to print the addresses")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
        () = stdin_closed(), if arguments.until_stdin_closes => {}
    }
    simulator.stop().await;
    Ok(())
}

async fn stdin_closed() {
    let (closed, wait) = tokio::sync::oneshot::channel();
    // A thread, because a read of standard input cannot be cancelled.
    std::thread::spawn(move || {
        let end = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        closed.send(end)
    });
    let _ = wait.await;
}
