//! Lists the Subaccounts of a namespace, or of all, and follows what becomes of them. I/O.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use kube::Api;
use kube::api::ListParams;
use kube::runtime::watcher::{self, Event, watcher};

use super::row::{Row, Standing};
use super::text;
use crate::controller::lenient::Guarded;
use crate::crd::Subaccount;
use crate::kubectl::answer::Answer;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Format, StatusFlags};
use crate::kubectl::output;
use crate::kubectl::session::Session;
use crate::kubectl::sight::pages;

/// Prints all of them, and with `--watch` each again that changes.
pub async fn show(session: &Session, flags: &StatusFlags) -> Result<Answer, Failure> {
    let api: Api<Guarded<Subaccount>> = if flags.all_namespaces {
        Api::all(session.cluster.clone())
    } else {
        Api::namespaced(session.cluster.clone(), &session.namespace)
    };
    if flags.watch {
        return follow(api, flags).await;
    }
    let mut rows = Vec::new();
    pages::each(&api, ListParams::default(), |page: Vec<Guarded<Subaccount>>| {
        // Of each no more is kept than its line.
        rows.extend(page.iter().map(Row::of));
    })
    .await
    .map_err(|error| Failure::of_cluster(place(session, flags), &error))?;
    rows.sort_unstable();
    print(&rows, flags, !flags.no_headers)?;
    if rows.is_empty() {
        output::word(&format!("there are no {}", place(session, flags)));
    } else if flags.output == Format::Table {
        output::word(&text::summary(&rows));
    }
    let is_stalled = rows.iter().any(|row| row.standing == Standing::Stalled);
    Ok(if is_stalled {
        Answer::Finding
    } else {
        Answer::Nothing
    })
}

fn place(session: &Session, flags: &StatusFlags) -> String {
    if flags.all_namespaces {
        "Subaccounts of all namespaces".to_owned()
    } else {
        format!("Subaccounts of the namespace {}", session.namespace)
    }
}

fn print(rows: &[Row], flags: &StatusFlags, has_headers: bool) -> Result<(), Failure> {
    output::data(&match flags.output {
        Format::Table => text::rows(rows, flags.all_namespaces, has_headers, output::is_terminal()),
        format => output::written(&rows, format)?,
    })
}

/// Until it is interrupted.
async fn follow(api: Api<Guarded<Subaccount>>, flags: &StatusFlags) -> Result<Answer, Failure> {
    let mut shown: BTreeMap<(String, String), Row> = BTreeMap::new();
    let mut listed: Vec<Row> = Vec::new();
    let mut has_headers = !flags.no_headers;
    let mut events = watcher(api, watcher::Config::default()).boxed();
    while let Some(event) = events.next().await {
        let changed = match event {
            Ok(Event::Init) => {
                listed.clear();
                continue;
            }
            Ok(Event::InitApply(object)) => {
                listed.push(Row::of(&object));
                continue;
            }
            Ok(Event::InitDone) => std::mem::take(&mut listed),
            Ok(Event::Apply(object)) => vec![Row::of(&object)],
            Ok(Event::Delete(object)) => {
                let row = Row::of(&object);
                shown.remove(&(row.namespace.clone(), row.name.clone()));
                output::word(&format!("{}/{} is gone", row.namespace, row.name));
                continue;
            }
            Err(error) => {
                // The parser's words may repeat what it could not read.
                let refused = matches!(&error, watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 403);
                if refused {
                    return Err(Failure::new(
                        "Subaccounts",
                        "you may not list and watch them",
                        "ask for that right, or name a --namespace",
                    ));
                }
                output::word("the API server does not answer; trying again");
                continue;
            }
        };
        let mut changed: Vec<Row> = changed
            .into_iter()
            .filter(|row| shown.get(&(row.namespace.clone(), row.name.clone())) != Some(row))
            .collect();
        changed.sort();
        for row in &changed {
            shown.insert((row.namespace.clone(), row.name.clone()), row.clone());
        }
        if !changed.is_empty() {
            print(&changed, flags, has_headers)?;
            has_headers = false;
        }
    }
    Ok(Answer::Nothing)
}
