//! Rehearses the pass of one object: reads what a pass would read, as far as the caller may, and foresees its writes. I/O.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::prospect::{Because, Prospect};
use super::rehearsed::Rehearsed;
use super::setting::setting;
use super::stand_in::presumed;
use crate::account::key::AccountKey;
use crate::clock::wall_clock;
use crate::controller::wake::ObjectKey;
use crate::crd::Subaccount;
use crate::kubectl::failure::Failure;
use crate::kubectl::sight::Seen;
use crate::kubectl::sight::objects::{Kind, ObjectId};
use crate::kubectl::sight::records::Found;
use crate::kubectl::sight::sights::Sights;
use crate::subaccount::desired::Desired;
use crate::subaccount::known::{Known, KnownRecord, KnownSecret};
use crate::subaccount::store::record::secret_name;
use crate::subaccount::tell::{AccountState, Findings, Outcome};
use crate::vobiz::{self, AuthId};
use vobiz_protocol::facts::Object;
use vobiz_protocol::plan::{Block, Rest, Step, Wait, plan};

/// More steps, and it would go in circles.
const MOST_STEPS: usize = 60;

/// What is told of an object that goes without its finalizer.
const ORPHANED: &str = "its finalizer is gone, so the account stays at Vobiz and nobody looks after it";

/// The object of a rehearsal.
pub struct Case {
    /// As it is stored; none of a new one.
    pub stored: Option<Subaccount>,
    /// As it will be stored.
    pub object: Subaccount,
    /// It is being deleted then.
    pub is_going: bool,
    /// Why it is part of the plan.
    pub because: Because,
    /// The user's Secret is compared even where no pass is due that would.
    pub compares_secret: bool,
}

/// Why a rehearsal ends.
pub enum Stop {
    /// As the pass would.
    Outcome(Outcome),
    /// What decides cannot be seen.
    Unseen(String),
    /// A request failed.
    Failure(Failure),
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(outcome)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// A rehearsal under way.
pub struct Rehearsal<'a, 'b> {
    pub(super) sights: &'a mut Sights<'b>,
    pub(super) pass: Rehearsed,
    pub(super) account: AccountKey,
    /// The object as it is stored.
    pub(super) stored: Option<Subaccount>,
    /// The Record as it is stored, or as it must be where it cannot be seen.
    pub(super) record: Option<Found>,
    /// What is taken on trust.
    pub(super) unseen: Vec<String>,
}

/// What would become of the object.
pub async fn rehearse(sights: &mut Sights<'_>, case: Case) -> Result<Prospect, Failure> {
    let key = ObjectKey::of(&case.object);
    let id = ObjectId {
        kind: Kind::Subaccount,
        key: key.clone(),
    };
    let (because, is_going) = (case.because, case.is_going);
    let secret = case
        .stored
        .as_ref()
        .and_then(|object| object.status.as_ref()?.secret_name.clone());
    let mut prospect = Prospect::nothing(&id, because);
    prospect.account = case.object.spec.account_ref.to_string();
    prospect.auth_id = named(&case.object);
    let mut rehearsal = Rehearsal::begin(sights, case).await?;
    let stop = rehearsal.run().await;
    let Rehearsal { pass, unseen, .. } = rehearsal;
    prospect.unseen = unseen;
    match stop {
        Stop::Failure(failure) => return Err(failure),
        Stop::Unseen(why) => {
            let told = Prospect::cannot_tell(&id, because, why);
            return Ok(Prospect {
                account: prospect.account,
                auth_id: prospect.auth_id,
                unseen: prospect.unseen,
                ..told
            });
        }
        Stop::Outcome(outcome) => {
            let is_orphaned = is_going && !pass.known.has_finalizer() && pass.known.is_named();
            prospect.take(pass.deeds, pass.requests, &outcome, is_going);
            if is_orphaned {
                ORPHANED.clone_into(&mut prospect.message);
            }
            let is_gone = is_going && outcome.rest == Rest::Settled;
            prospect.remove_secret(secret.filter(|_| is_gone));
        }
    }
    Ok(prospect)
}

/// The account that the object's status names, or its spec.
fn named(object: &Subaccount) -> Option<AuthId> {
    let told = object
        .status
        .as_ref()
        .and_then(|status| status.auth_id.as_deref());
    AuthId::parse(told.or(object.spec.auth_id.as_deref())?).ok()
}

impl<'a, 'b> Rehearsal<'a, 'b> {
    async fn begin(sights: &'a mut Sights<'b>, case: Case) -> Result<Self, Failure> {
        let Case {
            stored, mut object, ..
        } = case;
        let key = ObjectKey::of(&object);
        let account = AccountKey::referred(&key.namespace, &object.spec.account_ref);
        let life = if case.is_going {
            Object::Deleting
        } else {
            Object::Live
        };
        if case.is_going {
            object.metadata.deletion_timestamp = Some(Time(wall_clock()));
        }
        let uid = object.metadata.uid.clone().unwrap_or_default();
        let mut known = Known::nothing(life);
        known.applied = object.is_applied();
        known.take_object(Arc::new(object));
        let mut unseen = Vec::new();
        let setting = setting(sights, &account, &key, &known, &mut unseen).await?;
        let record = if uid.is_empty() {
            None
        } else {
            match sights.records.serving(&uid).await? {
                Seen::Shown(found) => found,
                Seen::Hidden(why) => {
                    unseen.push(why);
                    presumed(&known, &key, &uid).map(|record| Found {
                        record: Ok(record),
                        secret: secret_name(&uid),
                    })
                }
            }
        };
        let mut pass = Rehearsed::new(key, uid, known, setting);
        if let Some(Found {
            record: Ok(record), ..
        }) = &record
            && life == Object::Live
            && record
                .ledger
                .is_trusted_from_cache(pass.known.named_id().as_ref())
        {
            pass.known.record = KnownRecord::Cached(record.clone());
        }
        if pass.known.applied && !case.compares_secret {
            pass.known.secret = KnownSecret::NotDue;
        }
        Ok(Self {
            sights,
            pass,
            account,
            stored,
            record,
            unseen,
        })
    }

    async fn run(&mut self) -> Stop {
        if let Some(id) = self.held()
            && let Err(end) = self.observe(&id).await
            // Without a look at it an account is deleted, or left, as if it were there.
            && (self.pass.known.life == Object::Live || matches!(end, Stop::Failure(_)))
        {
            return end;
        }
        for _ in 0..MOST_STEPS {
            self.pass.look_around();
            let step = plan(&self.pass.facts());
            let looked = match step {
                Step::Rest(rest) => return Stop::Outcome(self.explain(rest).await),
                Step::ReadRecord => self.read_record().await,
                Step::ReadSecret => self.read_secret().await,
                Step::JudgeClaim => self.judge_claim().await,
                Step::ProvePair => self.prove_pair().await,
                Step::ReadAccount => self.read_account().await,
                Step::Reclaim => match self.may_reclaim().await {
                    Ok(()) => self.pass.foresee(step).map_err(Stop::from),
                    Err(end) => Err(end),
                },
                _ => self.pass.foresee(step).map_err(Stop::from),
            };
            if let Err(end) = looked {
                return end;
            }
        }
        Stop::Unseen("this version goes in circles over it; report it with its manifest".to_owned())
    }

    /// The account of the Record as it is stored.
    fn held(&self) -> Option<AuthId> {
        let record = self.record.as_ref()?.record.as_ref().ok()?;
        record.auth_id().cloned()
    }

    /// What the account at Vobiz shows; where that cannot be seen, what was last applied.
    pub(super) async fn observe(&mut self, id: &AuthId) -> Result<(), Stop> {
        let account = self.sights.account(&self.account).await?;
        if let Seen::Shown(parent) = &mut account.parent {
            let recorded = self.pass.known.record().map(|record| &record.parent);
            if recorded.is_none_or(|recorded| recorded == parent.id()) {
                self.pass.shown = parent.account(id).await?;
                self.pass.is_looked_at = true;
                return Ok(());
            }
        }
        let hidden = match &account.parent {
            Seen::Hidden(why) => Some(why.clone()),
            Seen::Shown(_) => None,
        };
        if let Some(why) = hidden {
            self.note_unseen(why);
        }
        match self.presumed_account(id) {
            Some(account) => {
                self.pass.shown = Some(account);
                self.pass.is_looked_at = true;
                Ok(())
            }
            None => Err(Stop::Unseen(format!(
                "what {id} shows at Vobiz cannot be seen, and its object was never applied: give --auth-id and --auth-token-file"
            ))),
        }
    }

    pub(super) fn note_unseen(&mut self, why: String) {
        if !self.unseen.contains(&why) {
            self.unseen.push(why);
        }
    }

    /// What an object that is applied asked for, Vobiz shows.
    fn presumed_account(&self, id: &AuthId) -> Option<vobiz::Subaccount> {
        let stored = self.stored.as_ref().filter(|stored| stored.is_applied())?;
        let setting = &self.pass.setting;
        let asked = Desired::from_spec(
            &stored.spec,
            &self.pass.key,
            &setting.name_prefix,
            setting.generation?,
        );
        Some(vobiz::Subaccount::new(id.clone(), asked.ok()?.fields().clone()))
    }

    /// What to tell people of the end of the pass, in the operator's words.
    async fn explain(&mut self, rest: Rest) -> Outcome {
        let desired = self.pass.desired();
        let mut found = Findings {
            invalid: desired.as_ref().and_then(|desired| desired.as_ref().err()),
            ..self.pass.known.findings()
        };
        match rest {
            Rest::Waiting(Wait::Account) => {
                if let Ok(account) = self.sights.account(&self.account).await {
                    found.account_state = match (account.stored(), account.trouble()) {
                        (None, _) => AccountState::Missing,
                        (Some(object), _) if object.metadata.deletion_timestamp.is_some() => {
                            AccountState::Closing
                        }
                        (Some(_), trouble) => AccountState::NotReady(trouble),
                    };
                }
            }
            Rest::Blocked(Block::AuthIdConflict) => {
                found.conflict = self.pass.known.claim.as_ref().and_then(|judged| judged.conflict);
            }
            _ => {}
        }
        Outcome::of_rest(rest, &found)
    }
}
