//! The user's Secret; where it may not be read, what it must hold. I/O.

use crate::controller::versioned::Versioned;
use crate::kubectl::plan::rehearsal::{Rehearsal, Stop};
use crate::kubectl::plan::stand_in::token_to_come;
use crate::kubectl::sight::Seen;
use crate::subaccount::known::{KnownPair, KnownSecret, ReadSecret};
use crate::subaccount::secret;
use crate::subaccount::store::record::Record;
use crate::subaccount::tell::StepError;
use crate::vobiz::Credentials;
use k8s_openapi::api::core::v1::Secret;
use vobiz_protocol::facts::UserSecret;

impl Rehearsal<'_, '_> {
    /// The user's Secret.
    pub(in super::super) async fn read_secret(&mut self) -> Result<(), Stop> {
        let Some(object) = self.pass.known.object.clone() else {
            return Ok(());
        };
        let name = secret::name_of(&object);
        let read = match self.sights.user_secret(&self.pass.key.namespace, &name).await? {
            Seen::Shown(read) => read,
            Seen::Hidden(why) => {
                self.note_unseen(why);
                self.presume_secret(&name);
                return Ok(());
            }
        };
        let Some(read) = read else {
            self.pass.known.secret = KnownSecret::Absent;
            self.pass.known.evidence = KnownPair::Nothing;
            return Ok(());
        };
        if secret::is_of_earlier_object(read.object(), &object) && !self.pass.uid.is_empty() {
            return Err(Stop::Outcome(StepError::FormerSecret(name).into()));
        }
        let recorded = self.recorded_pair(read.object());
        let (found, claimed) = self
            .pass
            .known
            .weigh_secret(read.object(), &object, recorded.as_ref(), &[]);
        self.pass.known.evidence = claimed.map_or(KnownPair::Nothing, KnownPair::Claimed);
        self.pass.known.secret = match found {
            UserSecret::Good => KnownSecret::Good,
            UserSecret::Foreign => KnownSecret::Foreign,
            _ => KnownSecret::Different(Box::new(ReadSecret {
                secret: read,
                managers: Vec::new(),
                is_dead: false,
            })),
        };
        Ok(())
    }

    /// The pair of the Record. Where that cannot be seen, a Secret that holds a pair of its account holds it.
    fn recorded_pair(&self, secret: &Secret) -> Option<Credentials> {
        let pair = self.pass.known.record().and_then(Record::pair)?;
        if Some(&pair.auth_token) != token_to_come().as_ref() {
            return Some(pair);
        }
        let object = self.pass.known.object.as_ref()?;
        let found = secret::pair_in(secret, &object.spec.secret_ref.keys);
        Some(
            found
                .filter(|found| found.auth_id == pair.auth_id)
                .unwrap_or(pair),
        )
    }

    /// What the status says was published is there, as long as the spec asks for nothing else.
    fn presume_secret(&mut self, name: &str) {
        let object = self.pass.known.object.as_deref();
        let published = object.and_then(|object| object.status.as_ref()?.secret_name.as_deref());
        let asked = object.map(|object| &object.spec.secret_ref);
        let is_as_asked = self.stored.as_ref().map(|stored| &stored.spec.secret_ref) == asked;
        self.pass.known.evidence = KnownPair::Nothing;
        self.pass.known.secret = match (published == Some(name), is_as_asked) {
            (true, true) => KnownSecret::Good,
            (true, false) => self.presumed_different(name),
            (false, _) => KnownSecret::Absent,
        };
    }

    fn presumed_different(&self, name: &str) -> KnownSecret {
        let (Some(object), Some(pair)) = (
            self.stored.as_ref(),
            self.pass.known.record().and_then(Record::pair),
        ) else {
            return KnownSecret::Absent;
        };
        let mut built = secret::build(object, &pair);
        built.metadata.name = Some(name.to_owned());
        built.metadata.resource_version = Some("0".to_owned());
        Versioned::read(built).map_or(KnownSecret::Absent, |secret| {
            KnownSecret::Different(Box::new(ReadSecret {
                secret,
                managers: Vec::new(),
                is_dead: false,
            }))
        })
    }
}
