//! Traces: what a collector is sent, and that one who takes nothing holds nothing up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use vobiz_harness::collector::{Collector, Manner, Span};
use vobiz_harness::last_words::TRACES;
use vobiz_harness::operator::OperatorProcess;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{EnvironmentOptions, TestBed};

/// The exporter sends every tenth of a second here, every 5 seconds by itself.
const SENT: Duration = Duration::from_secs(20);
/// What the end of the process may take beside a collector that answers nobody: far less than an answer may take.
const END: Duration = Duration::from_secs(15);
/// What is told of a collector that takes nothing.
const UNTAKEN: &str = "the collector takes no traces";
/// The only names that attributes may have: what nobody lists here, nobody has looked at.
const ATTRIBUTES: [&str; 8] = [
    "controller",
    "namespace",
    "name",
    "uid",
    "result",
    "operation",
    "http.request.method",
    "http.response.status_code",
];

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "a collector is sent a span of each pass and each request, and one that takes nothing is told once and holds nothing up",
        traces,
    );
}

fn is_pass_over(span: &Span, name: &str) -> bool {
    span.name == "reconcile subaccount" && span.attributes.get("name").is_some_and(|found| found == name)
}

/// Whether `span` is within `pass`, at any depth.
fn is_within(span: &Span, pass: &Span, spans: &[Span]) -> bool {
    span.parent == pass.id
        || spans
            .iter()
            .any(|other| other.id == span.parent && is_within(other, pass, spans))
}

/// Fails if the spans say too little, or anything that nobody has looked at.
fn ensure_told(spans: &[Span]) -> Result<()> {
    for span in spans {
        let strange = span
            .attributes
            .keys()
            .find(|name| !ATTRIBUTES.contains(&name.as_str()));
        ensure!(
            strange.is_none(),
            "a span has the attribute {strange:?}: {span:?}"
        );
        ensure!(span.events == 0, "a span repeats lines of the log: {span:?}");
        ensure!(
            span.resource
                .get("service.name")
                .is_some_and(|name| name == "vobiz-operator")
                && span.resource.get("team").is_some_and(|team| team == "voice"),
            "the sender is unknown: {:?}",
            span.resource
        );
    }
    let of = |name: &str| spans.iter().find(|span| span.name == name);
    let create = of("Vobiz create").context("no create")?;
    ensure!(
        create.attributes["operation"] == "create" && !create.failed,
        "{create:?}"
    );
    ensure!(
        create.attributes["http.response.status_code"].starts_with('2'),
        "{create:?}"
    );
    let watch = of("Kubernetes WATCH subaccounts").context("no watch")?;
    ensure!(
        watch.attributes["http.request.method"] == "GET" && watch.parent.is_empty(),
        "{watch:?}"
    );
    let results = spans.iter().filter(|span| is_pass_over(span, "traced"));
    let results: Vec<_> = results.map(|span| span.attributes.get("result")).collect();
    ensure!(
        results.iter().all(Option::is_some),
        "a pass does not tell how it ended: {results:?}"
    );
    Ok(())
}

async fn traces(bed: Arc<TestBed>) -> Result<()> {
    let collector = Collector::start(Manner::Takes).await?;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000".to_owned()),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=voice".to_owned()),
    ];
    let options = EnvironmentOptions {
        operator_environment: variables.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        ..EnvironmentOptions::new("traces")
    };
    let environment = bed.environment(options).await?;
    environment.create_subaccount("traced", json!({})).await?;
    environment.await_ready("traced").await?;
    let spans = collector
        .await_spans(SENT, |spans| {
            let mut passes = spans.iter().filter(|span| is_pass_over(span, "traced"));
            passes.any(|pass| {
                let within = |name: &str| {
                    spans
                        .iter()
                        .any(|span| span.name == name && span.is_client && is_within(span, pass, spans))
                };
                within("Vobiz create") && within("Kubernetes POST secrets")
            })
        })
        .await?;
    ensure_told(&spans)?;

    // A Subaccount becomes Ready beside a collector that refuses, and beside one that never answers.
    for (name, manner) in [("refused", Manner::Refuses), ("unheard", Manner::Silent)] {
        collector.behave(manner);
        environment.create_subaccount(name, json!({})).await?;
        let seen = collector.requests();
        environment.await_ready(name).await?;
        collector.await_request(seen, SENT).await?;
        await_told(environment.operator()?).await?;
    }
    let begun = Instant::now();
    let code = environment.operator()?.terminate(Duration::from_secs(30)).await?;
    ensure!(code == 0, "it ended with {code}");
    ensure!(
        begun.elapsed() < END,
        "its end waited {:?} for the collector",
        begun.elapsed()
    );
    let told = std::fs::read_to_string(environment.operator()?.log())?
        .matches(UNTAKEN)
        .count();
    ensure!(told == 1, "that the collector takes nothing is told {told} times");

    let grpc = [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".to_owned())];
    let misled = environment.start_replica_with("misled", &[], &grpc).await?;
    misled.kill_hard().await?;
    let log = std::fs::read_to_string(misled.log())?;
    let told = log
        .lines()
        .find(|line| line.contains("none are sent"))
        .unwrap_or_default();
    ensure!(
        told.contains("OTEL_EXPORTER_OTLP_PROTOCOL") && told.contains("write http/protobuf"),
        "that no traces can be sent is not told: {told}"
    );

    // Corrected; and one that would send nothing for ten minutes sends what it has as it ends.
    collector.behave(Manner::Takes);
    let seldom = [("OTEL_BSP_SCHEDULE_DELAY", "600000".to_owned())];
    let last = environment.start_replica_with("last", &[], &seldom).await?;
    let before = collector.await_spans(SENT, |_| true).await?.len();
    let code = last.terminate(Duration::from_secs(30)).await?;
    ensure!(code == 0, "it ended with {code}");
    collector.await_spans(SENT, |spans| spans.len() > before).await?;
    let kept = environment.operator()?.log().with_extension(TRACES);
    std::fs::write(kept, collector.bodies()).context("failed to keep the traces")
}

async fn await_told(operator: &OperatorProcess) -> Result<()> {
    let told = tokio::time::timeout(SENT, async {
        while !std::fs::read_to_string(operator.log())?.contains(UNTAKEN) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    });
    told.await
        .context("that the collector takes nothing is told nobody")?
}
