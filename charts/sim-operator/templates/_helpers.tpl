{{/*
Names are not made from the release's: the CRDs, the admission policies and the cluster roles are the cluster's, so there
is one install a cluster, and the admission policies know the two programs by their ServiceAccounts' names.
*/}}

{{/* The labels of an object; "component" where it belongs to one of the two programs. */}}
{{- define "sim-operator.labels" -}}
{{- with .component -}}
app.kubernetes.io/name: sim-operator
app.kubernetes.io/component: {{ . }}
{{ end -}}
app.kubernetes.io/part-of: sim-operator
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What selects the pods of one of the two programs. It may never change: a workload's selector cannot. */}}
{{- define "sim-operator.selector" -}}
app.kubernetes.io/name: sim-operator
app.kubernetes.io/component: {{ . }}
{{- end }}

{{/* The labels and annotations of a pod. None changes with the chart's version alone, so that no pod restarts for that. */}}
{{- define "sim-operator.podMetadata" -}}
labels:
  {{- include "sim-operator.selector" .component | nindent 2 }}
  app.kubernetes.io/part-of: sim-operator
  {{- with .program.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  kubectl.kubernetes.io/default-container: {{ .component }}
  {{- with .program.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "sim-operator.image" -}}
{{- with .Values.image -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}
{{- end }}

{{- define "sim-operator.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "sim-operator.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
{{- end }}

{{/* Where a pod may run. Replicas keep apart where they can, unless an affinity is given. */}}
{{- define "sim-operator.scheduling" -}}
affinity:
  {{- if .program.affinity }}
  {{- toYaml .program.affinity | nindent 2 }}
  {{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    {{- range $weight, $key := .apart }}
    - weight: {{ $weight }}
      podAffinityTerm:
        topologyKey: {{ $key }}
        labelSelector:
          matchLabels:
            {{- include "sim-operator.selector" $.component | nindent 12 }}
    {{- end }}
  {{- end }}
{{- with .program.topologySpreadConstraints }}
topologySpreadConstraints:
{{- range . }}
{{- $constraint := deepCopy . }}
{{- if not .labelSelector }}
{{- $_ := set $constraint "labelSelector" (dict "matchLabels" (include "sim-operator.selector" $.component | fromYaml)) }}
{{- end }}
- {{ toYaml $constraint | nindent 2 | trim }}
{{- end }}
{{- end }}
{{- with .program.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .program.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .program.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* The flags that both programs have. */}}
{{- define "sim-operator.args" -}}
{{- with .root.Values.namespaces }}
- --namespaces={{ join "," . }}
{{- end }}
{{- if not (include "sim-operator.metricsSecure" .root) }}
- --metrics-secure=false
{{- end }}
{{- end }}

{{/* "true" where who scrapes is asked for a token, which takes a ClusterRole: so not where namespaces are given. */}}
{{- define "sim-operator.metricsSecure" -}}
{{- if and .Values.metrics.secure (not .Values.namespaces) -}}true{{- end -}}
{{- end }}

{{/* The rules of a generated role. Without the rights to ask who scrapes where nobody is asked. */}}
{{- define "sim-operator.rules" -}}
{{- $role := .root.Files.Get (printf "generated/roles/%s_role.yaml" .component) | fromYaml -}}
{{- range $role.rules -}}
{{- if or (include "sim-operator.metricsSecure" $.root) (not (has (first .apiGroups) (list "authentication.k8s.io" "authorization.k8s.io"))) }}
- {{ toYaml . | nindent 2 | trim }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The port of the Service that takes the deliveries. */}}
{{- define "sim-operator.hooksPort" -}}
{{- with .Values.ingress -}}
{{ .service.port | default (ternary 443 80 (ne .tls.secretName "")) }}
{{- end }}
{{- end }}
