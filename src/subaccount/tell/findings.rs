//! What is told of a pass: plain values, which are gathered from what it knows. PURE.

use crate::controller::contest::Contest;
use crate::controller::refusal::Refusal;
use crate::crd::DeletionPolicy;
use crate::crd::condition::Reason;
use crate::subaccount::desired::InvalidSpec;
use crate::vobiz::{self, Generation, ParentAuthId};
use std::time::Duration;
use vobiz_protocol::facts::Facts;

/// What the words of a rest name.
#[expect(clippy::struct_excessive_bools, reason = "independent findings of one pass")]
#[derive(Clone, Debug, Default)]
pub struct Findings<'a> {
    /// Kind and name of the Account.
    pub account: String,
    /// Why it cannot be used.
    pub account_state: AccountState,
    /// Name of the user's Secret.
    pub secret_name: String,
    /// The account that the object's status names; empty if it names none.
    pub named: String,
    /// It is there already, and the object's spec names it.
    pub is_adoption: bool,
    /// The object is only to look at an account, and has none.
    pub observes_nothing: bool,
    /// Who else keeps it.
    pub conflict: Option<Conflict>,
    /// It does not carry this installation's mark: only its pair takes it over.
    pub is_unmarked: bool,
    /// Another one may be made in its place.
    pub may_be_recreated: bool,
    /// An earlier object of this name left another account than that.
    pub is_another_left: bool,
    /// Vobiz refuses the pair that was found in the user's Secret.
    pub is_pair_refused: bool,
    /// An attempt was marked where the list that its Account reads does not show it.
    pub is_marked_elsewhere: bool,
    /// Why the spec cannot be applied.
    pub invalid: Option<&'a InvalidSpec>,
    /// The fields that Vobiz does not keep.
    pub differing: Vec<&'static str>,
    /// Writes that Kubernetes refused and that held nothing up, and what to tell of them.
    pub refused: &'a [(Option<Refusal>, String)],
    /// What to tell of somebody who keeps changing the user's Secret.
    pub contest: Option<String>,
    /// When that comes which is waited for, where a clock tells.
    pub due_in: Option<Duration>,
}

/// What a status shows of a pass.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What the pass decided on.
    pub facts: &'a Facts,
    /// The bound subaccount's id.
    pub auth_id: Option<&'a vobiz::AuthId>,
    /// The recorded parent.
    pub parent: Option<&'a ParentAuthId>,
    /// The recorded API generation.
    pub generation: Option<Generation>,
    /// The deletion policy in force; none while nobody can tell.
    pub policy: Option<DeletionPolicy>,
    /// Name of the user's Secret.
    pub secret_name: &'a str,
    /// The subaccount at Vobiz as last seen.
    pub remote: Option<&'a vobiz::Subaccount>,
    /// The fields in which an account differs that is only looked at.
    pub drift: &'a str,
    /// What to tell of writes that were refused and held nothing up.
    pub refused: &'a str,
    /// What to tell of somebody who keeps changing the user's Secret.
    pub contested: Option<&'a str>,
}

/// What to tell of writes that were refused and held nothing up.
#[must_use]
pub fn refusals(refused: &[(Option<Refusal>, String)]) -> String {
    let told: Vec<&str> = refused.iter().map(|(_, told)| told.as_str()).collect();
    told.join("; ")
}

/// Why an Account cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// There is none of that name.
    Missing,
    /// Its kind is not looked at.
    Unwatched,
    /// It is in trouble, which may have a name.
    NotReady(Option<Reason>),
    /// It is being deleted.
    Closing,
    /// It belongs to another parent account than the one that the subaccount lives under.
    Moved {
        /// The parent account that it belongs to.
        to: ParentAuthId,
        /// The one that the subaccount lives under.
        recorded: ParentAuthId,
    },
}

impl Default for AccountState {
    fn default() -> Self {
        Self::NotReady(None)
    }
}

/// Who keeps the account that an object's status names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conflict {
    /// The Record of another object.
    Record,
    /// Another object whose status names it too.
    Status,
    /// Another installation of the operator, which marked it.
    Installation,
    /// Nobody: what the status names can be no account.
    NoId,
}

/// What is told of somebody who keeps changing what the operator puts back, and what to do.
#[must_use]
pub fn contested(contest: &Contest) -> String {
    let parts: Vec<_> = contest.parts.iter().map(ToString::to_string).collect();
    let parts = parts.join(", ");
    let who = match &contest.by {
        Some(manager) => format!("the field manager {manager}"),
        None => "somebody".to_owned(),
    };
    format!(
        "{who} keeps changing the Secret {} ({parts}): make it leave this Secret alone, or name the labels and annotations that it \
         wants in spec.secretRef; meanwhile it is put back ever more rarely, and at once when the annotation \
         vobiz.ai/reconcile-requested-at is set to another value",
        contest.secret
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use crate::controller::contest::Part;

    #[test]
    fn what_is_told_of_a_contest_names_who_it_is_and_what_was_changed() {
        let mut contest = Contest::default();
        contest.found("acme", [Part::Data, Part::Labels].into(), now());
        assert!(contested(&contest).starts_with("somebody keeps changing the Secret acme (data, labels): "));
        contest.name(Some("reflector".to_owned()));
        let told = contested(&contest);
        assert!(
            told.starts_with("the field manager reflector keeps changing the Secret acme (data, labels): "),
            "{told}"
        );
    }
}
