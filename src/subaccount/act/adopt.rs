//! Steps that give an object an account which is there already: the intent, written before the look at who else holds that account,
//! and what becomes of it. I/O.

use super::needs::{must, read_record};
use super::record::{create, new_record, own_marker, swap};
use crate::controller::versioned::delete;
use crate::subaccount::known::KnownPair;
use crate::subaccount::pass::Pass;
use crate::subaccount::store::record::{Ledger, ReadRecord};
use crate::subaccount::tell::Outcome;
use vobiz_protocol::facts::Confirmation;

/// Whoever looks for Records of the account finds this one from here on; so who else holds it is looked at again.
pub(super) async fn open(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let id = must(pass.known.named_id(), "account to adopt")?;
    let record = new_record(pass, |series, generation| {
        Ledger::adopting(series, generation, id)
    })
    .await?;
    create(pass, &record).await?;
    pass.known.claim = None;
    pass.known.confirmation = Confirmation::Unasked;
    Ok(())
}

/// Nothing was posted under the intent, and nothing is bound: without it others may have the account.
pub(super) async fn withdraw(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let ReadRecord { secret, .. } = read_record(pass)?;
    match delete(&pass.context.record_api(), &secret).await {
        Ok(()) => {}
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(Outcome::of_cluster("take back the intent to adopt", &error)),
    }
    pass.known.take_no_record();
    Ok(())
}

/// Binds it, with its token where that is proved.
pub(super) async fn adopt(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let id = must(pass.known.named_id(), "account to adopt")?;
    let (token, shown) = match &pass.known.evidence {
        KnownPair::Proven(pair, account) => (Some(pair.auth_token.clone()), account.clone()),
        _ => (None, None),
    };
    let judged = pass.known.claim.as_ref().and_then(|claim| claim.account.clone());
    let account = shown.map(|account| *account).or(judged);
    let marker = account.and_then(|account| own_marker(pass, &account));
    swap(pass, "adopt the account", |ledger| {
        ledger.adopted(id, token, marker)
    })
    .await
}
