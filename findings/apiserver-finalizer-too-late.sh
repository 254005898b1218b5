#!/usr/bin/env bash
# Package: k8s.io/apiserver v0.37.2 (the store of kube-apiserver 1.37, custom resources included), Go modules. Date: 2026-11-30.
#
# Behaviour: a deletion looks for finalizers once, before it asks the admission webhooks. A finalizer that is added while they are asked
# is stored, and every read shows it; then the object is removed all the same, for the removal is tried again on what is stored now, and
# asks about uid and resourceVersion alone, where the caller gave them. No deletion timestamp is ever seen. (kubernetes/kubernetes#77988.)
#
# Seen: `finalizer stored: [example.com/hold]`, then `not found`.
#
# The guess that was wrong: an object that a read by quorum shows with our finalizer, and without a deletion timestamp, cannot go before
# we take the finalizer off; so it is safe to make now what the finalizer is to clean up.
#
# The operator recognises such an end by the watch, and closes what the object had as its policy says (src/subaccount/store/overtaken.rs,
# tests/e2e/overtaken.rs).
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > finding_test.go <<'GO'
package finding

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/apis/example"
	examplev1 "k8s.io/apiserver/pkg/apis/example/v1"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	etcd3testing "k8s.io/apiserver/pkg/storage/etcd3/testing"
	"k8s.io/apiserver/pkg/storage/names"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
)

type plain struct {
	runtime.ObjectTyper
	names.NameGenerator
}

func (plain) NamespaceScoped() bool                                                     { return true }
func (plain) AllowCreateOnUpdate(context.Context) bool                                  { return false }
func (plain) AllowUnconditionalUpdate(context.Context) bool                             { return false }
func (plain) Canonicalize(runtime.Object)                                               {}
func (plain) PrepareForCreate(context.Context, runtime.Object)                          {}
func (plain) PrepareForUpdate(context.Context, runtime.Object, runtime.Object)          {}
func (plain) Validate(context.Context, runtime.Object) field.ErrorList                  { return nil }
func (plain) WarningsOnCreate(context.Context, runtime.Object) []string                 { return nil }
func (plain) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string { return nil }
func (plain) ValidateUpdate(context.Context, runtime.Object, runtime.Object) field.ErrorList {
	return nil
}

func TestFinding(t *testing.T) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion)
	for _, add := range []func(*runtime.Scheme) error{example.AddToScheme, examplev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	server, config := etcd3testing.NewUnsecuredEtcd3TestClientServer(t)
	defer server.Terminate(t)
	config.Codec = apitesting.TestStorageCodec(serializer.NewCodecFactory(scheme), examplev1.SchemeGroupVersion)
	one := func() runtime.Object { return &example.Pod{} }
	list := func() runtime.Object { return &example.PodList{} }
	pods := schema.GroupResource{Resource: "pods"}
	backend, destroy, err := factory.Create(*config.ForResource(pods), one, list, "/pods")
	if err != nil {
		t.Fatal(err)
	}
	defer destroy()
	strategy := plain{scheme, names.SimpleNameGenerator}
	store := &registry.Store{
		NewFunc: one, NewListFunc: list,
		DefaultQualifiedResource: example.Resource("pods"), SingularQualifiedResource: example.Resource("pod"),
		CreateStrategy: strategy, UpdateStrategy: strategy, DeleteStrategy: strategy,
		KeyRootFunc:    func(context.Context) string { return "/pods/" },
		KeyFunc:        func(_ context.Context, name string) (string, error) { return "/pods/" + name, nil },
		ObjectNameFunc: func(object runtime.Object) (string, error) { return object.(*example.Pod).Name, nil },
		Storage:        registry.DryRunnableStorage{Storage: backend, Codec: config.Codec},
	}
	ctx := request.WithNamespace(context.Background(), "team")
	pod := &example.Pod{ObjectMeta: metav1.ObjectMeta{Name: "acme", Namespace: "team"}}
	if _, err := store.Create(ctx, pod, rest.ValidateAllObjectFunc, &metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	read := func() (*example.Pod, error) {
		found, err := store.Get(ctx, "acme", &metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return found.(*example.Pod), nil
	}
	asked := false
	// Where the API server asks the webhooks that validate deletions.
	webhook := func(context.Context, runtime.Object) error {
		if asked {
			return nil
		}
		asked = true
		found, err := read()
		if err != nil {
			return err
		}
		found.Finalizers = []string{"example.com/hold"}
		updated := rest.DefaultUpdatedObjectInfo(found)
		options := &metav1.UpdateOptions{}
		_, _, err = store.Update(ctx, "acme", updated, rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, options)
		if err != nil {
			return err
		}
		held, err := read()
		if err != nil {
			return err
		}
		fmt.Println("finalizer stored:", held.Finalizers)
		if len(held.Finalizers) != 1 || held.DeletionTimestamp != nil {
			t.Error("the object does not look as if it were held")
		}
		return nil
	}
	if _, _, err := store.Delete(ctx, "acme", webhook, &metav1.DeleteOptions{}); err != nil {
		t.Fatal("the deletion fails now:", err)
	}
	if _, err := read(); !apierrors.IsNotFound(err) {
		t.Fatal("the finalizer holds the object now")
	}
	fmt.Println("not found")
}
GO
cat > go.mod <<'MOD'
module finding

go 1.26

require (
	k8s.io/apimachinery v0.37.2
	k8s.io/apiserver v0.37.2
)
MOD
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go test -count=1 -v -run TestFinding . 2>&1 | grep -E '^(finalizer stored|not found|---|PASS|FAIL)|finding_test'
