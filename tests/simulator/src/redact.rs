//! PURE. Takes secrets out of bodies before they are noted.

use serde_json::Value;

/// Takes `password` out of a body, wherever it stands.
#[must_use]
pub fn without_secrets(mut body: Value) -> Value {
    match &mut body {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                *value = if key == "password" {
                    Value::from("[removed]")
                } else {
                    without_secrets(value.take())
                };
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                *item = without_secrets(item.take());
            }
        }
        _ => {}
    }
    body
}
