//! I/O. What objects take in etcd, as the API server estimates it.

use anyhow::{Context as _, Result};
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};

use crate::percentile::share;
use crate::stage::Stage;

/// What is stored per object for as long as it lives. Of events, which go after an hour, the API server has no estimate.
const OF_OBJECTS: [&str; 2] = ["subaccounts", "secrets"];

/// Bytes of all Subaccounts and Secrets for each Subaccount, whoever made it.
pub async fn bytes_per_object(stage: &Stage) -> Result<f64> {
    let bytes = sum(&metrics(stage).await?, &OF_OBJECTS);
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("vobiz.ai", "v1alpha1", "Subaccount"));
    let all: Api<DynamicObject> = Api::all_with(stage.control_plane.client(), &resource);
    let first = all.list(&ListParams::default().limit(1)).await;
    let first = first.context("failed to count the Subaccounts")?;
    let more = first.metadata.remaining_item_count.unwrap_or_default();
    Ok(bytes / share(first.items.len() + usize::try_from(more)?, 1))
}

async fn metrics(stage: &Stage) -> Result<String> {
    let request = http::Request::get("/metrics").body(Vec::new());
    let request = request.context("failed to make a request")?;
    let answer = stage.control_plane.client().request_text(request).await;
    answer.context("failed to read the API server's metrics")
}

fn sum(metrics: &str, resources: &[&str]) -> f64 {
    let wanted = |line: &&str| {
        resources
            .iter()
            .any(|resource| line.contains(&format!("resource=\"{resource}\"")))
    };
    metrics
        .lines()
        .filter(|line| line.starts_with("apiserver_resource_size_estimate_bytes{"))
        .filter(wanted)
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_of_the_wanted_resources_are_added() {
        let metrics = "# HELP apiserver_resource_size_estimate_bytes x\n\
            apiserver_resource_size_estimate_bytes{group=\"\",resource=\"secrets\"} 1000\n\
            apiserver_resource_size_estimate_bytes{group=\"vobiz.ai\",resource=\"subaccounts\"} 2.5e+03\n\
            apiserver_resource_size_estimate_bytes{group=\"\",resource=\"events\"} 7\n\
            apiserver_other{resource=\"secrets\"} 5\n";
        assert!((sum(metrics, &OF_OBJECTS) - 3500.0).abs() < 1e-9);
        assert!((sum(metrics, &["events"]) - 7.0).abs() < 1e-9);
    }
}
