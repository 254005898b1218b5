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
//! clients need to know of the network; it knows nothing of either. `kubectl` is the other program, `kubectl vobiz`: it asks what
//! the operator would do, and nothing of the operator knows it. `metrics` counts for all, `clock` reads the time, and
//! `dice` draws random bits.
//!
//! - **Layer rule**: no `use crate::` points against that order, and no file needs one that needs it. Absent on purpose: a
//!   Kubernetes client in `vobiz`, an HTTP client outside `vobiz` and `telemetry`, a Vobiz name in `controller`.
//! - **PURE rule**: a file whose first lines say PURE takes facts and gives decisions. Absent in it: a client, `await`,
//!   a clock, randomness; time and random bits enter as values.
//! - **One step, one write**: `subaccount::plan` decides the next step of a pass from facts, and an effect makes one write at
//!   most, with the reads that belong to it. The tests explore the same `plan`, not a copy of it.
//! - **Two API generations, one meaning**: what differs between them is known to `vobiz` alone.
//!
//! The folders of a kind, `account` and `subaccount`, have the same parts: `reconcile` is a pass on one screen, `known` what
//! it knows, `act` what it does, `tell` what it says to people and when it looks again, `context` what all passes share, and
//! `watches` which changes bring one.
//!
//! `docs/walk.md` follows one Subaccount from `kubectl apply` to Ready and from delete to gone, file by file.
//!
//! # Words of our own
//!
//! Where Kubernetes or Vobiz has a word, it is used. These are ours:
//!
//! - **parent**: the main account at Vobiz whose pair an Account holds. **remote**: a subaccount at Vobiz, as it shows
//!   itself. An *Account* and a *Subaccount* are the objects in Kubernetes. **pair**: an id and its token.
//! - **Record**: the Secret in the operator's namespace that keeps what is known of one remote: its pair, the attempts to
//!   create it, and what its end is to be.
//! - **installation**: the operator of one cluster, by an id that outlives it. **series**: the random number of one Record.
//!   **epoch**: the number of an attempt to create, within a series. **marker**: all three, written on what an attempt makes.
//! - **fence**: to declare an epoch void before what it may have made is deleted: nobody posts under it any more. After
//!   **settle**, the time after which a request that was sent can no longer take effect, what it made is on the list.
//! - **sweep**: to read the list of a parent once, as each interval asks. **walk**: to read it until two lists in a row
//!   together can have missed nothing, which proves that something is not there. **roster**: the list as last read, with
//!   our own requests added.
//! - **gate**: the rate limit of a parent and those who wait for it. **breaker**: holds creates and deletions back while too
//!   many remotes are missing from a list. **trial**: whether a pair works is found out; **doubt**: a reason for another one.
//! - **leftover**: a remote of a fenced epoch, which is ours to delete. **orphan**: a remote with our marker that no Record
//!   knows, or whose object went without proof; it is told and kept. **janitor**: the pass over a Record without its object.
//! - **mark**: the finalizer that says that an Account or its credentials Secret is in use.
//! - **rehearsal**: a pass that reads and writes nothing, to tell people what the next one would do.
//! - **trouble**: what is wrong with an Account, told on it once for all its Subaccounts. **rest**: what a pass ends with.

pub mod account;
pub mod cli;
pub mod clock;
pub mod controller;
pub mod crd;
pub mod dice;
pub mod http;
#[cfg(feature = "kubectl")]
pub mod kubectl;
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

/// Name of the Lease, in the operator's namespace, that the replica holds which works.
pub const LEASE: &str = "vobiz-operator-leader-election";

/// This build's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that this build was made from: `VOBIZ_COMMIT` at build time.
pub const COMMIT: &str = match option_env!("VOBIZ_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
