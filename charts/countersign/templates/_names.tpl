{{- /*
Names have at most 53 characters, so that the longest suffix still leaves a DNS label of 63.
*/}}
{{- define "countersign.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- define "countersign.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $full .Values.fullnameOverride | replace "." "-" | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- define "countersign.serviceAccountName" -}}
{{- default (ternary (include "countersign.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "countersign.tlsSecretName" -}}
{{- if eq .Values.tls.mode "secret" -}}
{{- required "tls.mode secret needs tls.secretName, a Secret with tls.crt and tls.key" .Values.tls.secretName }}
{{- else -}}
{{- include "countersign.fullname" . }}-tls
{{- end }}
{{- end }}

{{- define "countersign.selectorLabels" -}}
app.kubernetes.io/name: {{ include "countersign.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "countersign.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "countersign.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Metadata that every namespaced object begins with. */}}
{{- define "countersign.metadata" -}}
name: {{ include "countersign.fullname" . }}
namespace: {{ .Release.Namespace }}
labels: {{- include "countersign.labels" . | nindent 2 }}
{{- end }}

{{- define "countersign.image" -}}
{{- $repository := required "image.repository is missing: this version publishes no image; build one from the Dockerfile" .Values.image.repository }}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* The name of a ConfigMap with policies, which is given alone or with what is said of it. */}}
{{- define "countersign.configMapName" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ .name }}{{ end }}
{{- end }}
