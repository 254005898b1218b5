{{/* The name of the objects: the release's, which says what it is. */}}
{{- define "vobiz-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The name of the operator's ServiceAccount. */}}
{{- define "vobiz-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "vobiz-operator.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.create is false: name the ServiceAccount in serviceAccount.name" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* By which the Pods are known. A Deployment cannot change them, so they are those of manifests/base and name no release. */}}
{{- define "vobiz-operator.selectorLabels" -}}
app.kubernetes.io/name: vobiz-operator
{{- end -}}

{{/* The labels of the Pods that the chart gives. A version among them would replace the Pods whenever the chart gets one. */}}
{{- define "vobiz-operator.podLabels" -}}
{{ include "vobiz-operator.selectorLabels" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/part-of: vobiz-operator
{{- end -}}

{{/* The labels of every object that the chart gives. */}}
{{- define "vobiz-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "vobiz-operator.selectorLabels" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: vobiz-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* The metadata of an object: "root" is the release, "name" the object's, "namespace" its own if it has one; "labels" and "annotations" are
added to those of every object. */}}
{{- define "vobiz-operator.metadata" -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- merge (include "vobiz-operator.labels" .root | fromYaml) (.labels | default dict) .root.Values.labels | toYaml | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) .root.Values.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The annotations of a definition. */}}
{{- define "vobiz-operator.definitionAnnotations" -}}
{{- $keep := ternary (dict "helm.sh/resource-policy" "keep") (dict) .Values.crds.keep -}}
{{- merge $keep .Values.crds.annotations | toYaml -}}
{{- end -}}

{{/* The image, with what says which of it. */}}
{{- define "vobiz-operator.image" -}}
{{- $tag := .Values.image.tag -}}
{{- if not (or $tag .Values.image.digest) -}}
{{- $tag = .Chart.AppVersion -}}
{{- end -}}
{{- .Values.image.repository -}}
{{- with $tag -}}:{{ . }}{{- end -}}
{{- with .Values.image.digest -}}@{{ . }}{{- end -}}
{{- end -}}

{{/* Whose rights a binding hands out. */}}
{{- define "vobiz-operator.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "vobiz-operator.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* What a ServiceMonitor or a PodMonitor, whose values these are, says of the port. */}}
{{- define "vobiz-operator.endpoint" -}}
port: http
path: /metrics
# Series of Subaccounts name their own namespace; that of the operator must not take its place.
honorLabels: true
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
