//! Which of the operator's watches a request is about. PURE.

use http::Uri;

/// A request to watch objects of a resource, in one namespace or in all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WatchRequest {
    pub resource: String,
    pub namespace: Option<String>,
}

impl WatchRequest {
    /// None if the request is no watch, or one of a single object: those come and go with what names the object.
    pub fn of(uri: &Uri) -> Option<Self> {
        if !is_watch(uri) || uri.query().unwrap_or_default().contains("metadata.name") {
            return None;
        }
        let mut parts = uri.path().rsplit('/');
        let resource = parts.next()?.to_owned();
        let (name, kind) = (parts.next(), parts.next());
        let namespace = name.filter(|_| kind == Some("namespaces")).map(str::to_owned);
        Some(Self { resource, namespace })
    }
}

/// Whether a request of this URI is answered with a stream of events.
pub(super) fn is_watch(uri: &Uri) -> bool {
    let mut query = uri.query().unwrap_or_default().split('&');
    query.any(|part| matches!(part, "watch=true" | "watch=1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_watch_of_many_objects_is_one_that_the_operator_lives_on() {
        let watched = |uri: &str| WatchRequest::of(&uri.parse().unwrap());
        let of = |resource: &str, namespace: Option<&str>| {
            Some(WatchRequest {
                resource: resource.to_owned(),
                namespace: namespace.map(str::to_owned),
            })
        };
        let group = "/apis/example.org/v1";
        for (uri, expected) in [
            (
                format!("{group}/widgets?&watch=true&timeoutSeconds=20"),
                of("widgets", None),
            ),
            (
                format!("{group}/namespaces/a/widgets?&watch=true"),
                of("widgets", Some("a")),
            ),
            (format!("{group}/widgets?&limit=500"), None),
            (format!("{group}/namespaces/a/widgets/watch"), None),
            (
                "/api/v1/namespaces?&watch=true".to_owned(),
                of("namespaces", None),
            ),
            (
                "/api/v1/namespaces/a/secrets?&watch=true&fieldSelector=type%3Dexample.org%2Fkind".to_owned(),
                of("secrets", Some("a")),
            ),
            (
                "/api/v1/namespaces/a/secrets?&watch=true&fieldSelector=metadata.name%3Dpair".to_owned(),
                None,
            ),
        ] {
            assert_eq!(watched(&uri), expected, "{uri}");
        }
    }
}
