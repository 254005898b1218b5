//! I/O. A test program over one test bed: trials in parallel, then those about the whole run, then the shutdown.
//!
//! The standard test harness never drops what tests share, so it cannot stop a control plane in order.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::OnceCell;

use crate::products;
use crate::test_bed::TestBed;
use crate::watchdog::{ServerState, Supervised};

/// Trials mostly wait, so more than one per core is well spent.
const TEST_THREADS: usize = 8;

/// How many of the longest trials are told of: they are where the time of a run goes.
const LONGEST: usize = 12;

/// Trials that fail beside others and are run once more, alone: more of them, and it is not the machine.
const REPEATED_AT_MOST: usize = 3;

/// What a trial does.
type Body = Arc<dyn Fn() -> Result<(), Failed> + Send + Sync>;

/// A trial that failed, and why.
struct Failure {
    name: String,
    reason: String,
    body: Body,
}

/// The trials of one test program.
pub struct Suite {
    runtime: Runtime,
    bed: Arc<LazyTestBed>,
    failures: Arc<Mutex<Vec<Failure>>>,
    durations: Arc<Mutex<Vec<(Duration, String)>>>,
    trials: Vec<Trial>,
    last: Vec<Trial>,
}

/// Started by the first trial that runs: a listing, or a filter that selects nothing, starts nothing.
struct LazyTestBed {
    operator_binary: PathBuf,
    bed: OnceCell<Result<Arc<TestBed>, String>>,
}

impl LazyTestBed {
    async fn get(&self) -> Result<Arc<TestBed>> {
        let start = async {
            let binary = std::env::var_os("VOBIZ_OPERATOR_BINARY").map(PathBuf::from);
            let binary = binary.unwrap_or_else(|| self.operator_binary.clone());
            let bed = TestBed::start(products::repository(), &binary, &products::simulator()?).await?;
            eprintln!(
                "control plane up in {:.1} s",
                bed.control_plane().started_in().as_secs_f32()
            );
            anyhow::Ok(Arc::new(bed))
        };
        let started = self
            .bed
            .get_or_init(|| async { start.await.map_err(|error| format!("{error:#}")) })
            .await;
        started
            .clone()
            .map_err(|message| anyhow!("failed to start the test bed: {message}"))
    }
}

impl Suite {
    /// A suite that tests this operator: `env!("CARGO_BIN_EXE_vobiz-operator")`, unless `VOBIZ_OPERATOR_BINARY` is set.
    pub fn new(operator_binary: &Path) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let bed = LazyTestBed {
            operator_binary: operator_binary.to_owned(),
            bed: OnceCell::new(),
        };
        Ok(Self {
            runtime: runtime.context("failed to start the asynchronous runtime")?,
            bed: Arc::new(bed),
            failures: Arc::default(),
            durations: Arc::default(),
            trials: Vec::new(),
            last: Vec::new(),
        })
    }

    /// Adds a trial that runs beside others. One that fails is run once more when all have ended, with nothing beside it: limits of time
    /// are for a machine that is not overrun. That it failed is told all the same.
    pub fn test<Run, Running>(&mut self, name: &str, run: Run)
    where
        Run: Fn(Arc<TestBed>) -> Running + Send + Sync + 'static,
        Running: Future<Output = Result<()>>,
    {
        let (body, failures, of) = (self.body(run), self.failures.clone(), name.to_owned());
        let durations = self.durations.clone();
        self.trials.push(Trial::test(name, move || {
            let begun = Instant::now();
            let result = body();
            lock(&durations).push((begun.elapsed(), of.clone()));
            if let Err(failed) = &result {
                lock(&failures).push(Failure {
                    name: of,
                    reason: failed.message().unwrap_or_default().to_owned(),
                    body,
                });
            }
            result
        }));
    }

    /// Adds a trial about everything that the others did: it runs when they have ended.
    pub fn test_last<Run, Running>(&mut self, name: &str, run: Run)
    where
        Run: Fn(Arc<TestBed>) -> Running + Send + Sync + 'static,
        Running: Future<Output = Result<()>>,
    {
        let body = self.body(run);
        self.last.push(Trial::test(name, move || body()));
    }

    fn body<Run, Running>(&self, run: Run) -> Body
    where
        Run: Fn(Arc<TestBed>) -> Running + Send + Sync + 'static,
        Running: Future<Output = Result<()>>,
    {
        let (handle, bed): (Handle, _) = (self.runtime.handle().clone(), self.bed.clone());
        Arc::new(move || {
            let result = handle.block_on(async { run(bed.get().await?).await });
            result.map_err(|error| Failed::from(chain(&error)))
        })
    }

    /// Runs the trials that the command line selects, stops everything, and makes sure that nothing is left.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let mut arguments = Arguments::from_args();
        arguments.test_threads.get_or_insert(TEST_THREADS);
        let Self {
            runtime,
            bed,
            failures,
            durations,
            trials,
            last,
        } = self;
        let mut failed = libtest_mimic::run(&arguments, trials).has_failed();
        tell_longest(&mut lock(&durations));
        if failed {
            let failures = std::mem::take(&mut *lock(&failures));
            failed = !hold_alone(&failures);
        }
        // They judge what the whole suite did: after a part of it some would fail for no reason.
        let partial = arguments.filter.is_some() || !arguments.skip.is_empty();
        let last = last
            .into_iter()
            .map(|trial| trial.with_ignored_flag(partial))
            .collect();
        // With `--exact NAME` one of the two runs selects nothing, which is no failure.
        failed |= libtest_mimic::run(&arguments, last).has_failed();

        let started = bed.bed.get().and_then(|started| started.as_ref().ok());
        let pids: Vec<u32> = started.map(|bed| pids(bed)).unwrap_or_default();
        drop(bed);
        runtime.shutdown_timeout(Duration::from_secs(10));
        let left: Vec<u32> = pids.into_iter().filter(|pid| is_alive(*pid)).collect();
        if !left.is_empty() {
            eprintln!("error: processes are left behind: {left:?}");
            failed = true;
        }
        if failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}

/// A trial that panics leaves what is locked as it was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says which trials took longest, beside the others that ran meanwhile.
fn tell_longest(durations: &mut [(Duration, String)]) {
    if durations.len() <= LONGEST {
        return;
    }
    durations.sort_by(|one, other| other.cmp(one));
    eprintln!("the longest trials:");
    for (took, name) in durations.iter().take(LONGEST) {
        eprintln!("{:7.1} s  {name}", took.as_secs_f32());
    }
}

/// Whether each of the trials that failed beside others holds alone. Says which did, and why they had failed.
fn hold_alone(failures: &[Failure]) -> bool {
    if failures.is_empty() || failures.len() > REPEATED_AT_MOST {
        return false;
    }
    let mut all_hold = true;
    for Failure { name, reason, body } in failures {
        let again = body();
        let how = if again.is_ok() {
            "holds alone"
        } else {
            "fails alone too"
        };
        eprintln!("\nthe trial '{name}' {how}; beside others it failed: {reason}");
        if let Err(failed) = &again {
            eprintln!("alone: {}", failed.message().unwrap_or_default());
        }
        all_hold &= again.is_ok();
    }
    all_hold
}

/// An error with all its causes, and without the backtrace that its debug output may have.
fn chain(error: &anyhow::Error) -> String {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    causes.join("\ncaused by: ")
}

fn pids(bed: &TestBed) -> Vec<u32> {
    let states = bed.control_plane().servers().map(Supervised::state);
    let running = states.filter_map(|state| match state {
        ServerState::Running {
            server,
            watchdog,
            lifeline,
        } => Some([server, watchdog, lifeline]),
        ServerState::Starting | ServerState::Exited(_) => None,
    });
    running.flatten().collect()
}

/// Whether a process of this id does anything: a zombie has an entry, but nothing of it runs.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .any(|line| line.starts_with("State:") && !line.contains('Z'))
}
