//! I/O (randomness and the clock). Makes ids and tokens; everything else takes them as values.

use jiff::Timestamp;
use rand::RngExt as _;

use crate::settings::Ids;

const UPPER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// What one request may need of chance and time.
#[derive(Clone, Debug)]
pub struct Minted {
    /// Now.
    pub now: Timestamp,
    /// Id of this API call, a UUID.
    pub api_id: String,
    /// As the mode says.
    pub auth_id: String,
    /// What stands beside it as `id`; none: a number.
    pub id: Option<String>,
    /// 40 characters.
    pub auth_token: String,
    /// A session token, of no use here.
    pub access_token: String,
    /// A session token, of no use here.
    pub refresh_token: String,
}

impl Minted {
    /// Fresh values, never repeated, with ids as the API has them unless a mode says otherwise.
    #[must_use]
    pub fn fresh() -> Self {
        Self::with(Ids::default())
    }

    /// Fresh values with ids of this form.
    #[must_use]
    pub fn with(ids: Ids) -> Self {
        let (auth_id, id) = match ids {
            Ids::Underscore => (format!("SA_{}", pick(UPPER, 18)), None),
            Ids::Plain => (format!("SA{}", pick(UPPER, 18)), None),
            Ids::Opaque => (pick(MIXED, 32), Some(format!("SA_{}", pick(UPPER, 18)))),
        };
        Self {
            now: Timestamp::now(),
            api_id: uuid::Uuid::new_v4().to_string(),
            auth_id,
            id,
            auth_token: pick(MIXED, 40),
            access_token: pick(MIXED, 60),
            refresh_token: pick(MIXED, 60),
        }
    }
}

fn pick(alphabet: &[u8], length: usize) -> String {
    let mut random = rand::rng();
    (0..length)
        .map(|_| char::from(alphabet[random.random_range(0..alphabet.len())]))
        .collect()
}
