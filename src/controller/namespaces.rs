//! Which namespaces there are, by the metadata alone; nothing where they may not be watched. I/O (none of its own: reads a cache).

use crate::controller::cache::Cache;
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt as _;
use kube::core::PartialObjectMeta;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The cached namespaces.
#[derive(Clone, Debug, Default)]
pub struct Namespaces {
    cache: Option<Cache<PartialObjectMeta<Namespace>>>,
}

impl Namespaces {
    /// Those that a watch keeps here.
    #[must_use]
    pub fn watched(cache: Cache<PartialObjectMeta<Namespace>>) -> Self {
        Self { cache: Some(cache) }
    }

    /// The labels of one; none if it is not known.
    #[must_use]
    pub fn labels(&self, name: &str) -> Option<BTreeMap<String, String>> {
        Some(self.get(name)?.labels().clone())
    }

    /// The uid of one; none if it is not known, or is about to go: another one may have its name by now.
    #[must_use]
    pub fn uid(&self, name: &str) -> Option<String> {
        let namespace = self.get(name)?;
        let stays = namespace.metadata.deletion_timestamp.is_none();
        stays.then(|| namespace.uid()).flatten()
    }

    fn get(&self, name: &str) -> Option<Arc<PartialObjectMeta<Namespace>>> {
        self.cache.as_ref()?.get("", name)
    }
}
