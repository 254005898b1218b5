// What Flux does with manifests, done by Flux's own library: server-side apply, waiting, drift detection and pruning as its
// kustomize-controller asks for them, and its own types for the objects that configure it.
//
//	flux apply|wait|diff|prune|check [-name NAME] [-timeout DURATION] < MANIFESTS
//
// The cluster is that of KUBECONFIG. What became of each object is printed as JSON: {"Kind/namespace/name": "created"}.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"
	"github.com/fluxcd/pkg/ssa/utils"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"
)

const (
	controller = "kustomize-controller"
	namespace  = "flux-system"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	log.SetLogger(logr.Discard())
	if len(os.Args) < 2 {
		return fmt.Errorf("say apply, wait, diff, prune or check")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	name := flags.String("name", "vobiz", "name of the Flux Kustomization that the objects belong to")
	timeout := flags.Duration("timeout", time.Minute, "how long to wait")
	if err := flags.Parse(os.Args[2:]); err != nil {
		return err
	}
	objects, err := utils.ReadObjects(os.Stdin)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return fmt.Errorf("there are no objects on the standard input")
	}
	if os.Args[1] == "check" {
		return check(objects)
	}
	manager, err := newManager()
	if err != nil {
		return err
	}
	manager.SetOwnerLabels(objects, *name, namespace)
	if err := normalize.UnstructuredList(objects); err != nil {
		return err
	}
	ctx := context.Background()
	waiting := ssa.WaitOptions{Interval: 250 * time.Millisecond, Timeout: *timeout, FailFast: true}
	switch os.Args[1] {
	case "apply":
		return tell(manager.ApplyAllStaged(ctx, objects, applyOptions(*timeout)))
	case "wait":
		return manager.Wait(objects, waiting)
	case "diff":
		return diff(ctx, manager, objects)
	case "prune":
		return prune(ctx, manager, objects, *name, waiting)
	}
	return fmt.Errorf("%s is not known", os.Args[1])
}

func newManager() (*ssa.ResourceManager, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 100, 200
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	mapper, err := apiutil.NewDynamicRESTMapper(config, http)
	if err != nil {
		return nil, err
	}
	kube, err := client.New(config, client.Options{HTTPClient: http, Mapper: mapper})
	if err != nil {
		return nil, err
	}
	owner := ssa.Owner{Field: controller, Group: kustomizev1.GroupVersion.Group}
	return ssa.NewResourceManager(kube, polling.NewStatusPoller(kube, mapper, polling.Options{}), owner), nil
}

func key(word string) string {
	return kustomizev1.GroupVersion.Group + "/" + word
}

// What kustomize-controller asks the library for where its Kustomization says nothing else.
func applyOptions(timeout time.Duration) ssa.ApplyOptions {
	options := ssa.DefaultApplyOptions()
	options.WaitInterval, options.WaitTimeout = 250*time.Millisecond, timeout
	options.ExclusionSelector = map[string]string{
		key("reconcile"): kustomizev1.DisabledValue,
		key("ssa"):       kustomizev1.IgnoreValue,
	}
	options.IfNotPresentSelector = map[string]string{key("ssa"): kustomizev1.IfNotPresentValue}
	options.ForceSelector = map[string]string{key("force"): kustomizev1.EnabledValue}
	// Who used kubectl before leaves no mark.
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{corev1.LastAppliedConfigAnnotation},
		FieldManagers: []ssa.FieldManager{
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: controller, OperationType: metav1.ManagedFieldsOperationUpdate},
		},
		Exclusions: map[string]string{key("ssa"): kustomizev1.MergeValue},
	}
	return options
}

func diff(ctx context.Context, manager *ssa.ResourceManager, objects []*unstructured.Unstructured) error {
	found := ssa.NewChangeSet()
	for _, object := range objects {
		entry, live, merged, err := manager.Diff(ctx, object, ssa.DefaultDiffOptions())
		if err != nil {
			return err
		}
		if entry.Action == ssa.ConfiguredAction {
			fmt.Fprintf(os.Stderr, "%s is\n%s\nand would be\n%s\n", entry.Subject, utils.ObjectToYAML(live), utils.ObjectToYAML(merged))
		}
		found.Add(*entry)
	}
	return tell(found, nil)
}

func prune(ctx context.Context, manager *ssa.ResourceManager, objects []*unstructured.Unstructured, name string,
	waiting ssa.WaitOptions) error {
	pruned, err := manager.DeleteAll(ctx, objects, ssa.DeleteOptions{
		PropagationPolicy: metav1.DeletePropagationBackground,
		Inclusions:        manager.GetOwnerLabels(name, namespace),
		Exclusions: map[string]string{
			key("prune"):     kustomizev1.DisabledValue,
			key("reconcile"): kustomizev1.DisabledValue,
		},
	})
	if err == nil {
		err = manager.WaitForSetTermination(pruned, waiting)
	}
	return tell(pruned, err)
}

func tell(changes *ssa.ChangeSet, err error) error {
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(changes.ToMap())
}

// Reads each object as Flux does, and takes no field that Flux does not know.
func check(objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		var typed any
		switch object.GroupVersionKind() {
		case kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind):
			typed = &kustomizev1.Kustomization{}
		case sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind):
			typed = &sourcev1.GitRepository{}
		default:
			return fmt.Errorf("Flux is not configured by %s", utils.FmtUnstructured(object))
		}
		text, err := yaml.Marshal(object)
		if err == nil {
			err = yaml.UnmarshalStrict(text, typed)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", utils.FmtUnstructured(object), err)
		}
	}
	return nil
}
