//! I/O. The order of the scenarios. A population that is there already is used for all that can be asked of it.

use std::path::Path;

use anyhow::Result;

use crate::machine::{Machine, look};
use crate::row::Row;
use crate::scale::{BACKLOG_BURST, BACKLOG_RATE, LIMITED_RATE, SHORTEST_INTERVAL_SECONDS, Scale};
use crate::scenario::attack::{self, Attack};
use crate::scenario::{bulk, create, delete, drift, edit, growth, limit, neighbour, outage, rest, restart};
use crate::site::{LIFTED, Site};
use crate::stage::Stage;
use crate::waiting::progress;

/// What a run came to.
pub struct Course {
    /// Where it ran.
    pub machine: Machine,
    /// In order.
    pub rows: Vec<Row>,
}

/// Which scenarios run, and their rows so far.
struct Rows<'a> {
    only: &'a [String],
    rows: Vec<Row>,
}

impl Rows<'_> {
    fn wanted(&self, scenario: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| scenario.contains(text))
    }

    /// Runs a scenario, if it is wanted; an error is a row that is not reached.
    async fn measure(&mut self, scenario: &str, run: impl AsyncFnOnce(&str) -> Result<Row>) {
        if !self.wanted(scenario) {
            return;
        }
        progress(scenario);
        let result = run(scenario).await;
        let row = result.unwrap_or_else(|error| Row::failed(scenario, format!("{error:#}")));
        if let Some(trouble) = &row.trouble {
            progress(&format!("  ended early: {trouble}"));
        }
        eprint!("{}", crate::table::table(std::slice::from_ref(&row)));
        self.rows.push(row);
    }
}

/// Runs the scenarios whose names contain one of `only`, or all if there is none, with this operator.
pub async fn run(scale: &Scale, operator: &Path, only: &[String]) -> Result<Course> {
    let mut rows = Rows {
        only,
        rows: Vec::new(),
    };
    let stage = Stage::start(scale, operator).await?;
    let machine = look(&stage).await?;
    let objects = scale.objects;
    let mut creates = vec![scale.few, objects];
    creates.dedup();
    for count in creates {
        let scenario = format!("create {count}, nothing held back");
        rows.measure(&scenario, async |scenario| {
            create::run(&stage, scale, count, scenario).await
        })
        .await;
    }
    let scenario = format!("create at {LIMITED_RATE} requests a second");
    rows.measure(&scenario, async |scenario| {
        limit::run(&stage, scale, scenario).await
    })
    .await;
    let scenario = format!(
        "delete {} in bulk at {LIMITED_RATE} requests a second",
        scale.bulk_objects
    );
    rows.measure(&scenario, async |scenario| {
        bulk::run(&stage, scale, scenario).await
    })
    .await;
    drop(stage);
    let largest = scale.sizes.last().copied().unwrap_or(objects);
    let scenarios = Life::of(largest);
    if scenarios.all().iter().any(|scenario| rows.wanted(scenario)) {
        let stage = Stage::start(scale, operator).await?;
        let mut site = Site::new(&stage, "life").await?;
        live(&mut site, scale, largest, &scenarios, &mut rows).await?;
    }
    if Attack::ALL.iter().any(|attack| rows.wanted(attack.scenario())) {
        attacks(scale, operator, &mut rows).await?;
    }
    Ok(Course {
        machine,
        rows: rows.rows,
    })
}

/// A neighbour and what others do to it, at the limits and with the interval that an Account has by default.
async fn attacks(scale: &Scale, operator: &Path, rows: &mut Rows<'_>) -> Result<()> {
    let stage = Stage::start(scale, operator).await?;
    let mut site = Site::new(&stage, "attacked").await?;
    site.create_account(BACKLOG_RATE, BACKLOG_BURST, 300).await?;
    site.start_operator().await?;
    site.operator()?.await_ready().await?;
    for attack in Attack::ALL {
        rows.measure(attack.scenario(), async |_| {
            attack::run(&site, scale, attack).await
        })
        .await;
    }
    Ok(())
}

/// The scenarios of one long-lived population.
struct Life {
    growth: String,
    rest: String,
    drift: String,
    edit: String,
    neighbour: String,
    restart: String,
    outage: String,
    delete: String,
}

impl Life {
    fn of(objects: usize) -> Self {
        Self {
            growth: format!("growth to {objects}"),
            rest: format!("{objects} at rest"),
            drift: format!("1 % of {objects} drifted"),
            edit: format!("edit under a backlog of {objects}"),
            neighbour: format!("one bad object among {objects}"),
            restart: format!("restart with {objects}"),
            outage: "every answer is 429".to_owned(),
            delete: format!("delete all {objects}"),
        }
    }

    fn all(&self) -> [&String; 8] {
        [
            &self.growth,
            &self.rest,
            &self.drift,
            &self.edit,
            &self.neighbour,
            &self.restart,
            &self.outage,
            &self.delete,
        ]
    }
}

async fn live(
    site: &mut Site,
    scale: &Scale,
    objects: usize,
    scenarios: &Life,
    rows: &mut Rows<'_>,
) -> Result<()> {
    site.create_account(LIFTED, LIFTED, SHORTEST_INTERVAL_SECONDS)
        .await?;
    site.start_operator().await?;
    site.operator()?.await_ready().await?;
    if rows.wanted(&scenarios.growth) {
        rows.measure(&scenarios.growth, async |scenario| {
            growth::run(site, scale, scenario).await
        })
        .await;
    } else {
        progress(&format!("a population of {objects}"));
        growth::populate(site, 0..objects).await?;
        site.change_account(LIFTED, LIFTED, scale.interval_seconds)
            .await?;
    }
    rows.measure(&scenarios.rest, async |scenario| {
        rest::run(site, scale, objects, scenario).await
    })
    .await;
    rows.measure(&scenarios.drift, async |scenario| {
        drift::run(site, scale, scenario).await
    })
    .await;
    rows.measure(&scenarios.edit, async |scenario| {
        edit::run(site, scale, objects, scenario).await
    })
    .await;
    rows.measure(&scenarios.neighbour, async |scenario| {
        neighbour::run(site, scale, objects, scenario).await
    })
    .await;
    rows.measure(&scenarios.restart, async |scenario| {
        restart::run(site, scale, objects, scenario).await
    })
    .await;
    rows.measure(&scenarios.outage, async |scenario| {
        outage::run(site, scale, objects, scenario).await
    })
    .await;
    rows.measure(&scenarios.delete, async |scenario| {
        delete::run(site, scale, objects, scenario).await
    })
    .await;
    Ok(())
}
