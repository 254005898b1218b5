//! What is wrong with one field, in the API server's words. PURE.

use serde_json::Value;

/// What is wrong with one field. Displayed as the API server tells it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct FieldError {
    /// JSON pointer to the value that it is about.
    pub(super) pointer: String,
    text: String,
    remedy: Option<&'static str>,
    /// Whether rules may stand on what is not there, so that they are not looked at.
    pub(super) is_blocking: bool,
}

impl FieldError {
    /// A field that the schema does not have.
    pub(super) fn unknown(object: &Value, pointer: String) -> Self {
        Self {
            text: format!("unknown field \"{}\"", path(object, &pointer)),
            pointer,
            remedy: Some("correct its name, or take it out"),
            is_blocking: false,
        }
    }

    /// A field that must be there and is not. `pointer`: to the object that lacks it.
    pub(super) fn required(object: &Value, pointer: &str, name: &str) -> Self {
        Self {
            pointer: pointer.to_owned(),
            text: format!("{}: Required value", path(object, &child(pointer, name))),
            remedy: Some("add it"),
            is_blocking: true,
        }
    }

    /// A value that cannot be. `title`: in which way; `shown`: the value, or what is told of it; `detail`: of its path, what it may be.
    pub(super) fn unfit(
        object: &Value,
        pointer: &str,
        title: &str,
        shown: Option<String>,
        detail: impl FnOnce(&str) -> String,
    ) -> Self {
        let path = path(object, pointer);
        let detail = detail(&path);
        // What is about the whole object has no path.
        let path = Some(path).filter(|path| !path.is_empty());
        let parts = [path, Some(title.to_owned()), shown, Some(detail)];
        Self {
            pointer: pointer.to_owned(),
            text: parts.into_iter().flatten().collect::<Vec<_>>().join(": "),
            remedy: Some("correct it"),
            is_blocking: false,
        }
    }

    /// The same, and rules may stand on it.
    pub(super) fn blocking(self) -> Self {
        Self {
            is_blocking: true,
            ..self
        }
    }

    /// A rule that does not hold. Its message says what to do.
    pub(super) fn broken_rule(object: &Value, path: &str, message: &str) -> Self {
        let pointer = pointer(path);
        let shown = object.pointer(&pointer).and_then(shown);
        Self {
            remedy: None,
            ..Self::unfit(object, &pointer, "Invalid value", shown, |_| message.to_owned())
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn told(&self) -> String {
        match self.remedy {
            Some(remedy) => format!("{}; {remedy}", self.text),
            None => self.text.clone(),
        }
    }
}

/// A value as the API server shows it; none of what has parts.
pub(super) fn shown(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(format!("{text:?}")),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
    }
}

/// The pointer to a part of what a pointer leads to.
pub(super) fn child(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The path that a pointer into an object follows, as Kubernetes writes it.
fn path(object: &Value, pointer: &str) -> String {
    let mut path = String::new();
    let mut at = Some(object);
    for token in pointer.split('/').skip(1) {
        let name = token.replace("~1", "/").replace("~0", "~");
        if at.is_some_and(Value::is_array) {
            path.extend(["[", &name, "]"]);
        } else if path.is_empty() {
            path.push_str(&name);
        } else {
            path.extend([".", &name]);
        }
        at = at.and_then(|at| at.pointer(&format!("/{token}")));
    }
    path
}

/// The pointer that follows a path of our kinds' own fields, none of which has a dot in its name.
fn pointer(path: &str) -> String {
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    parts.flat_map(|part| ["/", part]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_written_as_kubernetes_writes_them_and_lead_back() {
        let object = json!({"spec": {"list": [{"a": 1}], "labels": {"example.com/x": 1}}});
        for (pointer, expected) in [
            ("", ""),
            ("/spec/list/0/a", "spec.list[0].a"),
            ("/spec/labels/example.com~1x", "spec.labels.example.com/x"),
            ("/spec/missing", "spec.missing"),
        ] {
            assert_eq!(path(&object, pointer), expected);
        }
        assert_eq!(pointer("spec.list[0].a"), "/spec/list/0/a");
        assert_eq!(pointer(""), "");
        assert_eq!(
            child("/spec/labels", "example.com/x"),
            "/spec/labels/example.com~1x"
        );
    }
}
