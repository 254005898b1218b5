//! What each step of a pass does to the world, and what its answer does to the facts: the operator's effects as a table. PURE.

pub(crate) mod account;
pub(crate) mod object;
pub(crate) mod record;
pub(crate) mod secret;

use crate::effect::account::{create, delete, forget, listed, read_account, update};
use crate::effect::object::{confirm, release, take_object};
use crate::effect::record::{
    adopted, claim, close, look_again, opened, read_record, reclaim, swap, take_record,
};
use crate::effect::secret::{marker_of, prove, publish, read_secret};
use crate::held::hold;
use crate::normal::unused_version;
use crate::promise::{check_adoption, check_delete, check_records, check_write};
use crate::rules::Rules;
use crate::state::{Memory, Pass, State, Task};
use crate::step::{Fault, Flow, leftover};
use crate::weakness::Weakness;
use crate::world::{Ledger, Policy, Written};
use vobiz_protocol::facts::{Claim, Confirmation, Evidence, Made, Object as Kind};
use vobiz_protocol::ledger::{Decision, Phase};
use vobiz_protocol::plan::Step;

#[expect(clippy::too_many_lines, reason = "one arm for each step")]
pub(crate) fn perform(
    rules: &Rules,
    state: &mut State,
    process: usize,
    mut pass: Pass,
    step: Step,
    fault: Fault,
) -> Flow {
    let uid = pass.uid;
    match pass.task {
        Task::Plan => {}
        Task::LookAgain => return look_again(rules, state, process, pass),
        Task::Report { ready } => {
            let known = pass.record.and_then(|record| record.ledger.auth_id);
            // A late write of a pass without a pair must not clear an id that another pass has written.
            let version = known
                .is_none()
                .then(|| pass.object.map(|object| object.version))
                .flatten();
            state.cluster.patch(uid, version, |object| {
                object.identity = known.or(pass.object.and_then(|seen| seen.identity));
                // The status says for which generation it speaks.
                object.ready = ready && pass.object.is_none_or(|seen| seen.is_of_generation(object));
            });
            return Flow::End;
        }
    }
    let written = match step {
        Step::Rest(_) | Step::TakePermit | Step::RemoveFormerSecret => Written::Refused,
        Step::AddFinalizer => {
            let version = pass.object.map(|object| object.version);
            let written = state
                .cluster
                .patch(uid, version, |object| object.finalizer = true);
            take_object(&mut pass, state);
            written
        }
        Step::ReadRecord => {
            read_record(rules, state, process, &mut pass);
            Written::Done
        }
        Step::OpenRecord if rules.drops(Weakness::NoTombstone) && pass.facts.object == Kind::Deleting => {
            let identity = pass.object.and_then(|object| object.identity);
            let deletes = pass.object.is_some_and(|object| object.policy == Policy::Delete);
            if let Some(id) = identity.filter(|_| deletes) {
                check_delete(rules, state, id);
                state.vobiz.delete(id);
            }
            release(rules, state, &pass);
            return Flow::End;
        }
        Step::OpenRecord | Step::RebuildRecord | Step::OpenAdoption => {
            let marker = pass.marker.filter(|_| step == Step::RebuildRecord);
            let Some(account) = pass.account else {
                return Flow::End;
            };
            let mut ledger = opened(state, &pass, step, account.generation);
            if let Some((series, epoch)) = marker.filter(|_| rules.drops(Weakness::RebuildUnderOwnEpoch)) {
                (ledger.series, ledger.epoch, ledger.fenced_through) = (series, epoch, epoch - 1);
            }
            let at_once = rules.drops(Weakness::RebuildWithoutLook) && step == Step::RebuildRecord;
            let ledger = match pass.evidence.filter(|_| at_once) {
                Some(id) => ledger.restored(id, id, marker),
                None => ledger,
            };
            let version = unused_version(state, uid);
            let namespace = pass.object.map_or(0, |object| object.namespace);
            let written = state
                .cluster
                .create_record(uid, version, namespace, account.id, ledger);
            if written == Written::Done {
                state.next_series += u8::from(ledger.epoch > 0);
                pass.slot = uid;
                take_record(rules, state, process, &mut pass);
                if step != Step::OpenRecord && !rules.drops(Weakness::LookBeforeIntent) {
                    pass.facts.claim = Claim::Unread;
                }
                if step == Step::OpenAdoption {
                    pass.facts.confirmation = Confirmation::Unasked;
                }
                if step == Step::OpenRecord {
                    pass.facts.confirmation = Confirmation::Unasked;
                    pass.facts.looked_again = false;
                    if pass.facts.object == Kind::Live {
                        claim(state, process, &mut pass);
                    }
                }
            }
            written
        }
        Step::TakeOver => {
            let generation = pass.account.map_or(0, |account| account.generation);
            let written = swap(rules, state, process, &mut pass, |ledger| {
                if rules.drops(Weakness::TakeoverKeepsEpoch) {
                    ledger
                } else if rules.drops(Weakness::EarlierGenerationForgotten) {
                    Ledger {
                        generation,
                        ..ledger.taken_over(generation)
                    }
                } else {
                    ledger.taken_over(generation)
                }
            });
            claim(state, process, &mut pass);
            written
        }
        Step::Reopen => {
            let generation = pass.account.map_or(0, |account| account.generation);
            let written = swap(rules, state, process, &mut pass, |ledger| {
                ledger.reopened(generation)
            });
            claim(state, process, &mut pass);
            written
        }
        Step::ClosePredecessor => match pass.predecessor.take() {
            Some((slot, found)) => {
                let closed = found.ledger.closed(Decision::Delete { cascade: false }, None);
                let written = state.cluster.swap_record(slot, &found, found.uid, closed);
                if written == Written::Done {
                    state.vobiz.fenced(&found.ledger, &closed);
                }
                read_record(rules, state, process, &mut pass);
                written
            }
            None => Written::Refused,
        },
        Step::Reclaim => reclaim(rules, state, process, &mut pass),
        Step::Confirm => {
            confirm(rules, state, process, &mut pass);
            let refuted = pass.facts.confirmation == Confirmation::Refuted;
            let open = pass
                .record
                .is_some_and(|record| record.ledger.phase == Phase::Open);
            if refuted && open && rules.drops(Weakness::RefutedCloses) && pass.facts.object == Kind::Live {
                let delete = Decision::Delete { cascade: false };
                swap(rules, state, process, &mut pass, |ledger| {
                    ledger.closed(delete, None)
                });
            }
            Written::Done
        }
        Step::Create => create(rules, state, process, &mut pass, fault),
        Step::Bind => match pass.made {
            Some(id) => {
                let written = swap(rules, state, process, &mut pass, |ledger| ledger.bound(id, id));
                if written == Written::Done {
                    pass.made = None;
                    pass.facts.made = Made::Nothing;
                } else {
                    if rules.drops(Weakness::CompensateUnread) {
                        pass.facts.made = Made::Fenced;
                    } else if pass.looked {
                        hold(rules, state, process, &pass);
                        return Flow::End;
                    } else {
                        pass.task = Task::LookAgain;
                    }
                    state.processes[process].pass = Some(pass);
                    return Flow::On;
                }
                written
            }
            None => Written::Refused,
        },
        Step::ReadSecret => {
            read_secret(rules, state, &mut pass);
            Written::Done
        }
        Step::JudgeClaim => {
            crate::claim::judge(rules, state, process, &mut pass);
            Written::Done
        }
        Step::ProvePair => {
            prove(rules, state, process, &mut pass);
            Written::Done
        }
        Step::RecoverPair => {
            pass.token_asked = true;
            let known = pass.object.and_then(|object| object.named());
            if let Some((id, account)) = known.and_then(|id| Some((id, state.vobiz.alive(id)?))) {
                (pass.evidence, pass.marker) = (Some(id), marker_of(*account));
                pass.facts.evidence = Evidence::Proven;
            }
            Written::Done
        }
        Step::AdoptIdentity | Step::ForgetIdentity => {
            let version = pass.object.map(|object| object.version);
            let identity = pass.evidence.filter(|_| step == Step::AdoptIdentity);
            let written = state.cluster.patch(uid, version, |object| {
                object.identity = identity;
                object.ready &= step == Step::AdoptIdentity;
            });
            take_object(&mut pass, state);
            if step == Step::AdoptIdentity {
                state.processes[process].memory[usize::from(uid)].unspent = None;
                return Flow::End;
            }
            written
        }
        Step::RestorePair => match pass.evidence {
            Some(id) => {
                let marker = pass.marker;
                swap(rules, state, process, &mut pass, |ledger| {
                    if ledger.phase == Phase::Bound {
                        ledger.completed(id)
                    } else {
                        ledger.restored(id, id, marker)
                    }
                })
            }
            None => Written::Refused,
        },
        Step::WithdrawAdoption => {
            let written = pass.record.map_or(Written::Refused, |record| {
                state.cluster.drop_record(pass.slot, &record)
            });
            pass.record = None;
            pass.facts.take_no_record();
            written
        }
        Step::Adopt => match pass
            .record
            .and_then(|record| adopted(state, &pass, record.ledger))
        {
            Some(ledger) => {
                let written = swap(rules, state, process, &mut pass, |_| ledger);
                if written == Written::Done {
                    check_adoption(state, &pass);
                    if let Some(record) = &pass.record {
                        pass.facts.remote = listed(state, record);
                    }
                }
                written
            }
            None => Written::Refused,
        },
        Step::PublishSecret => publish(state, &mut pass),
        Step::ReadAccount => {
            read_account(rules, state, process, &mut pass);
            Written::Done
        }
        Step::Update => update(rules, state, process, &mut pass),
        Step::Close => close(rules, state, process, &mut pass),
        Step::Delete => delete(rules, state, process, &mut pass),
        Step::DeleteMade => {
            if let Some(id) = pass.made {
                check_write(state, &pass);
                // An answer that says nothing: the next walk shows it again.
                if !(state.lost_route || state.deaf) {
                    check_delete(rules, state, id);
                    state.vobiz.delete(id);
                }
                forget(state, process, id);
            }
            return Flow::End;
        }
        Step::DeleteLeftover => {
            if let Some(id) = leftover(rules, state, process, &pass) {
                check_write(state, &pass);
                // An answer that says nothing: the next walk shows it again.
                if !(state.lost_route || state.deaf) {
                    check_delete(rules, state, id);
                    state.vobiz.delete(id);
                }
                forget(state, process, id);
            }
            Written::Done
        }
        Step::ReleaseFinalizer => {
            release(rules, state, &pass);
            return Flow::End;
        }
        Step::DropRecord => {
            if let Some(record) = pass.record {
                state.cluster.drop_record(pass.slot, &record);
            }
            let memory = &mut state.processes[process].memory;
            memory[usize::from(uid)] = Memory::default();
            memory[usize::from(pass.slot)] = Memory::default();
            return Flow::End;
        }
    };
    check_records(state);
    if written == Written::Refused {
        return Flow::End;
    }
    state.processes[process].pass = Some(pass);
    Flow::On
}

pub(crate) fn small(epoch: u32) -> u8 {
    u8::try_from(epoch).unwrap_or(u8::MAX)
}
