//! I/O. The order of the scenarios. A population that is there already is used for all that can be asked of it.

use anyhow::Result;

use crate::machine::{Machine, look};
use crate::row::Row;
use crate::scale::{LIMITED_RATE, SHORTEST_INTERVAL_SECONDS, Scale};
use crate::scenario::{create, delete, drift, edit, growth, limit, outage, rest, restart};
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
    only: &'a str,
    rows: Vec<Row>,
}

impl Rows<'_> {
    fn wanted(&self, scenario: &str) -> bool {
        scenario.contains(self.only)
    }

    fn add(&mut self, scenario: &str, result: Result<Row>) {
        let row = result.unwrap_or_else(|error| Row::failed(scenario, format!("{error:#}")));
        if let Some(trouble) = &row.trouble {
            progress(&format!("  ended early: {trouble}"));
        }
        eprint!("{}", crate::table::table(std::slice::from_ref(&row)));
        self.rows.push(row);
    }
}

/// Runs the scenarios whose names contain `only`.
pub async fn run(scale: &Scale, only: &str) -> Result<Course> {
    let mut rows = Rows {
        only,
        rows: Vec::new(),
    };
    let stage = Stage::start().await?;
    let machine = look(&stage).await?;
    let objects = scale.objects;
    let mut creates = vec![scale.few, objects];
    creates.dedup();
    for count in creates {
        let scenario = format!("create {count}, nothing held back");
        if rows.wanted(&scenario) {
            progress(&scenario);
            let row = create::run(&stage, scale, count, &scenario).await;
            rows.add(&scenario, row);
        }
    }
    let scenario = format!("create at {LIMITED_RATE} requests a second");
    if rows.wanted(&scenario) {
        progress(&scenario);
        let row = limit::run(&stage, scale, &scenario).await;
        rows.add(&scenario, row);
    }
    drop(stage);
    let largest = scale.sizes.last().copied().unwrap_or(objects);
    let scenarios = Life::of(largest);
    if scenarios.all().iter().any(|scenario| rows.wanted(scenario)) {
        let stage = Stage::start().await?;
        let mut site = Site::new(&stage, "life").await?;
        live(&mut site, scale, largest, &scenarios, &mut rows).await?;
    }
    Ok(Course {
        machine,
        rows: rows.rows,
    })
}

/// The scenarios of one long-lived population.
struct Life {
    growth: String,
    rest: String,
    drift: String,
    edit: String,
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
            restart: format!("restart with {objects}"),
            outage: "every answer is 429".to_owned(),
            delete: format!("delete all {objects}"),
        }
    }

    fn all(&self) -> [&String; 7] {
        [
            &self.growth,
            &self.rest,
            &self.drift,
            &self.edit,
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
        progress(&scenarios.growth);
        let row = growth::run(site, scale, &scenarios.growth).await;
        rows.add(&scenarios.growth, row);
    } else {
        progress(&format!("a population of {objects}"));
        growth::populate(site, 0, objects).await?;
        site.change_account(LIFTED, LIFTED, scale.interval_seconds)
            .await?;
    }
    if rows.wanted(&scenarios.rest) {
        progress(&scenarios.rest);
        let row = rest::run(site, scale, objects, &scenarios.rest).await;
        rows.add(&scenarios.rest, row);
    }
    if rows.wanted(&scenarios.drift) {
        progress(&scenarios.drift);
        let row = drift::run(site, scale, &scenarios.drift).await;
        rows.add(&scenarios.drift, row);
    }
    if rows.wanted(&scenarios.edit) {
        progress(&scenarios.edit);
        let row = edit::run(site, scale, objects, &scenarios.edit).await;
        rows.add(&scenarios.edit, row);
    }
    if rows.wanted(&scenarios.restart) {
        progress(&scenarios.restart);
        let row = restart::run(site, scale, objects, &scenarios.restart).await;
        rows.add(&scenarios.restart, row);
    }
    if rows.wanted(&scenarios.outage) {
        progress(&scenarios.outage);
        let row = outage::run(site, scale, objects, &scenarios.outage).await;
        rows.add(&scenarios.outage, row);
    }
    if rows.wanted(&scenarios.delete) {
        progress(&scenarios.delete);
        let row = delete::run(site, scale, objects, &scenarios.delete).await;
        rows.add(&scenarios.delete, row);
    }
    Ok(())
}
