//! An object of which a cache keeps no more than which it is: what it says is kept elsewhere. PURE.

use crate::controller::cache::Kept;
use crate::controller::texts::Texts;
use kube::Resource;
use std::sync::Arc;

/// Namespace, name and uid.
pub struct Nameplate(Texts);

impl Nameplate {
    /// For a cache.
    pub fn of<K: Resource + Default>(object: &K) -> Arc<dyn Kept<K>> {
        let metadata = object.meta();
        let parts = [&metadata.namespace, &metadata.name, &metadata.uid];
        Arc::new(Self(Texts::of(&parts.map(Option::as_deref))))
    }
}

impl<K: Resource + Default> Kept<K> for Nameplate {
    fn namespace(&self) -> &str {
        self.0.at(0)
    }

    fn name(&self) -> &str {
        self.0.at(1)
    }

    fn uid(&self) -> &str {
        self.0.at(2)
    }

    fn may_hold(&self, _: &str) -> bool {
        true
    }

    /// Without all else that it says.
    fn whole(&self) -> Arc<K> {
        let mut object = K::default();
        let metadata = object.meta_mut();
        for (place, text) in [&mut metadata.namespace, &mut metadata.name, &mut metadata.uid]
            .into_iter()
            .zip(self.0.iter())
        {
            *place = text.map(str::to_owned);
        }
        Arc::new(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Secret;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    #[test]
    fn it_says_which_object_it_was_and_nothing_that_was_in_it() {
        let metadata = ObjectMeta {
            namespace: Some("team".to_owned()),
            name: Some("acme".to_owned()),
            uid: Some("u-1".to_owned()),
            ..ObjectMeta::default()
        };
        let secret = Secret {
            metadata: metadata.clone(),
            data: Some(
                [(
                    "auth_token".to_owned(),
                    k8s_openapi::ByteString(b"token".to_vec()),
                )]
                .into(),
            ),
            ..Secret::default()
        };
        let kept = Nameplate::of(&secret);
        assert_eq!(
            (kept.namespace(), kept.name(), kept.uid()),
            ("team", "acme", "u-1")
        );
        let bare = Secret {
            metadata,
            ..Secret::default()
        };
        assert_eq!(*kept.whole(), bare);
    }
}
