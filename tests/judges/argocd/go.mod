// gopher-lua as Argo CD gives it to the scripts of its ConfigMap argocd-cm.
module vobiz.ai/operator/tests/judges/argocd

go 1.26.0

require (
	github.com/evanphx/json-patch v5.9.11+incompatible
	github.com/yuin/gopher-lua v1.1.1
	layeh.com/gopher-json v0.0.0-20190114024228-97fed8db8427
)
