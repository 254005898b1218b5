//! What the schemas of both kinds have in common. PURE.

use serde_json::json;

/// Expressions, or labels, of a selector.
const MOST_EXPRESSIONS: u32 = 32;
/// Values of an expression.
const MOST_VALUES: u32 = 256;

/// Characters of a label's key: a domain, a slash, a name.
const LONGEST_KEY: u32 = 253 + 1 + 63;
/// Characters of a label's value.
const LONGEST_VALUE: u32 = 63;

/// Drops the description of an enumeration, which would replace that of the field that uses it.
pub(super) fn without_description(schema: &mut schemars::Schema) {
    schema.remove("description");
}

/// Checks of a selector what the API server checks of its own ones: one that can match nothing, or that nobody can evaluate, is refused.
pub(super) fn checked_selector(schema: &mut schemars::Schema) {
    if let Some(labels) = schema.pointer_mut("/properties/matchLabels") {
        labels["maxProperties"] = json!(MOST_EXPRESSIONS);
        labels["additionalProperties"]["maxLength"] = json!(LONGEST_VALUE);
    }
    let Some(expressions) = schema.pointer_mut("/properties/matchExpressions") else {
        return;
    };
    expressions["maxItems"] = json!(MOST_EXPRESSIONS);
    let each = &mut expressions["items"];
    each["properties"]["operator"]["enum"] = json!(["In", "NotIn", "Exists", "DoesNotExist"]);
    each["properties"]["key"]["maxLength"] = json!(LONGEST_KEY);
    each["properties"]["values"]["maxItems"] = json!(MOST_VALUES);
    each["properties"]["values"]["items"]["maxLength"] = json!(LONGEST_VALUE);
    each["x-kubernetes-validations"] = json!([{
        "rule": "self.operator in ['In', 'NotIn'] == (has(self.values) && self.values.size() > 0)",
        "message": "In and NotIn need values, Exists and DoesNotExist have none: add or remove values",
    }]);
}

/// Default key of an `auth_id` in a Secret.
pub(super) fn auth_id_key() -> String {
    "auth_id".to_owned()
}

/// Default key of an `auth_token` in a Secret.
pub(super) fn auth_token_key() -> String {
    "auth_token".to_owned()
}
