//! The one request that a step of a pass sends, with what it tests: what the real servers are asked when a way of the
//! model is replayed against them. PURE.

use crate::claim::known;
use crate::effect::record::{adopted, decision, opened};
use crate::normal::unused_version;
use crate::rules::Rules;
use crate::state::{Pass, State, Task};
use crate::step::{self, leftover};
use crate::world::{Cluster, Flight, Ledger, Object, Record, UserSecret, Vobiz, Written};
use vobiz_protocol::facts::Evidence;
use vobiz_protocol::ledger::{Decision, Phase};
use vobiz_protocol::plan::Step;

/// One request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// Patch of the object that tests uid and version.
    AddFinalizer {
        /// Tested.
        uid: u8,
        /// Tested.
        version: u8,
    },
    /// Patch of the object that tests uid and finalizer.
    RemoveFinalizer {
        /// Tested.
        uid: u8,
        /// The object as the pass saw it.
        version: u8,
    },
    /// Patch of the status.
    WriteStatus {
        /// The object as the pass saw it; its uid is tested.
        seen: Object,
        /// Whether its version is tested too.
        tests_version: bool,
        /// `status.authId`.
        identity: Option<u8>,
        /// Ready, for the generation that the pass saw.
        ready: bool,
    },
    /// Refused if there is one.
    CreateRecord {
        /// Where.
        slot: u8,
        /// Which it gets: one that no earlier Record of the name had.
        version: u8,
        /// What.
        ledger: Ledger,
    },
    /// Compare-and-swap.
    ReplaceRecord {
        /// Where.
        slot: u8,
        /// Its version is tested.
        read: Record,
        /// Whom it serves from here on.
        uid: u8,
        /// What.
        ledger: Ledger,
    },
    /// Deletion that tests uid and version of the Secret.
    DropRecord {
        /// Where.
        slot: u8,
        /// Its version is tested.
        read: Record,
    },
    /// Read of the user's Secret.
    ReadSecret,
    /// Create, or compare-and-swap of the one that was read.
    PublishSecret {
        /// As the pass read it.
        read: Option<UserSecret>,
        /// What.
        secret: UserSecret,
    },
    /// The create request.
    Post {
        /// Of the marker.
        series: u8,
        /// Of the marker.
        epoch: u8,
    },
    /// Refused (404) if it is gone.
    ReadAccount {
        /// Which.
        id: u8,
    },
    /// Refused (404) if it is gone.
    UpdateAccount {
        /// Which.
        id: u8,
        /// What.
        enabled: bool,
    },
    /// Refused (404) if it is gone.
    DeleteAccount {
        /// Which.
        id: u8,
    },
}

impl Request {
    /// What the next step of this process sends; none if that is a read that every comparison repeats anyhow.
    #[must_use]
    pub fn of(rules: &Rules, state: &State, process: usize) -> Option<Self> {
        let pass = state.processes[process].pass?;
        match pass.task {
            Task::LookAgain => None,
            Task::Report { ready } => report(&pass, ready),
            Task::Plan => {
                let next = step::next(rules, state, process, &pass);
                on_object(&pass, next)
                    .or_else(|| on_record(rules, state, process, next))
                    .or_else(|| on_account(rules, state, process, next))
            }
        }
    }

    /// The answer of the model's own world.
    pub fn carry_out(self, cluster: &mut Cluster, vobiz: &mut Vobiz) -> Written {
        let done_if = |done| if done { Written::Done } else { Written::Refused };
        match self {
            Self::AddFinalizer { uid, version } => {
                cluster.patch(uid, Some(version), |object| object.finalizer = true)
            }
            Self::RemoveFinalizer { uid, .. } => match cluster.object {
                // What is gone need not be let go.
                None => Written::Done,
                Some(object) if object.uid == uid && object.finalizer => {
                    cluster.patch(uid, None, |object| object.finalizer = false)
                }
                Some(_) => Written::Refused,
            },
            Self::WriteStatus {
                seen,
                tests_version,
                identity,
                ready,
            } => cluster.patch(seen.uid, tests_version.then_some(seen.version), |object| {
                object.identity = identity;
                object.ready = ready && seen.is_of_generation(object);
            }),
            Self::CreateRecord {
                slot,
                version,
                ledger,
            } => cluster.create_record(slot, version, 0, 0, ledger),
            Self::ReplaceRecord {
                slot,
                read,
                uid,
                ledger,
            } => cluster.swap_record(slot, &read, uid, ledger),
            Self::DropRecord { slot, read } => cluster.drop_record(slot, &read),
            Self::ReadSecret => Written::Done,
            Self::PublishSecret { read, secret } => {
                let written = done_if(cluster.secret == read);
                if written == Written::Done {
                    cluster.secret = Some(secret);
                    cluster.collect();
                }
                written
            }
            Self::Post { series, epoch } => {
                let flight = Flight {
                    series,
                    epoch,
                    // What is replayed stays under one of each.
                    generation: 2,
                    parent: 0,
                    due: false,
                };
                done_if(vobiz.commit(flight).is_some())
            }
            Self::ReadAccount { id } => done_if(vobiz.alive(id).is_some()),
            Self::UpdateAccount { id, enabled } => match &mut vobiz.accounts[usize::from(id)] {
                Some(account) if account.alive => {
                    account.enabled = enabled;
                    Written::Done
                }
                _ => Written::Refused,
            },
            Self::DeleteAccount { id } => done_if(vobiz.delete(id)),
        }
    }
}

fn report(pass: &Pass, ready: bool) -> Option<Request> {
    let known = pass.record.and_then(|record| record.ledger.auth_id);
    let seen = pass.object?;
    Some(Request::WriteStatus {
        seen,
        tests_version: known.is_none(),
        identity: known.or(seen.identity),
        ready,
    })
}

fn on_object(pass: &Pass, next: Step) -> Option<Request> {
    let (uid, seen) = (pass.uid, pass.object?);
    let version = seen.version;
    let status = |identity, ready| Request::WriteStatus {
        seen,
        tests_version: true,
        identity,
        ready,
    };
    match next {
        Step::AddFinalizer => Some(Request::AddFinalizer { uid, version }),
        Step::ReleaseFinalizer => Some(Request::RemoveFinalizer { uid, version }),
        Step::AdoptIdentity => Some(status(pass.evidence, seen.ready)),
        Step::ForgetIdentity => Some(status(None, false)),
        _ => None,
    }
}

fn on_record(rules: &Rules, state: &State, process: usize, next: Step) -> Option<Request> {
    let pass = &state.processes[process].pass?;
    let replace = |slot, read: Record, uid, ledger| Request::ReplaceRecord {
        slot,
        read,
        uid,
        ledger,
    };
    let generation = pass.account.map_or(0, |account| account.generation);
    match next {
        Step::OpenRecord | Step::RebuildRecord | Step::OpenAdoption => {
            return Some(Request::CreateRecord {
                slot: pass.uid,
                version: unused_version(state, pass.uid),
                ledger: opened(state, pass, next, generation),
            });
        }
        Step::ClosePredecessor => {
            let (slot, found) = pass.predecessor?;
            let closed = found.ledger.closed(Decision::Delete { cascade: false }, None);
            return Some(replace(slot, found, found.uid, closed));
        }
        Step::Reclaim => {
            let (slot, found) = pass.predecessor?;
            let token = pass.evidence.filter(|_| pass.facts.evidence == Evidence::Proven);
            return Some(replace(slot, found, pass.uid, found.ledger.reclaimed(token)?));
        }
        _ => {}
    }
    let read = pass.record?;
    let ledger = match next {
        Step::TakeOver => read.ledger.taken_over(generation),
        Step::Reopen => read.ledger.reopened(generation),
        Step::Bind => read.ledger.bound(pass.made?, pass.made?),
        Step::RestorePair if read.ledger.phase == Phase::Bound => read.ledger.completed(pass.evidence?),
        Step::RestorePair => read.ledger.restored(pass.evidence?, pass.evidence?, pass.marker),
        Step::Adopt => adopted(state, pass, read.ledger)?,
        Step::Close => {
            let known = known(rules, state, process, pass);
            let memory = state.processes[process].memory[usize::from(pass.uid)];
            read.ledger.closed(decision(rules, pass, memory), known)
        }
        Step::DropRecord | Step::WithdrawAdoption => {
            return Some(Request::DropRecord {
                slot: pass.slot,
                read,
            });
        }
        _ => return None,
    };
    Some(replace(pass.slot, read, read.uid, ledger))
}

fn on_account(rules: &Rules, state: &State, process: usize, next: Step) -> Option<Request> {
    let pass = state.processes[process].pass?;
    let ledger = pass.record.map(|record| record.ledger);
    let id = ledger.and_then(|ledger| ledger.auth_id);
    let read = |id| Request::ReadAccount { id };
    let delete = |id| Request::DeleteAccount { id };
    match next {
        Step::ReadSecret => Some(Request::ReadSecret),
        Step::PublishSecret => Some(Request::PublishSecret {
            read: pass.secret,
            secret: UserSecret {
                owner: Some(pass.uid),
                id: ledger?.auth_token?,
                allows: pass.secret.is_some_and(|secret| secret.allows),
                forged: false,
            },
        }),
        Step::Create => Some(Request::Post {
            series: ledger?.series,
            epoch: u8::try_from(ledger?.epoch).ok()?,
        }),
        Step::ProvePair => pass.evidence.map(read),
        Step::RecoverPair => pass.object?.identity.map(read),
        Step::ReadAccount => id.map(read),
        Step::Update => Some(Request::UpdateAccount {
            id: id?,
            enabled: ledger?.phase == Phase::Bound,
        }),
        Step::Delete => id.map(delete),
        Step::DeleteMade => pass.made.map(delete),
        Step::DeleteLeftover => leftover(rules, state, process, &pass).map(delete),
        _ => None,
    }
}
