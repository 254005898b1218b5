//! The shipped operator against a real API server and the simulated Vobiz API.

#![allow(
    clippy::disallowed_methods,
    reason = "test tools may read clocks; the bans are the operator's"
)]

mod account_refused;
mod adoption;
mod alerts;
mod at_rest;
mod bad_answers;
mod bad_objects;
mod bed;
mod claims;
mod clock;
mod cluster_accounts;
mod columns;
mod commands;
mod contest;
mod crash;
mod create;
mod credentials;
mod credentials_watch;
mod deletion;
mod deletion_trouble;
mod deniers;
mod documents;
mod drift;
mod edit;
mod environments;
mod foresight;
mod generation;
mod generation_moves;
mod hands;
mod helm;
mod image;
mod in_use;
mod kstatus;
mod leader;
mod lost_route;
mod markers;
mod mass_deletion;
mod model;
mod namespace;
mod neighbours;
mod network;
mod odd_metadata;
mod orphans;
mod overtaken;
mod ownership;
mod parent;
mod parent_pair;
mod process;
mod process_refused;
mod records;
mod recovery;
mod rest;
mod restless;
mod restores;
mod rights;
mod rule;
mod runbook;
mod secret;
mod secret_refused;
mod shared_proof;
mod stolen_token;
mod subaccount_refused;
mod tenants;
mod traces;
mod turns;
mod two_leaders;
mod validation;
mod variants;
mod vobiz_command;
mod vobiz_doctor;
mod vobiz_import;
mod vobiz_orphans;
mod vobiz_views;
mod whole_suite;
mod wish;

use std::path::Path;
use std::process::ExitCode;

use vobiz_harness::suite::Suite;

fn main() -> ExitCode {
    let mut suite = match Suite::new(Path::new(env!("CARGO_BIN_EXE_vobiz-operator"))) {
        Ok(suite) => suite,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    // Trials with a ClusterAccount run one at a time: far from each other in the list they take no thread to wait for that.
    tenants::adopters::add_to(&mut suite);
    account_refused::add_to(&mut suite);
    adoption::add_to(&mut suite);
    alerts::add_to(&mut suite);
    bad_answers::add_to(&mut suite);
    bad_objects::add_to(&mut suite);
    bed::add_to(&mut suite);
    claims::add_to(&mut suite);
    clock::add_to(&mut suite);
    cluster_accounts::add_to(&mut suite);
    columns::add_to(&mut suite);
    commands::add_to(&mut suite);
    contest::add_to(&mut suite);
    crash::add_to(&mut suite);
    create::add_to(&mut suite);
    credentials::add_to(&mut suite);
    credentials_watch::add_to(&mut suite);
    deletion::add_to(&mut suite);
    deletion_trouble::add_to(&mut suite);
    deniers::add_to(&mut suite);
    documents::add_to(&mut suite);
    drift::add_to(&mut suite);
    edit::add_to(&mut suite);
    environments::add_to(&mut suite);
    foresight::add_to(&mut suite);
    generation_moves::add_to(&mut suite);
    helm::add_to(&mut suite);
    image::add_to(&mut suite);
    in_use::add_to(&mut suite);
    kstatus::add_to(&mut suite);
    model::add_to(&mut suite);
    tenants::secrets::add_to(&mut suite);
    leader::add_to(&mut suite);
    lost_route::add_to(&mut suite);
    markers::add_to(&mut suite);
    mass_deletion::add_to(&mut suite);
    namespace::add_to(&mut suite);
    neighbours::add_to(&mut suite);
    network::add_to(&mut suite);
    odd_metadata::add_to(&mut suite);
    orphans::add_to(&mut suite);
    overtaken::add_to(&mut suite);
    ownership::add_to(&mut suite);
    parent::add_to(&mut suite);
    parent_pair::add_to(&mut suite);
    tenants::floods::add_to(&mut suite);
    process::add_to(&mut suite);
    process_refused::add_to(&mut suite);
    records::add_to(&mut suite);
    recovery::add_to(&mut suite);
    rest::add_to(&mut suite);
    restless::add_to(&mut suite);
    restores::add_to(&mut suite);
    rights::add_to(&mut suite);
    runbook::add_to(&mut suite);
    secret::add_to(&mut suite);
    shared_proof::add_to(&mut suite);
    secret_refused::add_to(&mut suite);
    stolen_token::add_to(&mut suite);
    subaccount_refused::add_to(&mut suite);
    tenants::add_to(&mut suite);
    traces::add_to(&mut suite);
    turns::add_to(&mut suite);
    two_leaders::add_to(&mut suite);
    validation::add_to(&mut suite);
    variants::add_to(&mut suite);
    vobiz_doctor::add_to(&mut suite);
    vobiz_import::add_to(&mut suite);
    vobiz_orphans::add_to(&mut suite);
    vobiz_views::add_to(&mut suite);
    wish::add_to(&mut suite);
    whole_suite::add_to(&mut suite);
    suite.run()
}
