//! The `CustomResourceDefinitions` as a cluster should have them. PURE.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt as _;
use serde_json::json;

use super::{Account, ClusterAccount, NOT_OBSERVED, Subaccount};

/// Every kind's definition, in the order in which they are to be applied.
///
/// A derived schema lets users write `null` for what is optional, and leaves `status` unset until the operator has
/// seen an object, which tools take for healthy. Here nothing is nullable, and `status` starts as
/// `{observedGeneration: -1}`: also for objects that were stored before. Nothing has a title: generators of clients name a
/// class by it, or drop the kind for it.
#[must_use]
pub fn custom_resource_definitions() -> Vec<CustomResourceDefinition> {
    let account = Account::crd();
    let mut cluster_account = ClusterAccount::crd();
    let columns = account
        .spec
        .versions
        .iter()
        .map(|version| &version.additional_printer_columns);
    for (version, columns) in cluster_account.spec.versions.iter_mut().zip(columns) {
        version.additional_printer_columns.clone_from(columns);
    }
    vec![
        complete(account),
        complete(cluster_account),
        complete(Subaccount::crd()),
    ]
}

fn complete(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        else {
            continue;
        };
        plain(schema);
        if let Some(status) = schema.properties.as_mut().and_then(|all| all.get_mut("status")) {
            status.default = Some(JSON(json!({ "observedGeneration": NOT_OBSERVED })));
            if let Some(conditions) = status
                .properties
                .as_mut()
                .and_then(|all| all.get_mut("conditions"))
            {
                conditions.x_kubernetes_list_type = Some("map".to_owned());
                conditions.x_kubernetes_list_map_keys = Some(vec!["type".to_owned()]);
                conditions.max_items = Some(16);
            }
        }
    }
    definition
}

/// Takes out of a schema, and of all below it, titles and the permission to write `null`.
fn plain(schema: &mut JSONSchemaProps) {
    schema.title = None;
    schema.nullable = None;
    if let Some(values) = &mut schema.enum_ {
        values.retain(|JSON(value)| !value.is_null());
    }
    if schema.default.as_ref().is_some_and(|JSON(value)| value.is_null()) {
        schema.default = None;
    }
    for property in schema.properties.iter_mut().flat_map(|all| all.values_mut()) {
        plain(property);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => plain(item),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(plain),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        plain(values);
    }
}
