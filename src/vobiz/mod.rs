//! Everything Vobiz calls it: ids, tokens, subaccounts, both generations of the API, and the only HTTP
//! client that speaks to it. Knows nothing of Kubernetes.

mod address;
mod answer;
mod auth_id;
mod authorities;
mod base_url;
mod client;
mod create;
pub mod decode;
mod envelope;
mod error;
mod failure;
mod field;
mod gen1;
mod gen2;
mod generation;
pub mod http_date;
mod object;
mod request;
mod retry_after;
mod subaccount;
mod token;
mod transport;
mod wire;

pub use address::Address;
pub use auth_id::{AuthId, InvalidAuthId, ParentAuthId};
pub use authorities::AuthoritiesError;
pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use client::{Client, Deletion};
pub use create::{Created, UnknownOutcome};
pub use error::{Error, ErrorCode, Interrupted, Unreachable, Unusable};
pub use field::Field;
pub use generation::{Generation, UnknownGeneration};
pub use subaccount::{Fields, Page, Permissions, Subaccount};
pub use token::{
    AuthToken, Credentials, InvalidAuthToken, InvalidCredentials, InvalidValue, ParentCredentials,
};
pub use transport::{Transport, TransportConfig, TransportError};
