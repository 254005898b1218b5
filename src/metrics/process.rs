//! The `process_*` metrics that every exporter has. I/O: reads `/proc` at each scrape; elsewhere than on Linux, and for
//! whatever cannot be read, there is no series.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// What Linux calls `USER_HZ`: the unit of times in `/proc`, the same on every architecture that we build for.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads this process's figures when it is asked for them.
#[derive(Debug)]
pub struct ProcessCollector;

/// Times of this process, in seconds.
#[derive(Debug, PartialEq)]
struct ProcessTimes {
    /// Processor time used so far.
    cpu: f64,
    /// Start, counted from the machine's start.
    started: f64,
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let times = read("/proc/self/stat").as_deref().and_then(times);
        if let Some(times) = &times {
            let cpu = ConstCounter::new(times.cpu);
            let help = "User and system time used";
            cpu.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?)?;
        }
        let booted = read("/proc/stat").as_deref().and_then(boot_time);
        if let (Some(times), Some(booted)) = (times, booted) {
            gauge(
                &mut encoder,
                "process_start_time_seconds",
                "Start, in Unix seconds",
                booted + times.started,
            )?;
        }
        if let Some(status) = read("/proc/self/status") {
            for (name, help, field) in [
                ("process_resident_memory_bytes", "Memory in use", "VmRSS:"),
                ("process_virtual_memory_bytes", "Address space in use", "VmSize:"),
            ] {
                if let Some(bytes) = bytes_of(&status, field) {
                    gauge(&mut encoder, name, help, bytes)?;
                }
            }
        }
        if let Some(open) = fs::read_dir("/proc/self/fd")
            .ok()
            .and_then(|entries| u32::try_from(entries.count()).ok())
        {
            gauge(
                &mut encoder,
                "process_open_fds",
                "File descriptors in use",
                f64::from(open),
            )?;
        }
        if let Some(limit) = read("/proc/self/limits").as_deref().and_then(descriptor_limit) {
            gauge(&mut encoder, "process_max_fds", "File descriptors allowed", limit)?;
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> Result<(), fmt::Error> {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// Fields 14, 15 and 22 of `/proc/self/stat`; the second, the program's name, may itself hold spaces and brackets.
fn times(stat: &str) -> Option<ProcessTimes> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let field = |number: usize| rest.split_ascii_whitespace().nth(number - 3)?.parse::<f64>().ok();
    Some(ProcessTimes {
        cpu: (field(14)? + field(15)?) / TICKS_PER_SECOND,
        started: field(22)? / TICKS_PER_SECOND,
    })
}

/// Unix seconds.
fn boot_time(stat: &str) -> Option<f64> {
    stat.lines()
        .find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

fn bytes_of(status: &str, field: &str) -> Option<f64> {
    let kibibytes: f64 = status.lines().find_map(|line| {
        line.strip_prefix(field)?
            .trim()
            .strip_suffix("kB")?
            .trim()
            .parse()
            .ok()
    })?;
    Some(kibibytes * 1024.0)
}

fn descriptor_limit(limits: &str) -> Option<f64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn a_program_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 900 0 0 0 250 50 0 0 20 0 9 0 12345 1000000 500 18446744073709551615";
        assert_eq!(
            times(stat),
            Some(ProcessTimes {
                cpu: 3.0,
                started: 123.45
            })
        );
    }

    #[test]
    fn this_process_is_described() {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ProcessCollector));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let value = |name: &str| -> f64 {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("{name} is missing in {text}"))
                .parse()
                .unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1e5);
        assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
        assert!(value("process_cpu_seconds_total") >= 0.0);
        assert!(value("process_start_time_seconds") > 1.7e9);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_max_fds") >= value("process_open_fds"));
    }
}
