//! At rest nobody writes anything: not to Kubernetes, not to Vobiz; and a resync is one walk over the list's pages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use vobiz_harness::audit::Mark;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{await_event, ensure_consistent};
use crate::generation::{environment, in_each};

const OBJECTS: usize = 45;
const RESYNCS: usize = 3;
const PATIENCE: Duration = Duration::from_mins(2);

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "45 objects at rest cost a list per resync, before and after a restart",
        at_rest,
    );
    in_each(
        suite,
        "the first list after a start is asked for four pages at once, a later one page by page",
        first_list,
    );
}

/// An Account whose list is read often.
fn often() -> Value {
    json!({"resyncIntervalSeconds": 10, "rateLimit": {"requestsPerSecond": 500, "burst": 500}})
}

fn page_size(api: Api) -> usize {
    if api == Api::Gen1 { 20 } else { 100 }
}

async fn first_list(bed: Arc<TestBed>, api: Api) -> Result<()> {
    const PAGES: usize = 6;
    let options = EnvironmentOptions {
        account: often(),
        ..environment("rest-first-list", api)
    };
    let mut environment = bed.environment(options).await?;
    let parent = &environment.parent.auth_id;
    let others = json!({"parent": parent, "name": "of somebody else", "count": PAGES * page_size(api)});
    environment.simulator.create_account(&others).await?;
    let code = environment.operator()?.terminate(PATIENCE).await?;
    ensure!(code == 0, "the operator ended with {code}");
    for (is_first, at_once) in [(true, 4), (false, 1)] {
        let before = environment.simulator.journal_mark().await?;
        // A start asks for a page before, to see whether the pair may list.
        let tried = usize::from(is_first);
        let second_page = 2 + tried as u64;
        let hold = Fault::hold_after_commit()
            .operation(Operation::List)
            .from(second_page);
        let hold = environment.simulator.add_fault(&hold).await?;
        if is_first {
            environment.restart_operator()?;
        }
        let unanswered = JournalQuery::new()
            .since(before)
            .operation(Operation::List)
            .held(true);
        let await_unanswered =
            |count, patience| environment.simulator.await_journal(&unanswered, count, patience);
        environment.explain(await_unanswered(at_once, PATIENCE).await)?;
        let more = await_unanswered(at_once + 1, Duration::from_secs(1)).await;
        ensure!(more.is_err(), "more than {at_once} pages were asked for at once");
        environment.simulator.remove_fault(hold).await?;
        environment.simulator.release_holds().await?;
        let pages = await_lists(&environment, before, PAGES + tried).await?;
        ensure!(
            pages.len() == PAGES && pages.values().sum::<usize>() == PAGES + tried,
            "{PAGES} pages were asked for as {pages:?}"
        );
    }
    Ok(())
}

async fn at_rest(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let options = EnvironmentOptions {
        account: often(),
        deadline: PATIENCE,
        ..environment("rest", api)
    };
    let mut environment = bed.environment(options).await?;
    let names: Vec<String> = (0..OBJECTS).map(|number| format!("acme-{number}")).collect();
    try_join_all(
        names
            .iter()
            .map(|name| environment.create_subaccount(name, json!({}))),
    )
    .await?;
    try_join_all(names.iter().map(|name| environment.await_ready(name))).await?;
    try_join_all(
        names
            .iter()
            .map(|name| await_event(&environment, name, "SubaccountCreated")),
    )
    .await?;
    // One list after the last create, then another: by its end the Account has counted all of them.
    let pages = OBJECTS.div_ceil(page_size(api));
    let created = environment.simulator.journal_mark().await?;
    await_lists(&environment, created, 2 * pages).await?;

    let (mark, before) = (
        environment.audit()?.mark().await?,
        environment.simulator.journal_mark().await?,
    );
    let lists = await_lists(&environment, before, RESYNCS * pages).await?;
    ensure!(
        lists.len() == pages && lists.values().all(|count| *count == RESYNCS),
        "{RESYNCS} resyncs of {pages} pages asked for {lists:?}"
    );
    ensure_silent(&environment, mark, before).await?;
    let gets = JournalQuery::new().since(before).operation(Operation::Get);
    let gets = environment.simulator.journal_count(&gets).await?;
    ensure!(gets == 0, "{gets} accounts were read one by one");

    let (mark, before) = (
        environment.audit()?.mark().await?,
        environment.simulator.journal_mark().await?,
    );
    environment.restart_operator()?;
    environment.operator()?.await_ready().await?;
    // Whatever was under way in the old process is at most one list; the new one resyncs at least once more.
    await_lists(&environment, before, 3 * pages).await?;
    ensure_silent(&environment, mark, before).await?;
    let gets = JournalQuery::new().since(before).operation(Operation::Get);
    println!(
        "{api:?}: {} item reads after a restart",
        environment.simulator.journal_count(&gets).await?
    );
    ensure_consistent(&environment, &names).await
}

/// Waits until so many pages were listed; counts them by what they asked for.
async fn await_lists(environment: &Environment, since: u64, count: usize) -> Result<BTreeMap<String, usize>> {
    let lists = JournalQuery::new()
        .since(since)
        .operation(Operation::List)
        .answered(true);
    let entries = environment.explain(environment.simulator.await_journal(&lists, count, PATIENCE).await)?;
    let mut pages = BTreeMap::new();
    for entry in entries {
        *pages.entry(entry.query.unwrap_or_default()).or_default() += 1;
    }
    Ok(pages)
}

async fn ensure_silent(environment: &Environment, mark: Mark, before: u64) -> Result<()> {
    let writes = environment
        .audit()?
        .writes(&environment.operator_requests(mark))
        .await?;
    let writes: Vec<String> = writes.iter().map(|line| line.summary()).collect();
    ensure!(writes.is_empty(), "the operator wrote {writes:#?}");
    for operation in [Operation::Create, Operation::Update, Operation::Delete] {
        let query = JournalQuery::new().since(before).operation(operation);
        let requests = environment.simulator.journal(&query).await?;
        ensure!(requests.is_empty(), "Vobiz was sent {requests:#?}");
    }
    Ok(())
}
