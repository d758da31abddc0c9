{{- /* Whether the process talks to the API server, and so needs a token and rights. Empty means no. */}}
{{- define "countersign.talksToCluster" -}}
{{- if or (eq .Values.tls.mode "managed") .Values.kubernetes.watch .Values.pullSecrets.fromPods .Values.pullSecrets.names -}}
true
{{- end }}
{{- end }}

{{- /* Whether there is something that one replica alone does: renewing certificates, writing status. */}}
{{- define "countersign.leads" -}}
{{- if or (eq .Values.tls.mode "managed") .Values.kubernetes.watch -}}
true
{{- end }}
{{- end }}

{{- /* The least number of pods that there will be. */}}
{{- define "countersign.leastReplicas" -}}
{{- ternary .Values.autoscaling.minReplicas .Values.replicaCount .Values.autoscaling.enabled }}
{{- end }}

{{- /*
The configuration file. Keys of the chart come last, so that nothing under `config` can contradict the objects around it.
*/}}
{{- define "countersign.config" -}}
{{- $name := include "countersign.fullname" . }}
{{- /* A directory without policies is a mistake to the process, not a wish. */}}
{{- $paths := list }}
{{- if .Values.policies }}
{{- $paths = append $paths "/etc/countersign/policies" }}
{{- end }}
{{- range .Values.policyConfigMaps }}
{{- if kindIs "string" . }}
{{- $paths = append $paths (printf "/etc/countersign/configmaps/%s" .) }}
{{- else }}
{{- $map := . }}
{{- $at := printf "/etc/countersign/configmaps/%s" .name }}
{{- $entry := merge (dict "path" $at) (pick . "namespaces" "scopes" "mode") }}
{{- range $key := list "path" "root" "namespaced" }}
{{- with get $map $key }}
{{- $_ := set $entry $key (printf "%s/%s" $at .) }}
{{- end }}
{{- end }}
{{- $paths = append $paths $entry }}
{{- end }}
{{- end }}
{{- $tls := dict "certFile" "/etc/countersign/tls/tls.crt" "keyFile" "/etc/countersign/tls/tls.key" }}
{{- if eq .Values.tls.mode "managed" }}
{{- $tls = dict "managed" (dict "secret" (include "countersign.tlsSecretName" .) "service" $name "webhookConfigurations" (list $name) "paths" (dict "deny.images.countersign.dev" "/validate/deny")) }}
{{- end }}
{{- $kubernetes := dict "watch" .Values.kubernetes.watch }}
{{- if include "countersign.leads" . }}
{{- $_ := set $kubernetes "lease" $name }}
{{- end }}
{{- if or .Values.pullSecrets.fromPods .Values.pullSecrets.names }}
{{- $_ := set $kubernetes "pullSecrets" .Values.pullSecrets }}
{{- end }}
{{- $config := deepCopy .Values.config }}
{{- $_ := set $config "mode" .Values.mode }}
{{- with concat $paths (default list .Values.config.policies) }}
{{- $_ := set $config "policies" . }}
{{- end }}
{{- $_ := set $config "listen" (dict "host" .Values.listen.host "port" .Values.listen.port) }}
{{- $_ := set $config "metrics" (dict "host" .Values.listen.host "port" .Values.listen.metricsPort) }}
{{- $_ := set $config "tls" $tls }}
{{- $_ := set $config "kubernetes" $kubernetes }}
{{- toYaml $config }}
{{- end }}
