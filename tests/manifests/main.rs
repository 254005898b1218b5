//! What users apply: it is generated from the code, it can be rendered and understood, and it asks for no more than
//! the operator needs.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

/// Each alert fires in its trouble, and in no other.
mod alerts;
/// What is handed out for Argo CD works there.
mod argocd;
/// The documents make a book.
mod book;
/// The chart says what the manifests say, and Helm judges it.
mod chart;
/// What generators and judges are given is real.
mod clients;
/// Every command that we show or run names our kinds.
mod commands;
/// kubectl completes the words of kubectl vobiz.
mod completion;
/// `crds/` says what the code says, in YAML that every reader understands.
mod dashboard;
mod definitions;
/// Which documents there are, and what they show.
mod documents;
/// One set of Subaccounts makes three environments.
mod environments;
/// What is handed out for Flux is understood there, in order, and at rest once it is applied.
mod flux;
/// What is made from `crds/` and `manifests/` for an installation.
mod install_files;
/// The installation: restricted, with least rights, and with a namespace that survives a prune.
mod installation;
/// Asks a tool of the field that judges what is handed out.
mod judge;
/// kubeconform takes what is handed out, and refuses what is wrong.
mod kubeconform;
/// What kustomize does to names reaches every place that names an object.
mod kustomize;
/// The component by which an installation is watched.
mod monitoring;
/// Without an API server the same is refused, for the same reason.
mod offline;
/// What the documents show works.
mod readme;
/// A real API server refuses what cannot work and says what to do.
mod refusals;
/// Renders and reads manifests.
mod render;
/// Samples are understood field by field.
mod samples;
/// What is said of rights is what is granted.
mod security;
/// Every command that is shown is typed by a test, or says why not.
mod shown;
