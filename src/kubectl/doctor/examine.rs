//! Examines one part after the other; what fails is told, and the others go on. I/O.

use super::accounts::{self, Pair};
use super::check::{Check, Part};
use super::pairs::{self, Scope};
use super::{clocks, installation};
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::clock::wall_clock;
use crate::controller::lenient::Guarded;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::DoctorFlags;
use crate::kubectl::session::Session;
use crate::kubectl::sight::account::pair;
use crate::kubectl::sight::clock::{Said, of_api_server};
use crate::kubectl::sight::{Seen, accounts as lists};
use crate::vobiz::{Client, Error, ParentCredentials, Transport};

/// All checks, in the order in which one leads to the next. Fails where no API server answers.
pub async fn all(session: &Session, flags: &DoctorFlags) -> Result<Vec<Check>, Failure> {
    let api_server = of_api_server(session).await?;
    let namespace = (!flags.all_namespaces).then_some(session.namespace.as_str());
    let mut checks = installation::all(session, namespace).await;
    let mut parents = Parents::new(session);
    for (what, listed) in [
        ("Accounts", lists::accounts(session, namespace).await),
        ("ClusterAccounts", lists::cluster_accounts(session).await),
    ] {
        match listed {
            Err(failure) => checks.push(Check::failed(Part::Account, what, &failure)),
            Ok(Seen::Hidden(why)) => checks.push(Check::unseen(Part::Account, what, &why)),
            Ok(Seen::Shown(listed)) => {
                for stored in listed {
                    checks.extend(parents.examine(stored).await);
                }
            }
        }
    }
    checks.push(clocks::judge("API server", Ok(api_server)));
    checks.push(clocks::judge(
        "Vobiz",
        parents.said.ok_or("nobody could be asked"),
    ));
    let scope = Scope {
        session,
        namespace,
        client: parents.client.as_ref(),
        asks_all: flags.check_secrets,
    };
    match pairs::all(&scope).await {
        Ok(found) => checks.extend(found),
        Err(failure) => checks.push(Check::failed(Part::Record, "Records and Secrets", &failure)),
    }
    Ok(checks)
}

/// The parent accounts, each pair of them tried once.
struct Parents<'a> {
    session: &'a Session,
    tried: Vec<(ParentCredentials, Result<(), Error>)>,
    /// One whose pair works.
    client: Option<Client>,
    /// What Vobiz said of the time.
    said: Option<Said>,
}

impl<'a> Parents<'a> {
    fn new(session: &'a Session) -> Self {
        Self {
            session,
            tried: Vec::new(),
            client: None,
            said: None,
        }
    }

    /// What there is to tell of an Account.
    async fn examine(&mut self, stored: Guarded<AccountObject>) -> Vec<Check> {
        let key = AccountKey::of(&stored);
        let name = format!("{} {key}", key.kind().as_str());
        let Ok(stored) = stored.0 else {
            return vec![accounts::unreadable(&name)];
        };
        let session = self.session;
        let found = match pair(session, &key, &stored).await {
            Err(failure) => return vec![Check::failed(Part::Account, name, &failure)],
            Ok(Seen::Hidden(why)) => Seen::Hidden(why),
            Ok(Seen::Shown(Err(trouble))) => Seen::Shown(Pair::Missing(trouble)),
            Ok(Seen::Shown(Ok(pair))) => Seen::Shown(match &session.transport {
                None => Pair::Untried(pair.auth_id),
                Some(transport) => {
                    let id = pair.auth_id.clone();
                    Pair::Tried(id, self.works(transport, pair).await)
                }
            }),
        };
        let mut checks = vec![accounts::judge_pair(&name, &found)];
        checks.extend(accounts::judge_standing(&name, &stored));
        checks
    }

    /// Whether the pair works: Vobiz is asked once, however many Accounts have it.
    async fn works(&mut self, transport: &Transport, pair: ParentCredentials) -> Result<(), Error> {
        if let Some((_, answer)) = self.tried.iter().find(|(known, _)| *known == pair) {
            return answer.clone();
        }
        let client = Client::new(transport, pair.clone());
        let before = wall_clock();
        let answer = client.me().await;
        let after = wall_clock();
        self.tried.push((pair, answer.clone()));
        if client.status().is_some() {
            self.said = Some(Said {
                before,
                after,
                date: client.date(),
            });
        }
        if answer.is_ok() {
            self.client = Some(client);
        }
        answer
    }
}
