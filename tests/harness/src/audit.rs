//! I/O. The API server's audit log: who asked for what, and how it was answered.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde::Deserialize;

const CATCH_UP_DEADLINE: Duration = Duration::from_secs(20);
const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];
const READS: [&str; 3] = ["get", "list", "watch"];

/// A reader of one audit log; clones share what was read.
#[derive(Clone)]
pub struct AuditLog {
    path: PathBuf,
    client: kube::Client,
    read: Arc<Mutex<Read>>,
}

#[derive(Default)]
struct Read {
    offset: u64,
    /// The beginning of a line whose end is not written yet.
    partial: Vec<u8>,
    lines: Vec<Arc<AuditLine>>,
    /// So many lines stood before these and were let go.
    released: usize,
}

/// A position in the log: everything before it is left out of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(usize);

/// One request as the API server saw it (only what tests ask for).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditLine {
    /// The path and query of the request.
    #[serde(rename = "requestURI")]
    pub request_uri: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// Who asked.
    pub user: AuditUser,
    /// What was asked for; absent for paths that are no resource.
    #[serde(default)]
    pub object_ref: AuditObject,
    /// How it was answered.
    #[serde(default)]
    pub response_status: AuditStatus,
    /// Among them `authorization.k8s.io/decision`.
    #[serde(default)]
    pub annotations: std::collections::BTreeMap<String, String>,
    /// The client's name for itself.
    #[serde(default)]
    pub user_agent: String,
    /// When the request arrived, RFC 3339.
    #[serde(default)]
    pub request_received_timestamp: String,
    /// When it was answered, RFC 3339.
    #[serde(default)]
    pub stage_timestamp: String,
    /// What was sent, where the audit policy keeps it: objects of our own kinds.
    #[serde(default)]
    pub request_object: serde_json::Value,
}

/// The user of a request.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct AuditUser {
    /// Such as `system:serviceaccount:<namespace>:<name>`.
    #[serde(default)]
    pub username: String,
}

/// The object of a request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditObject {
    /// Plural name of the resource.
    pub resource: String,
    /// Such as `status` or `finalizers`, empty for the resource itself.
    pub subresource: String,
    /// API group, empty for the core group.
    pub api_group: String,
    /// Namespace, empty for what has none and for requests across namespaces.
    pub namespace: String,
    /// Name, empty for lists and for generated names.
    pub name: String,
}

/// The answer to a request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AuditStatus {
    /// HTTP status.
    pub code: u16,
}

impl AuditLine {
    /// Whether the request asks for a change.
    #[must_use]
    pub fn is_write(&self) -> bool {
        WRITES.contains(&self.verb.as_str())
    }

    /// Whether the request asks for a get, a list or a watch.
    #[must_use]
    pub fn is_read(&self) -> bool {
        READS.contains(&self.verb.as_str())
    }

    /// Whether RBAC refused the request.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.annotations
            .get("authorization.k8s.io/decision")
            .is_some_and(|decision| decision == "forbid")
    }

    /// `verb resource[/subresource] namespace/name -> code`, for messages.
    #[must_use]
    pub fn summary(&self) -> String {
        let AuditObject {
            resource,
            subresource,
            namespace,
            name,
            ..
        } = &self.object_ref;
        let what = if resource.is_empty() {
            self.request_uri.as_str()
        } else {
            resource.as_str()
        };
        let slash = if subresource.is_empty() { "" } else { "/" };
        format!(
            "{} {what}{slash}{subresource} {namespace}/{name} -> {}",
            self.verb, self.response_status.code
        )
    }
}

/// Which lines a query is about. Empty: all of them.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    since: Option<Mark>,
    user: Option<String>,
    verb: Option<String>,
    resource: Option<(String, String)>,
    namespace: Option<String>,
    name: Option<String>,
}

impl AuditQuery {
    /// Every line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only lines after this mark.
    #[must_use]
    pub fn since(mut self, mark: Mark) -> Self {
        self.since = Some(mark);
        self
    }

    /// Only requests of this user.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    /// Only requests with this verb.
    #[must_use]
    pub fn verb(mut self, verb: &str) -> Self {
        self.verb = Some(verb.to_owned());
        self
    }

    /// Only requests for `resource` or `resource/subresource`; the plain name leaves subresources out.
    #[must_use]
    pub fn resource(mut self, resource: &str) -> Self {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        self.resource = Some((resource.to_owned(), subresource.to_owned()));
        self
    }

    /// Only requests in this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Only requests for the object of this name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    fn matches(&self, line: &AuditLine) -> bool {
        let object = &line.object_ref;
        let same =
            |wanted: &Option<String>, found: &String| wanted.as_ref().is_none_or(|wanted| wanted == found);
        same(&self.user, &line.user.username)
            && same(&self.verb, &line.verb)
            && same(&self.namespace, &object.namespace)
            && same(&self.name, &object.name)
            && self.resource.as_ref().is_none_or(|(resource, subresource)| {
                *resource == object.resource && *subresource == object.subresource
            })
    }
}

impl AuditLog {
    /// The log at `path`, of the control plane that `client` talks to as administrator.
    #[must_use]
    pub fn new(path: &Path, client: kube::Client) -> Self {
        Self {
            path: path.to_owned(),
            client,
            read: Arc::default(),
        }
    }

    /// The file itself, for tests that search it for secrets.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The position behind every request that was answered before this call.
    pub async fn mark(&self) -> Result<Mark> {
        self.catch_up().await?;
        Ok(Mark(self.with_lines(|released, lines| released + lines.len())?))
    }

    /// The lines of every request that was answered before this call, filtered.
    pub async fn lines(&self, query: &AuditQuery) -> Result<Vec<Arc<AuditLine>>> {
        self.catch_up().await?;
        self.with_lines(|released, lines| {
            let first = query
                .since
                .map_or(0, |Mark(position)| position.saturating_sub(released));
            lines[first..]
                .iter()
                .filter(|line| query.matches(line))
                .cloned()
                .collect()
        })
    }

    /// Lets go of everything before this mark: nobody will ask for it again, and it may be a great deal.
    pub fn release(&self, before: Mark) {
        self.read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .release(before);
    }

    /// The changes among the lines of a query.
    pub async fn writes(&self, query: &AuditQuery) -> Result<Vec<Arc<AuditLine>>> {
        Ok(self
            .lines(query)
            .await?
            .into_iter()
            .filter(|line| line.is_write())
            .collect())
    }

    /// The gets, lists and watches among the lines of a query.
    pub async fn reads(&self, query: &AuditQuery) -> Result<Vec<Arc<AuditLine>>> {
        Ok(self
            .lines(query)
            .await?
            .into_iter()
            .filter(|line| line.is_read())
            .collect())
    }

    /// The requests of a query that RBAC refused.
    pub async fn forbidden(&self, query: &AuditQuery) -> Result<Vec<Arc<AuditLine>>> {
        Ok(self
            .lines(query)
            .await?
            .into_iter()
            .filter(|line| line.is_forbidden())
            .collect())
    }

    /// Asks for an object that nobody else asks for and waits until that request's line is in the file. The log is
    /// written in blocking mode, so the lines of requests answered earlier stand before it.
    async fn catch_up(&self) -> Result<()> {
        let name = format!("audit-marker-{}", uuid::Uuid::new_v4().simple());
        let markers: Api<ConfigMap> = Api::namespaced(self.client.clone(), "default");
        markers
            .get_opt(&name)
            .await
            .context("failed to make a marker request")?;
        let started = Instant::now();
        // Looked for from the end: the marker is young.
        while !self.with_lines(|_, lines| {
            lines
                .iter()
                .rev()
                .take(5000)
                .any(|line| line.object_ref.name == name)
        })? {
            if started.elapsed() > CATCH_UP_DEADLINE {
                bail!(
                    "the audit log does not show a request made {} s ago",
                    CATCH_UP_DEADLINE.as_secs()
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Reads what is new in the file, then looks at all lines; the number is how many were let go before them.
    fn with_lines<R>(&self, look: impl FnOnce(usize, &[Arc<AuditLine>]) -> R) -> Result<R> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file =
            File::open(&self.path).with_context(|| format!("failed to open {}", self.path.display()))?;
        file.seek(SeekFrom::Start(read.offset))
            .context("failed to seek in the audit log")?;
        let mut fresh = Vec::new();
        file.read_to_end(&mut fresh)
            .context("failed to read the audit log")?;
        read.offset += fresh.len() as u64;
        read.add(&fresh)?;
        Ok(look(read.released, &read.lines))
    }
}

impl Read {
    fn add(&mut self, fresh: &[u8]) -> Result<()> {
        self.partial.extend_from_slice(fresh);
        let Some(end) = self.partial.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(());
        };
        let rest = self.partial.split_off(end + 1);
        let whole = std::mem::replace(&mut self.partial, rest);
        for line in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let parsed: AuditLine = serde_json::from_slice(line).context("failed to parse an audit line")?;
            self.lines.push(Arc::new(parsed));
        }
        Ok(())
    }

    fn release(&mut self, Mark(before): Mark) {
        let count = before.saturating_sub(self.released).min(self.lines.len());
        self.lines.drain(..count);
        self.released += count;
    }
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AuditLog")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS_PATCH: &str = r#"{"requestURI":"/apis/vobiz.ai/v1alpha1/namespaces/team/subaccounts/acme/status",
        "verb":"patch","user":{"username":"system:serviceaccount:op:vobiz-operator"},"objectRef":{"resource":"subaccounts",
        "subresource":"status","apiGroup":"vobiz.ai","namespace":"team","name":"acme"},"responseStatus":{"code":200},
        "annotations":{"authorization.k8s.io/decision":"allow"}}"#;

    fn line(text: &str) -> AuditLine {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_query_for_a_resource_leaves_its_subresources_out() {
        let status = line(STATUS_PATCH);
        assert!(AuditQuery::new().resource("subaccounts/status").matches(&status));
        assert!(!AuditQuery::new().resource("subaccounts").matches(&status));
        assert!(
            AuditQuery::new()
                .namespace("team")
                .name("acme")
                .verb("patch")
                .matches(&status)
        );
        assert!(!AuditQuery::new().user("somebody-else").matches(&status));
    }

    #[test]
    fn a_line_cut_in_two_by_the_reading_is_put_together() {
        let text = STATUS_PATCH.replace('\n', " ") + "\n";
        let (first, second) = text.split_at(100);
        let mut read = Read::default();
        read.add(first.as_bytes()).unwrap();
        assert!(read.lines.is_empty());
        read.add(second.as_bytes()).unwrap();
        assert_eq!(read.lines.len(), 1);
        assert!(read.lines[0].is_write() && !read.lines[0].is_forbidden());
    }

    #[test]
    fn lines_that_were_let_go_are_counted_and_those_after_the_mark_stay() {
        let text = STATUS_PATCH.replace('\n', " ") + "\n";
        let mut read = Read::default();
        read.add(text.repeat(5).as_bytes()).unwrap();
        for (mark, released) in [(2, 2), (1, 2), (4, 4), (9, 5)] {
            read.release(Mark(mark));
            assert_eq!((read.released, read.lines.len()), (released, 5 - released));
        }
    }

    #[test]
    fn a_refused_request_is_told_from_an_allowed_one() {
        let refused = line(&STATUS_PATCH.replace("allow", "forbid"));
        assert!(refused.is_forbidden());
        assert_eq!(refused.summary(), "patch subaccounts/status team/acme -> 200");
    }
}
