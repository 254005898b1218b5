//! `vobiz-operator` keeps Vobiz subaccounts as the `Subaccount` objects of a Kubernetes cluster say, and publishes the
//! credentials of each in a Secret.
//!
//! # What it promises
//!
//! 1. **One account, one pair**: one live subaccount per Subaccount object, its pair in the user's Secret; no pair is
//!    lost once an answer was read, whatever crashes, is lost or runs twice. None is left over *at rest*; for a moment
//!    there may be two.
//! 2. **No deletion without proof** that the account is ours: a bound id under the recorded parent, or a marker that was
//!    fenced.
//! 3. **The finalizer goes only with proof** that nothing is left at Vobiz, or because the policy says keep.
//! 4. **Silence at rest**: no write to Kubernetes or Vobiz but a leader's renewals of its Lease, and one paginated list
//!    per parent account and interval.
//! 5. **No secret** in logs, events, status, metrics, annotations, panics or error chains, at any log level.
//! 6. **Trouble stays where it is**: a bad object, account or answer hurts only itself, nothing loops hot, and what
//!    needs a person says so in a condition that names the remedy.
//! 7. **Least privilege**: no list of Secrets outside the operator's own namespace, and no watch but of the credentials
//!    Secrets, each by its name, unless asked for.
//!
//! # How it is laid out
//!
//! Imports run one way: `main > operator > subaccount > account > {vobiz, crd, controller}`. The last three know nothing
//! of each other: what Vobiz calls things, what users may write, and what any controller needs are three subjects. `cli`,
//! `http`, `leader` and `telemetry` belong to the process and are used by `main` and `operator` alone. `proxy` is what both
//! clients need to know of the network; it knows nothing of either. `metrics` counts for all, and `clock` reads the time.
//!
//! - **Layer rule**: no `use crate::` points against that order. Absent on purpose: a Kubernetes client in `vobiz`, an
//!   HTTP client outside `vobiz`, a Vobiz name in `controller`.
//! - **PURE rule**: a file whose first lines say PURE takes facts and gives decisions. Absent in it: a client, `await`,
//!   a clock, randomness; time and random bits enter as values.
//! - **One step, one request**: `subaccount::plan` decides the next step of a pass from facts, and an effect makes exactly
//!   one request. The tests explore the same `plan`, not a copy of it.
//! - **Two API generations, one meaning**: what differs between them is known to `vobiz` alone.

pub mod account;
pub mod cli;
pub mod clock;
pub mod controller;
pub mod crd;
pub mod http;
pub mod leader;
pub mod metrics;
pub mod operator;
pub mod proxy;
pub mod subaccount;
pub mod telemetry;
pub mod vobiz;

/// What the operator is called: the field manager of its writes. Where a write names none, the API server takes the first
/// word of [`USER_AGENT`], which is the same.
pub const NAME: &str = "vobiz-operator";

/// Who both servers are told that asks.
pub const USER_AGENT: &str = concat!("vobiz-operator/", env!("CARGO_PKG_VERSION"));

/// This build's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that this build was made from: `VOBIZ_COMMIT` at build time.
pub const COMMIT: &str = match option_env!("VOBIZ_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
