//! Whether the cluster has the kinds as this program would define them. PURE.

use super::check::{Check, Part};
use crate::kubectl::sight::Seen;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Map, Value, json};

/// Differences that are named; of more of them the number is.
const NAMED: usize = 3;
/// Parts of a definition that lead to a field and are none themselves.
const SCAFFOLD: [&str; 4] = ["versions", "schema", "openAPIV3Schema", "properties"];

/// One kind: as this program would define it, and as the cluster has it.
#[must_use]
pub fn judge(expected: &CustomResourceDefinition, found: &Seen<Option<CustomResourceDefinition>>) -> Check {
    let name = expected.metadata.name.clone().unwrap_or_default();
    let found = match found {
        Seen::Hidden(why) => return Check::unseen(Part::Definition, name, why),
        Seen::Shown(None) => {
            let install = "install the kinds: kubectl apply -k crds";
            return Check::fault(Part::Definition, name, "it is not installed", install);
        }
        Seen::Shown(Some(found)) => found,
    };
    if !is_established(found) {
        let see = format!("see why: kubectl describe customresourcedefinitions {name}");
        return Check::fault(Part::Definition, name, "the API server does not serve it", see);
    }
    let differences = differences(&shape(expected), &shape(found));
    if differences.is_empty() {
        let message = format!("served, and as version {} has it", crate::VERSION);
        return Check::ok(Part::Definition, name, message);
    }
    let is_text_alone = differences.iter().all(|difference| difference.is_text);
    let message = told(&differences);
    let remedy = "install the kinds of the version that the operator runs: kubectl apply -k crds. This program should be of that \
                  version too";
    if is_text_alone {
        Check::warning(Part::Definition, name, message, remedy)
    } else {
        Check::fault(Part::Definition, name, message, remedy)
    }
}

fn is_established(definition: &CustomResourceDefinition) -> bool {
    let status = definition.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Established" && condition.status == "True")
}

/// What users and the operator notice of a definition; what the API server fills in by itself is left out.
fn shape(definition: &CustomResourceDefinition) -> Value {
    let spec = &definition.spec;
    let versions: Map<String, Value> = spec
        .versions
        .iter()
        .map(|version| {
            let shape = json!({
                "served": version.served,
                "storage": version.storage,
                "schema": version.schema,
                "subresources": version.subresources,
                "columns": version.additional_printer_columns,
                "selectableFields": version.selectable_fields,
            });
            (version.name.clone(), shape)
        })
        .collect();
    let names = &spec.names;
    json!({
        "scope": spec.scope,
        "names": {"kind": names.kind, "plural": names.plural, "shortNames": names.short_names, "categories": names.categories},
        "versions": versions,
    })
}

/// Where two definitions differ, and how.
struct Difference {
    /// In words.
    words: String,
    /// It is one of what people read alone.
    is_text: bool,
}

impl Difference {
    fn new(place: &[&str], how: impl FnOnce(&str) -> String) -> Self {
        let parts: Vec<&str> = place
            .iter()
            .copied()
            .filter(|part| !SCAFFOLD.contains(part))
            .collect();
        // A field of this name is none.
        let is_text =
            place.last() == Some(&"description") && !place.ends_with(&["properties", "description"]);
        Self {
            words: how(&parts.join(".")),
            is_text,
        }
    }
}

fn differences(expected: &Value, found: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare(&mut Vec::new(), expected, found, &mut differences);
    differences
}

fn compare<'a>(place: &mut Vec<&'a str>, expected: &'a Value, found: &'a Value, into: &mut Vec<Difference>) {
    let (Value::Object(wanted), Value::Object(there)) = (expected, found) else {
        if expected != found {
            into.push(Difference::new(place, |place| format!("{place} is another")));
        }
        return;
    };
    for (key, value) in wanted {
        place.push(key);
        match there.get(key) {
            Some(other) => compare(place, value, other, into),
            None => into.push(Difference::new(place, |place| format!("it lacks {place}"))),
        }
        place.pop();
    }
    for key in there.keys().filter(|key| !wanted.contains_key(*key)) {
        place.push(key);
        into.push(Difference::new(place, |place| format!("it has {place}")));
        place.pop();
    }
}

fn told(differences: &[Difference]) -> String {
    let named: Vec<&str> = differences
        .iter()
        .take(NAMED)
        .map(|difference| difference.words.as_str())
        .collect();
    let more = differences.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!(", and {more} more")
    } else {
        String::new()
    };
    format!(
        "it differs from version {}, which this is: {}{more}",
        crate::VERSION,
        named.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::custom_resource_definitions;
    use crate::kubectl::doctor::check::Verdict;
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        CustomResourceDefinitionCondition, CustomResourceDefinitionStatus, JSONSchemaProps,
    };

    fn subaccounts() -> CustomResourceDefinition {
        let mut definition = custom_resource_definitions().pop().unwrap();
        let condition = CustomResourceDefinitionCondition {
            type_: "Established".to_owned(),
            status: "True".to_owned(),
            ..CustomResourceDefinitionCondition::default()
        };
        definition.status = Some(CustomResourceDefinitionStatus {
            conditions: Some(vec![condition]),
            ..CustomResourceDefinitionStatus::default()
        });
        definition
    }

    fn spec(definition: &mut CustomResourceDefinition) -> &mut JSONSchemaProps {
        let schema = definition.spec.versions[0].schema.as_mut().unwrap();
        let root = schema.open_api_v3_schema.as_mut().unwrap();
        root.properties.as_mut().unwrap().get_mut("spec").unwrap()
    }

    fn judged(change: impl FnOnce(&mut CustomResourceDefinition)) -> Check {
        let mut found = subaccounts();
        change(&mut found);
        judge(&subaccounts(), &Seen::Shown(Some(found)))
    }

    #[test]
    fn a_definition_is_as_it_should_be_whatever_the_api_server_fills_in() {
        let check = judged(|found| {
            found.spec.names.list_kind = Some("SubaccountList".to_owned());
            found.metadata.uid = Some("u".to_owned());
        });
        assert_eq!(
            (check.verdict, check.remedy),
            (Verdict::Ok, None),
            "{}",
            check.message
        );
    }

    #[test]
    fn a_field_that_is_missing_or_another_is_a_fault_and_another_text_is_not() {
        let check = judged(|found| {
            let properties = spec(found).properties.as_mut().unwrap();
            properties.remove("phone");
            properties.insert("former".to_owned(), JSONSchemaProps::default());
            properties.get_mut("rateLimit").unwrap().minimum = Some(2.0);
        });
        assert_eq!(check.verdict, Verdict::Fault);
        for named in [
            "it lacks v1alpha1.spec.phone",
            "it has v1alpha1.spec.former",
            "v1alpha1.spec.rateLimit.minimum is another",
        ] {
            assert!(check.message.contains(named), "{}", check.message);
        }
        let check = judged(|found| spec(found).description = Some("of another version".to_owned()));
        assert_eq!(check.verdict, Verdict::Warning, "{}", check.message);
        let check = judged(|found| drop(spec(found).properties.as_mut().unwrap().remove("description")));
        assert_eq!(
            check.verdict,
            Verdict::Fault,
            "a field of that name is no text: {}",
            check.message
        );
        let check = judged(|found| spec(found).properties.as_mut().unwrap().clear());
        assert!(check.message.contains("more"), "{}", check.message);
    }

    #[test]
    fn one_that_is_not_there_not_served_or_not_seen_is_told() {
        let check = judge(&subaccounts(), &Seen::Shown(None));
        assert_eq!(
            (check.verdict, check.object.as_str()),
            (Verdict::Fault, "subaccounts.vobiz.ai")
        );
        let check = judged(|found| found.status = None);
        assert_eq!(check.verdict, Verdict::Fault);
        let check = judge(&subaccounts(), &Seen::Hidden("you may not read it".to_owned()));
        assert_eq!(check.verdict, Verdict::Warning);
    }
}
