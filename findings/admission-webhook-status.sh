#!/usr/bin/env bash
# Package: k8s.io/apiserver v0.37.2 (the code of kube-apiserver 1.37), Go modules. Date: 2026-11-28.
#
# Behaviour: what an admission webhook's denial looks like to a client is the webhook's choice, `code`, `reason`, `details` and all:
# the API server fills in 400 where the code is below 400 and puts a prefix before the message, and nothing else. So a denial may be a
# 404 with reason NotFound, a 409 AlreadyExists, a 403 with the cause NamespaceTerminating, or a 422 without any reason; a client that
# concludes 'the object is gone', 'it exists' or 'my JSON patch test failed' from code, reason or causes believes the webhook. Only the
# prefix of the message is the API server's own word.
#
# Seen: `404 NotFound`, `422` with an empty reason, and `400` for a webhook that gives no status, each with the prefix.
#
# The guess that was wrong: a denial by a webhook is always 403 Forbidden, or at least carries a reason.
#
# The operator reads who refused out of the prefix before it looks at code or reason (src/controller/denier.rs).
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	webhookerrors "k8s.io/apiserver/pkg/admission/plugin/webhook/errors"
)

func main() {
	for _, of := range []struct {
		status *metav1.Status
		code   int32
		reason metav1.StatusReason
	}{
		{&metav1.Status{Code: 404, Reason: metav1.StatusReasonNotFound, Message: "no"}, 404, metav1.StatusReasonNotFound},
		{&metav1.Status{Code: 422, Message: "no"}, 422, ""},
		{nil, 400, ""},
	} {
		err := webhookerrors.ToStatusErr("rule.example.com", of.status)
		var told *apierrors.StatusError
		if !errors.As(err, &told) {
			fmt.Println("it is no status any more:", err)
			os.Exit(1)
		}
		status := told.Status()
		fmt.Printf("%d %q %q\n", status.Code, status.Reason, status.Message)
		named := strings.HasPrefix(status.Message, `admission webhook "rule.example.com" denied the request`)
		if status.Code != of.code || status.Reason != of.reason || !named {
			fmt.Println("it is another answer now")
			os.Exit(1)
		}
	}
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
go mod tidy > /dev/null 2>&1
go run .
