//! What the schemas of both kinds have in common. PURE.

/// Drops the description of an enumeration, which would replace that of the field that uses it.
pub(super) fn without_description(schema: &mut schemars::Schema) {
    schema.remove("description");
}

/// Default key of an `auth_id` in a Secret.
pub(super) fn auth_id_key() -> String {
    "auth_id".to_owned()
}

/// Default key of an `auth_token` in a Secret.
pub(super) fn auth_token_key() -> String {
    "auth_token".to_owned()
}
