//! What no object keeps: decided from the lists of Vobiz, the Records and the objects. PURE.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::objects::Objects;
use super::orphan::{AtVobiz, Orphan, Report, What};
use crate::account::marker::{Installation, Marker};
use crate::account::parent::roster::marker_of;
use crate::kubectl::runbook;
use crate::kubectl::sight::Seen;
use crate::kubectl::sight::records::All;
use crate::subaccount::store::record::{Phase, Record};
use crate::subaccount::store::records::{Stored, Stray};
use crate::vobiz::{AuthId, Generation, ParentAuthId, Subaccount};

/// What is known.
pub struct Facts<'a> {
    /// Whose markers are ours; none if no operator has run yet.
    pub installation: &'a Seen<Option<Installation>>,
    /// The Records.
    pub records: Seen<Twice<'a>>,
    /// The Subaccounts, read between both looks at the Records.
    pub objects: &'a Objects,
    /// The lists of Vobiz, read between both looks at the Records.
    pub parents: &'a [Listed],
    /// Which Records are meant.
    pub scope: &'a Scope,
}

/// The Records before and after everything else was read: so nothing that comes or goes meanwhile is taken for an orphan.
#[derive(Clone, Copy)]
pub struct Twice<'a> {
    /// As they were.
    pub before: &'a All,
    /// As they are.
    pub since: &'a All,
}

/// The accounts of a parent account.
pub struct Listed {
    /// The parent account.
    pub id: ParentAuthId,
    /// Kind and name of the Account whose pair showed them.
    pub account: String,
    /// The generation of the API that was asked.
    pub generation: Generation,
    /// By their ids.
    pub accounts: HashMap<AuthId, Subaccount>,
}

/// Which Records are meant.
pub enum Scope {
    /// All.
    Everything,
    /// Those under these parent accounts, and those of the gone objects of this namespace.
    Of(HashSet<ParentAuthId>, Option<String>),
}

impl Scope {
    fn holds(&self, record: &Record) -> bool {
        match self {
            Self::Everything => true,
            Self::Of(parents, namespace) => {
                parents.contains(&record.parent) || namespace.as_ref() == Some(&record.subject.namespace)
            }
        }
    }
}

/// What no object keeps, and what cannot be told.
#[must_use]
pub fn judge(facts: &Facts<'_>) -> Report {
    let mut report = Report::default();
    match &facts.records {
        Seen::Hidden(why) => report.unseen.push(why.clone()),
        Seen::Shown(records) => {
            let (left, unjudged) = records_left(*records, facts.objects, facts.scope);
            report
                .orphans
                .extend(left.iter().map(|left| left.told(facts.parents)));
            if unjudged > 0 {
                report.unseen.push(format!(
                    "Subaccounts of other namespaces: you may not list them, so that nobody can say whether those of {unjudged} Records \
                     are there"
                ));
            }
        }
    }
    if let Seen::Hidden(why) = facts.installation {
        report.unseen.push(why.clone());
    }
    let (mut unclear, mut unmarked) = (0_usize, 0_usize);
    for listed in facts.parents {
        for account in listed.accounts.values() {
            match owner(facts, account, listed.generation) {
                Owner::Somebody => {}
                Owner::AnotherInstallation => report.of_other_installations += 1,
                Owner::Nobody(what, record) => report.orphans.push(of_account(what, account, listed, record)),
                Owner::UnknownInstallation => unmarked += 1,
                Owner::Unclear => unclear += 1,
            }
        }
    }
    if unclear > 0 {
        report.unseen.push(format!(
            "whose {unclear} accounts are that no Subaccount names: only the Records tell"
        ));
    }
    if unmarked > 0 {
        report.unseen.push(format!(
            "whether {unmarked} accounts with a marker are this installation's: only its ConfigMap tells"
        ));
    }
    report.orphans.sort();
    report
}

/// Something that a gone object, or a fault, left among the Records.
pub enum Left {
    /// A Record without its object.
    Readable(What, Arc<Stored>),
    /// The name of a Secret that is no Record that can be read, and the key that is to blame.
    Damaged(String, &'static str),
}

impl Left {
    /// What it is.
    #[must_use]
    pub fn what(&self) -> What {
        match self {
            Self::Readable(what, _) => *what,
            Self::Damaged(..) => What::DamagedRecord,
        }
    }

    fn told(&self, parents: &[Listed]) -> Orphan {
        match self {
            Self::Readable(what, stored) => of_record(*what, stored, parents),
            Self::Damaged(secret, key) => Orphan {
                record: Some(secret.clone()),
                ..nameless(What::DamagedRecord, format!("key {key}"))
            },
        }
    }
}

/// The Records that no object keeps; and how many there are of which nobody can say, for the caller may not see their objects.
#[must_use]
pub fn records_left(records: Twice<'_>, objects: &Objects, scope: &Scope) -> (Vec<Left>, usize) {
    let Twice { before, since } = records;
    let mut left: Vec<Left> = since
        .damaged()
        .iter()
        .map(|(secret, damaged)| Left::Damaged(secret.clone(), damaged.key))
        .collect();
    let mut unjudged = 0;
    for stored in since.readable().all() {
        let subject = &stored.record.subject;
        let earlier = before.readable().in_secret(&stored.secret);
        // The object of one that came meanwhile, or that serves another one by now, may have come after the objects were read.
        let was_there = earlier.is_some_and(|earlier| earlier.record.subject.uid == subject.uid);
        if !was_there || !scope.holds(&stored.record) {
            continue;
        }
        match objects.lives(subject) {
            Some(true) => {}
            None => unjudged += 1,
            Some(false) => {
                let what = match stored.record.ledger.phase {
                    Phase::Bound => What::OrphanedRecord,
                    Phase::Kept => What::KeptRecord,
                    Phase::Open | Phase::Closed => What::PendingRecord,
                };
                left.push(Left::Readable(what, stored));
            }
        }
    }
    (left, unjudged)
}

/// Whose an account is.
enum Owner {
    /// A Record holds it, an object names it, or an attempt under way made it.
    Somebody,
    /// Another installation's.
    AnotherInstallation,
    /// Nobody's; with the Record of a leftover.
    Nobody(What, Option<String>),
    /// Its marker's installation cannot be told from ours.
    UnknownInstallation,
    /// Nothing that was seen tells.
    Unclear,
}

fn owner(facts: &Facts<'_>, account: &Subaccount, generation: Generation) -> Owner {
    if facts.objects.name(&account.auth_id) {
        return Owner::Somebody;
    }
    let marker = marker_of(account, generation);
    let Seen::Shown(Twice { before, since }) = &facts.records else {
        let ours = facts.installation.shown();
        let is_anothers = |marker: Marker| ours.is_some_and(|ours| *ours != Some(marker.installation));
        return if marker.is_some_and(is_anothers) {
            Owner::AnotherInstallation
        } else {
            Owner::Unclear
        };
    };
    if before.holds(&account.auth_id) || since.holds(&account.auth_id) {
        return Owner::Somebody;
    }
    let Some(marker) = marker else {
        return Owner::Nobody(What::UnownedAccount, None);
    };
    match (before.readable().stray(marker), since.readable().stray(marker)) {
        // It is about to be bound, or was while the list was read.
        (Stray::UnderWay, _) | (_, Stray::UnderWay) => Owner::Somebody,
        (_, Stray::Leftover(stored)) | (Stray::Leftover(stored), _) => {
            Owner::Nobody(What::Leftover, Some(stored.secret.clone()))
        }
        (Stray::Orphan, Stray::Orphan) => match facts.installation {
            Seen::Hidden(_) => Owner::UnknownInstallation,
            Seen::Shown(Some(ours)) if *ours == marker.installation => {
                Owner::Nobody(What::OrphanedAccount, None)
            }
            Seen::Shown(_) => Owner::AnotherInstallation,
        },
    }
}

fn nameless(what: What, name: String) -> Orphan {
    Orphan {
        what,
        name,
        auth_id: None,
        parent: None,
        account: None,
        record: None,
        at_vobiz: None,
        what_to_do: runbook::of_orphan(what.as_str()).unwrap_or_default(),
    }
}

fn of_account(what: What, account: &Subaccount, listed: &Listed, record: Option<String>) -> Orphan {
    Orphan {
        auth_id: Some(account.auth_id.to_string()),
        parent: Some(listed.id.to_string()),
        account: Some(listed.account.clone()),
        record,
        at_vobiz: Some(AtVobiz::Shown),
        ..nameless(what, account.name().to_owned())
    }
}

fn of_record(what: What, stored: &Stored, parents: &[Listed]) -> Orphan {
    let record = &stored.record;
    let listed = parents.iter().find(|listed| listed.id == record.parent);
    let id = record.held_id();
    let at_vobiz = listed.zip(id).map(|(listed, id)| {
        if listed.accounts.contains_key(id) {
            AtVobiz::Shown
        } else {
            AtVobiz::Absent
        }
    });
    Orphan {
        auth_id: id.map(ToString::to_string),
        parent: Some(record.parent.to_string()),
        account: listed.map(|listed| listed.account.clone()),
        record: Some(stored.secret.clone()),
        at_vobiz,
        ..nameless(
            what,
            format!("{}/{}", record.subject.namespace, record.subject.name),
        )
    }
}

#[cfg(test)]
mod tests;
