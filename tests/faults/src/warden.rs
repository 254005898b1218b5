//! I/O. Does to the operator's processes and watches what plans ask for. Plans that ask at about the same moment share
//! one deed: all of them are hit by it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use vobiz_harness::operator::OperatorProcess;

use crate::registry::Registry;

/// How long a first plan waits for others that get to their request at about the same time.
const GATHER: Duration = Duration::from_millis(300);
const LOOK: Duration = Duration::from_millis(100);
/// A Lease, two looks at it, and what a busy machine adds.
const LONGEST_ELECTION: Duration = Duration::from_mins(2);
/// How soon a process that has lost the Lease ends.
const LONGEST_END: Duration = Duration::from_secs(30);
/// What it ends with.
const LOST_LEADERSHIP: i32 = 10;

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// SIGKILL, and a new process.
    Kill,
    /// SIGSTOP for so long; meanwhile the other process works.
    Stop(Duration),
    /// SIGSTOP of the leader until another one has taken the Lease and has led for so long.
    Outlast(Duration),
    /// This to all open watches.
    Watch(WatchFault),
}

/// What happens to watches that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchFault {
    /// Silence.
    Held,
    /// 410.
    Gone,
    /// Everything so much later.
    Delayed(Duration),
}

/// A deed that was asked for.
struct Wanted {
    process: usize,
    deed: Deed,
    done: oneshot::Sender<()>,
}

/// The operators of a run.
pub struct Warden {
    operators: tokio::sync::Mutex<Vec<OperatorProcess>>,
    registry: Arc<Registry>,
    wanted: mpsc::UnboundedSender<Wanted>,
    /// The newest fault of watches, with its number.
    watches: watch::Sender<(u64, Option<WatchFault>)>,
    faults: Mutex<Vec<Timestamp>>,
    held: Mutex<usize>,
    trouble: Mutex<Option<String>>,
}

impl Warden {
    /// A warden without operators.
    #[must_use]
    pub fn start(registry: Arc<Registry>) -> Arc<Self> {
        let (wanted, deeds) = mpsc::unbounded_channel();
        let warden = Arc::new(Self {
            operators: tokio::sync::Mutex::default(),
            registry,
            wanted,
            watches: watch::Sender::new((0, None)),
            faults: Mutex::default(),
            held: Mutex::default(),
            trouble: Mutex::default(),
        });
        tokio::spawn(work(Arc::downgrade(&warden), deeds));
        warden
    }

    /// Puts an operator into its care.
    pub async fn add(&self, operator: OperatorProcess) {
        self.operators.lock().await.push(operator);
    }

    /// The root of the first operator's endpoints.
    pub async fn url(&self) -> Result<String> {
        let operators = self.operators.lock().await;
        operators
            .first()
            .context("there is no operator")?
            .url()
            .await
            .map(str::to_owned)
    }

    /// Asks for a deed and waits until it has begun.
    pub async fn ask(&self, process: usize, deed: Deed) {
        let (done, begun) = oneshot::channel();
        if self.wanted.send(Wanted { process, deed, done }).is_ok() {
            let _ = begun.await;
        }
    }

    /// Asks for a deed that the asker will not survive.
    pub fn ask_for_death(&self, process: usize) {
        let (done, _) = oneshot::channel();
        let deed = Deed::Kill;
        let _ = self.wanted.send(Wanted { process, deed, done });
    }

    /// Faults of watches, for those who stream one.
    #[must_use]
    pub fn watch_faults(&self) -> watch::Receiver<(u64, Option<WatchFault>)> {
        self.watches.subscribe()
    }

    /// A fault lasts until this is dropped: of a watch that is held, when the operator has given it up.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> UnderWay {
        *self.held.lock() += 1;
        UnderWay(Arc::clone(self))
    }

    /// When something was done to everybody, in order. None while something is still being done.
    #[must_use]
    pub fn faults(&self) -> Option<Vec<Timestamp>> {
        (*self.held.lock() == 0).then(|| self.faults.lock().clone())
    }

    /// The end of the operators' logs, and what went wrong in here.
    pub async fn explain(&self) -> String {
        let trouble = self.trouble.lock().clone().unwrap_or_default();
        let operators = self.operators.lock().await;
        let tails = operators.iter().map(|operator| operator.log_tail(5));
        format!("{trouble}\n{}", tails.collect::<Vec<_>>().join("\n"))
    }

    /// Fails when a deed failed or an operator has ended on its own.
    pub async fn ensure_well(&self) -> Result<()> {
        if let Some(trouble) = self.trouble.lock().clone() {
            return Err(anyhow!(trouble));
        }
        let operators = self.operators.lock().await;
        operators.iter().try_for_each(OperatorProcess::ensure_running)
    }

    /// Ends all operators.
    pub async fn end(&self) {
        self.operators.lock().await.clear();
    }

    fn note_fault(&self) {
        self.faults.lock().push(Timestamp::now());
    }

    async fn act(
        self: &Arc<Self>,
        deed: Deed,
        processes: &[usize],
        begun: Vec<oneshot::Sender<()>>,
    ) -> Result<()> {
        // Until it is over nobody takes a calm moment for the end.
        let _under_way = self.hold();
        match deed {
            Deed::Kill => self.kill(processes).await?,
            Deed::Stop(pause) => self.stop(processes, pause, begun).await?,
            Deed::Outlast(pause) => {
                let mut begun = begun;
                for process in processes {
                    self.outlast(*process, pause, &mut begun).await?;
                }
            }
            Deed::Watch(fault) => {
                self.note_fault();
                self.watches
                    .send_modify(|(number, newest)| (*number, *newest) = (*number + 1, Some(fault)));
                self.note_fault();
            }
        }
        Ok(())
    }

    async fn kill(&self, processes: &[usize]) -> Result<()> {
        let mut operators = self.operators.lock().await;
        for process in processes {
            let operator = operators.get_mut(*process).context("no such operator")?;
            operator.kill_hard().await?;
            self.note_fault();
            self.registry.resume_all();
            operator.restart()?;
        }
        Ok(())
    }

    async fn stop(
        &self,
        processes: &[usize],
        pause: Duration,
        begun: Vec<oneshot::Sender<()>>,
    ) -> Result<()> {
        // The lock is not kept: the others are asked how they are.
        {
            let operators = self.operators.lock().await;
            for process in processes {
                operators
                    .get(*process)
                    .context("no such operator")?
                    .pause()
                    .await?;
            }
            for (index, other) in operators.iter().enumerate() {
                if !processes.contains(&index) {
                    other.resume().await?;
                }
            }
        }
        self.note_fault();
        // What they were waiting for now lies in the stopped process's socket.
        for begun in begun {
            let _ = begun.send(());
        }
        tokio::time::sleep(pause).await;
        let operators = self.operators.lock().await;
        for operator in operators.iter() {
            operator.resume().await?;
        }
        self.note_fault();
        Ok(())
    }

    async fn outlast(
        &self,
        process: usize,
        pause: Duration,
        begun: &mut Vec<oneshot::Sender<()>>,
    ) -> Result<()> {
        // One that has lost the Lease already, and asked with its last breath, has nothing to lose.
        if self.leader(None).await? != Some(process) {
            return Ok(());
        }
        {
            let operators = self.operators.lock().await;
            operators
                .get(process)
                .context("no such operator")?
                .pause()
                .await?;
        }
        self.note_fault();
        // What it was waiting for now lies in its socket.
        for begun in begun.drain(..) {
            let _ = begun.send(());
        }
        let elected = async {
            while self.leader(Some(process)).await?.is_none() {
                tokio::time::sleep(LOOK).await;
            }
            anyhow::Ok(())
        };
        let elected = tokio::time::timeout(LONGEST_ELECTION, elected).await;
        elected.context("nobody has taken the Lease")??;
        tokio::time::sleep(pause).await;
        // Until it runs again nobody asks how it is.
        let mut operators = self.operators.lock().await;
        let operator = operators.get_mut(process).context("no such operator")?;
        operator.resume().await?;
        let code = operator.await_exit(LONGEST_END).await?;
        ensure!(
            code == LOST_LEADERSHIP,
            "a leader that lost the Lease ended with {code}"
        );
        operator.restart()?;
        self.note_fault();
        Ok(())
    }

    /// Which process says that it leads; a frozen one says nothing.
    async fn leader(&self, frozen: Option<usize>) -> Result<Option<usize>> {
        let operators = self.operators.lock().await;
        for (index, operator) in operators.iter().enumerate() {
            if Some(index) != frozen && operator.leads().await? == Some(true) {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }
}

async fn work(warden: std::sync::Weak<Warden>, mut deeds: mpsc::UnboundedReceiver<Wanted>) {
    while let Some(first) = deeds.recv().await {
        tokio::time::sleep(GATHER).await;
        let Some(warden) = warden.upgrade() else { return };
        let mut asked = vec![first];
        while let Ok(next) = deeds.try_recv() {
            asked.push(next);
        }
        // One deed after another; plans of one run ask for the same, as a rule.
        while let Some(deed) = asked.first().map(|wanted| wanted.deed) {
            let (now, later): (Vec<_>, Vec<_>) = asked.into_iter().partition(|wanted| wanted.deed == deed);
            asked = later;
            let mut processes: Vec<usize> = now.iter().map(|wanted| wanted.process).collect();
            processes.sort_unstable();
            processes.dedup();
            let begun = now.into_iter().map(|wanted| wanted.done).collect();
            if let Err(error) = warden.act(deed, &processes, begun).await {
                *warden.trouble.lock() = Some(format!("{error:#}"));
            }
        }
    }
}

/// A fault that is not over.
pub struct UnderWay(Arc<Warden>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.note_fault();
        *self.0.held.lock() -= 1;
    }
}
