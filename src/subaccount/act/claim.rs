//! Steps that find out whose an account is before anything is done about it on the word of a status or of a Secret. I/O.

use super::lookup::{self, Holder};
use super::needs::claimed_pair;
use super::record::own_marker;
use super::remote::{access, look_for};
use super::secret::published_pair;
use crate::account::access::Access;
use crate::account::parent::roster::marker_of;
use crate::clock::now;
use crate::crd::AUTH_ID_ANNOTATION;
use crate::subaccount::known::Judgement;
use crate::subaccount::pass::Pass;
use crate::subaccount::store::memory::{Judged, Mark, Proof, Tried};
use crate::subaccount::store::record::Decision;
use crate::subaccount::tell::rows::{SECRET_PROBE, STALLED_PROBE};
use crate::subaccount::tell::{Conflict, Outcome};
use crate::vobiz::{self, AuthId, Credentials};
use vobiz_protocol::facts::Object;

/// The account that the status names: every Record, by quorum, and its own marker.
pub(super) async fn judge(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    pass.known.claim = Some(judgement(pass).await?);
    Ok(())
}

async fn judgement(pass: &Pass<'_>) -> Result<Judgement, Outcome> {
    let Some(id) = pass.known.named_id() else {
        return Ok(Judgement::without_look(Some(Conflict::NoId)));
    };
    let adopts = pass.known.is_adopting();
    let holder = lookup::holder(pass, &id).await?;
    let is_contested = holder == Holder::Rivals && adopts;
    let conflict = if holder != Holder::Nobody && !is_contested {
        Some(Conflict::Record)
    } else if lookup::is_named_by_another(pass, &id).await? {
        Some(Conflict::Status)
    } else {
        None
    };
    // Of what will be kept nothing will be done: nobody need be asked.
    let is_kept = || pass.known.life == Object::Deleting && pass.decision() == Some(Decision::Retain);
    if conflict.is_some() || is_kept() {
        return Ok(Judgement::without_look(conflict));
    }
    let judged = match recall(pass, &id) {
        Some(judged) => *judged,
        None => ask(pass, id).await?,
    };
    let is_marked = judged.mark == Mark::Ours || judged.account.is_none();
    // An attempt of another Record made it, and will bind it, or delete it as a leftover.
    if adopts
        && let Some((series, _)) = judged
            .account
            .as_ref()
            .and_then(|account| own_marker(pass, account))
        && lookup::is_made_by_another(pass, series).await?
    {
        return Ok(Judgement::without_look(Some(Conflict::Record)));
    }
    let is_own = match pass.known.owns(judged.mark) {
        _ if is_marked => true,
        Some(is_own) => is_own,
        None => holds_pair(pass, &judged).await?,
    };
    Ok(Judgement {
        conflict: (!is_own).then_some(Conflict::Installation),
        is_contested,
        is_missing: adopts && judged.account.is_none(),
        is_unmarked: !is_marked,
        account: judged.account,
    })
}

/// Whether the user's Secret holds a pair of the account that works.
async fn holds_pair(pass: &Pass<'_>, judged: &Judged) -> Result<bool, Outcome> {
    let pair = published_pair(pass).await?;
    let Some(pair) = pair.filter(|pair| pair.auth_id == judged.id) else {
        return Ok(false);
    };
    let whose = access(pass)?.whose(&pair).await;
    let whose = whose.map_err(|error| Outcome::of_call("prove the pair of the Secret", &error))?;
    Ok(whose.as_ref() == Some(&judged.id))
}

fn recall(pass: &Pass<'_>, id: &AuthId) -> Option<Box<Judged>> {
    let judged = pass.remembered(|remembered| remembered.judged.clone())?;
    // What is deleted on this word is looked at as late as can be without asking at every retry.
    let lasts = match pass.known.life {
        Object::Live => STALLED_PROBE,
        Object::Deleting | Object::Unseen => SECRET_PROBE,
    };
    (judged.id == *id && now().duration_since(judged.at) < lasts && !pass.is_requested()).then_some(judged)
}

async fn ask(pass: &Pass<'_>, id: AuthId) -> Result<Judged, Outcome> {
    let access = access(pass)?;
    let account = look_for(pass, &access, &id, "find out whose the subaccount is").await?;
    let marker = account
        .as_ref()
        .and_then(|account| marker_of(account, access.generation));
    let mark = Mark::of(marker, pass.context.installation);
    let judged = Judged {
        id,
        mark,
        account,
        at: now(),
    };
    pass.remembered(|remembered| remembered.judged = Some(Box::new(judged.clone())));
    Ok(judged)
}

/// Asks Vobiz about the pair in the user's Secret, where that may tell anything.
pub(super) async fn prove(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let pair = claimed_pair(pass)?;
    let is_kept_by_another = pass.known_conflict(&pair.auth_id).is_some();
    if !pass.known.may_speak(&pair, is_kept_by_another) {
        pass.known.leave_secret_to_others();
        return Ok(());
    }
    let proof = match tried(pass, &pair) {
        Some(proof) => proof,
        None => try_pair(pass, &pair).await?,
    };
    let is_marked = matches!(&proof, Proof::Works(account) if is_ours(pass, account));
    pass.known.take_proof(pair, proof, is_marked)?;
    Ok(())
}

fn is_ours(pass: &Pass<'_>, account: &vobiz::Subaccount) -> bool {
    let marker = pass
        .generation()
        .and_then(|generation| marker_of(account, generation));
    marker.is_some_and(|marker| marker.installation == pass.context.installation)
}

fn tried(pass: &Pass<'_>, pair: &Credentials) -> Option<Proof> {
    let version = pass.known.secret.read()?.secret.version();
    let tried = pass.remembered(|remembered| remembered.tried.clone())?;
    let fresh = tried.version == version
        && tried.pair == *pair
        && now().duration_since(tried.at) < STALLED_PROBE
        && !pass.is_requested();
    fresh.then_some(tried.proof)
}

/// Whether a text in a Secret that could be an account's id is one by any other word than that Secret's data.
fn is_id(pass: &Pass<'_>, access: &Access, text: &AuthId) -> bool {
    let annotated = || {
        let metadata = &pass.known.secret.read()?.secret.object().metadata;
        metadata.annotations.as_ref()?.get(AUTH_ID_ANNOTATION)
    };
    text.says_subaccount()
        || pass.known.expected_id().as_ref() == Some(text)
        || annotated().is_some_and(|id| id == text.as_str())
        || access.parent.roster().get(text).is_some()
}

async fn try_pair(pass: &mut Pass<'_>, pair: &Credentials) -> Result<Proof, Outcome> {
    let act = "prove the pair of the Secret";
    let access = access(pass)?;
    let whose = access.whose(pair).await;
    let whose = whose.map_err(|error| Outcome::of_call(act, &error))?;
    let works = whose.as_ref() == Some(&pair.auth_id);
    let proof = if works || may_look(pass, &access, &pair.auth_id) {
        Proof::of(works, known_account(pass, &access, &pair.auth_id, act).await?)
    } else {
        Proof::Nothing
    };
    if let Some(read) = pass.known.secret.read() {
        let tried = Tried {
            version: read.secret.version().to_owned(),
            pair: pair.clone(),
            proof: proof.clone(),
            at: now(),
        };
        pass.remembered(|remembered| remembered.tried = Some(Box::new(tried)));
    }
    Ok(proof)
}

/// Whether the account of a pair that does not work may be looked at. The id may be a token that stands in the wrong place: no path shows
/// it.
fn may_look(pass: &Pass<'_>, access: &Access, id: &AuthId) -> bool {
    is_id(pass, access, id) && pass.known.may_learn_of(id, pass.is_granted())
}

/// It stays known: it may show the token, should the pair be refused.
async fn known_account(
    pass: &Pass<'_>,
    access: &Access,
    id: &AuthId,
    act: &str,
) -> Result<Option<vobiz::Subaccount>, Outcome> {
    let judged = pass.known.claim.as_ref();
    let known = judged
        .and_then(|judged| judged.account.clone())
        .filter(|account| account.auth_id == *id);
    match known {
        Some(account) => Ok(Some(account)),
        None => look_for(pass, access, id, act).await,
    }
}
