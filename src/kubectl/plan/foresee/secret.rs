//! Writes to the user's Secret. PURE.

use super::Rehearsed;
use crate::kubectl::plan::deed::{Deed, SecretAction, SecretChange};
use crate::subaccount::known::{FormerSecret, KnownSecret};
use crate::subaccount::secret;
use crate::subaccount::store::record::Record;
use vobiz_protocol::facts::UserSecret;

impl Rehearsed {
    pub(super) fn publish(&mut self) {
        let Some(object) = self.known.object.clone() else {
            return;
        };
        let pair = self.known.record().and_then(Record::pair);
        let read = self.known.secret.read();
        let is_foreign = read.is_some_and(|read| {
            !read.is_dead
                && secret::judge(read.secret.object(), &object, pair.as_ref(), &[]) == UserSecret::Foreign
        });
        if is_foreign {
            self.known.secret = KnownSecret::Foreign;
            return;
        }
        let action = if read.is_some() {
            SecretAction::Update
        } else {
            SecretAction::Create
        };
        self.deeds.push(Deed::Secret(SecretChange {
            name: secret::name_of(&object),
            action,
        }));
        self.known.secret = KnownSecret::Good;
    }

    pub(super) fn remove_former(&mut self) {
        let object = self.known.object.as_deref();
        let former = object.and_then(|object| object.status.as_ref()?.secret_name.clone());
        self.deeds.extend(former.map(|name| {
            Deed::Secret(SecretChange {
                name,
                action: SecretAction::Remove,
            })
        }));
        self.known.former_secret = FormerSecret::Gone;
    }
}
