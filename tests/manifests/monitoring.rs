//! The component that has an installation watched: it is added to any overlay, and finds what it is to watch.

use crate::kustomize::render_with;
use crate::render;

#[test]
fn the_component_is_added_to_an_overlay_and_finds_its_service() {
    for overlay in ["base", "overlays/namespaced", "overlays/prod"] {
        let kustomization = format!(
            "resources: [vobiz-operator/manifests/{overlay}]\ncomponents: [vobiz-operator/manifests/components/monitoring]\n"
        );
        let objects = render_with(&kustomization, &[]);
        let service = render::only(&objects, "Service");
        let monitor = render::only(&objects, "ServiceMonitor");
        let rule = render::only(&objects, "PrometheusRule");
        let selected = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
        assert!(
            selected
                .iter()
                .all(|(key, value)| &service["metadata"]["labels"][key] == value)
        );
        let endpoint = &monitor["spec"]["endpoints"][0];
        let ports = service["spec"]["ports"].as_array().unwrap();
        assert!(ports.iter().any(|port| port["name"] == endpoint["port"]));
        // Series name the namespace of their object, and rules go by it.
        assert_eq!(endpoint["honorLabels"], true);
        for object in [service, monitor, rule] {
            assert_eq!(object["metadata"]["namespace"], "vobiz-operator-system");
        }
    }
}
