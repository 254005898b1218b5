//! Which changes of an object are worth a pass: of its spec, its deletion, an annotation that asks for something, or a
//! finalizer that somebody took off. PURE.
//!
//! Our own writes (finalizer, status) are not: a pass that caused another one would never come to rest.

use super::uid::Uid;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use std::collections::HashMap;

/// What was last seen of each object.
#[derive(Debug)]
pub struct Trigger {
    finalizer: &'static str,
    annotations: &'static [&'static str],
    seen: HashMap<Uid, Watched>,
}

#[derive(Debug)]
struct Watched {
    generation: Option<i64>,
    deleting: bool,
    finalizer: bool,
    /// Those that it has.
    annotations: Box<[(&'static str, String)]>,
}

impl Trigger {
    /// Watches over objects that should carry this finalizer, and whose users ask for things by these annotations.
    #[must_use]
    pub fn new(finalizer: &'static str, annotations: &'static [&'static str]) -> Self {
        Self {
            finalizer,
            annotations,
            seen: HashMap::new(),
        }
    }

    /// Whether this version of the object is worth a pass.
    pub fn admits<K: Resource>(&mut self, object: &K) -> bool {
        let metadata = object.meta();
        let now = Watched {
            generation: metadata.generation,
            deleting: metadata.deletion_timestamp.is_some(),
            finalizer: metadata
                .finalizers
                .iter()
                .flatten()
                .any(|finalizer| finalizer == self.finalizer),
            annotations: self
                .annotations
                .iter()
                .filter_map(|key| Some((*key, annotation(object, key)?)))
                .collect(),
        };
        let before = self.seen.get(&uid(metadata));
        let admits = before.is_none_or(|before| {
            before.generation != now.generation
                || before.deleting != now.deleting
                || before.annotations != now.annotations
                || (before.finalizer && !now.finalizer)
        });
        self.seen.insert(uid(metadata), now);
        admits
    }

    /// The object is gone.
    pub fn forget<K: Resource>(&mut self, object: &K) {
        self.seen.remove(&uid(object.meta()));
    }
}

fn uid(metadata: &ObjectMeta) -> Uid {
    Uid::of(metadata.uid.as_deref().unwrap_or_default())
}

fn annotation<K: Resource>(object: &K, key: &str) -> Option<String> {
    object.meta().annotations.as_ref()?.get(key).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    fn object(generation: i64) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.uid = Some("u-1".to_owned());
        object.metadata.generation = Some(generation);
        object
    }

    #[test]
    fn our_own_writes_cause_no_pass_and_every_act_of_a_user_does() {
        let mut trigger = Trigger::new("ours", &["asks"]);
        assert!(trigger.admits(&object(1)), "first seen");
        assert!(!trigger.admits(&object(1)), "status written, or listed again");
        let mut finalized = object(1);
        finalized.metadata.finalizers = Some(vec!["others".to_owned(), "ours".to_owned()]);
        assert!(!trigger.admits(&finalized), "our finalizer was added");
        let mut stripped = object(1);
        stripped.metadata.finalizers = Some(vec!["others".to_owned()]);
        assert!(trigger.admits(&stripped), "our finalizer was taken off");
        assert!(trigger.admits(&object(2)), "the spec was edited");
        let annotated = |value: &str| {
            let mut object = object(2);
            let others = ("others".to_owned(), value.to_owned());
            object.metadata.annotations = Some([("asks".to_owned(), value.to_owned()), others].into());
            object
        };
        assert!(
            trigger.admits(&annotated("one")),
            "an annotation asks for something"
        );
        assert!(!trigger.admits(&annotated("one")));
        assert!(trigger.admits(&annotated("two")), "it asks again");
        let mut others = annotated("two");
        let more = ("others".to_owned(), "three".to_owned());
        others.metadata.annotations.get_or_insert_default().extend([more]);
        assert!(!trigger.admits(&others), "an annotation that is not ours changed");
        assert!(trigger.admits(&object(2)), "it asks no more");
        let mut going = object(2);
        going.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::from_second(1).unwrap()));
        assert!(trigger.admits(&going), "it is being deleted");
        assert!(!trigger.admits(&going));
        trigger.forget(&going);
        assert!(trigger.admits(&going), "forgotten, so seen for the first time");
    }
}
