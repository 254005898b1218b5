//! PURE. What arrived at the simulated API: sweeps, pauses, and how often each account was touched.

use std::collections::BTreeMap;

use vobiz_harness::simulator_journal::{JournalEntry, Operation};

/// One walk over all pages of the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sweep {
    /// Journal sequence of its first page.
    pub first: u64,
    /// Seconds on the simulator's clock.
    pub begun: f64,
    /// Seconds on the simulator's clock.
    pub ended: f64,
    /// Lists it took.
    pub pages: usize,
}

/// Every sweep whose first page is among the entries, in order; the last one may not be complete.
pub fn sweeps(entries: &[JournalEntry]) -> Vec<Sweep> {
    let mut found: Vec<Sweep> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.operation == Operation::List) {
        if entry.is_first_page() {
            found.push(Sweep {
                first: entry.sequence,
                begun: seconds(entry.monotonic_ms),
                ended: 0.0,
                pages: 0,
            });
        }
        if let Some(sweep) = found.last_mut() {
            sweep.pages += 1;
            sweep.ended = seconds(entry.ended_ms.unwrap_or(entry.monotonic_ms));
        }
    }
    found
}

/// How many requests of one operation there are.
pub fn count(entries: &[JournalEntry], operation: Operation) -> usize {
    entries
        .iter()
        .filter(|entry| entry.operation == operation)
        .count()
}

/// Arrivals in seconds on the simulator's clock.
pub fn arrivals<'a>(entries: impl IntoIterator<Item = &'a JournalEntry>) -> Vec<f64> {
    let entries = entries.into_iter();
    entries.map(|entry| seconds(entry.monotonic_ms)).collect()
}

/// How many requests of one operation each account had.
pub fn per_account(entries: &[JournalEntry], operation: Operation) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.operation == operation) {
        *counts.entry(entry.id.as_deref().unwrap_or_default()).or_default() += 1;
    }
    counts
}

/// What came although everybody had been told to stay away: entries after the first refusal was answered, without those
/// that had arrived by then.
pub fn after_refusal(entries: &[JournalEntry], status: u16) -> Vec<&JournalEntry> {
    let refused = entries.iter().filter(|entry| entry.status == Some(status));
    let Some(told) = refused.filter_map(|entry| entry.ended_ms).min() else {
        return Vec::new();
    };
    entries.iter().filter(|entry| entry.monotonic_ms > told).collect()
}

/// The most arrivals in any window of this many seconds.
pub fn most_within(arrivals: &[f64], window: f64) -> usize {
    let within = |(index, begun): (usize, &f64)| {
        arrivals[index..]
            .iter()
            .take_while(|arrival| **arrival < begun + window)
            .count()
    };
    arrivals.iter().enumerate().map(within).max().unwrap_or_default()
}

/// Milliseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "a run lasts far less than 2^52 ms")]
pub fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn entry(sequence: u64, operation: &str, at: u64, more: &Value) -> JournalEntry {
        let mut entry = json!({
            "sequence": sequence, "time": "2026-01-01T00:00:00Z", "monotonic_ms": at, "ended_ms": at + 20,
            "connection": 1, "parent": "MA_X", "generation": "gen2", "operation": operation, "method": "GET",
            "path": "/", "query": null, "id": null, "name": null, "body": null, "status": 200, "committed": false,
            "answered": true, "pending": false, "held": false, "fault": null,
        });
        for (key, value) in more.as_object().unwrap() {
            entry[key] = value.clone();
        }
        serde_json::from_value(entry).unwrap()
    }

    fn page(sequence: u64, number: u64, at: u64) -> JournalEntry {
        entry(
            sequence,
            "list",
            at,
            &json!({"query": format!("page={number}&size=100")}),
        )
    }

    #[test]
    fn sweeps_are_told_apart_by_their_first_page() {
        let entries = [
            page(1, 2, 500),
            page(2, 1, 1000),
            page(3, 2, 1100),
            entry(4, "me", 1200, &json!({})),
            page(5, 1, 9000),
            page(6, 10, 9100),
        ];
        let found = sweeps(&entries);
        let told: Vec<_> = found.iter().map(|sweep| (sweep.first, sweep.pages)).collect();
        assert_eq!(told, [(2, 2), (5, 2)]);
        assert!((found[0].begun - 1.0).abs() < 1e-9 && (found[0].ended - 1.12).abs() < 1e-9);
        assert_eq!(count(&entries, Operation::Me), 1);
    }

    #[test]
    fn what_was_under_way_when_the_first_refusal_left_is_no_breach_of_the_pause() {
        let refused = json!({"status": 429});
        let entries = [
            entry(1, "list", 0, &json!({})),
            entry(2, "update", 100, &refused),
            entry(3, "update", 110, &refused),
            entry(4, "update", 5200, &refused),
        ];
        let found: Vec<u64> = after_refusal(&entries, 429)
            .iter()
            .map(|entry| entry.sequence)
            .collect();
        assert_eq!(found, [4]);
        assert!(after_refusal(&entries, 503).is_empty());
    }

    #[test]
    fn the_busiest_window_is_found() {
        assert_eq!(most_within(&[0.0, 4.0, 5.0, 5.1, 12.0], 5.0), 3);
        assert_eq!(most_within(&[], 5.0), 0);
    }

    #[test]
    fn requests_are_counted_by_account() {
        let id = |id: &str| json!({"id": id});
        let entries = [
            entry(1, "update", 0, &id("SA_A")),
            entry(2, "update", 1, &id("SA_B")),
            entry(3, "update", 2, &id("SA_A")),
            entry(4, "get", 3, &id("SA_C")),
        ];
        let found = per_account(&entries, Operation::Update);
        assert_eq!(found, [("SA_A", 2), ("SA_B", 1)].into());
    }
}
