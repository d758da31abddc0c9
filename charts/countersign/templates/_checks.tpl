{{- /* Values that do not go together. Said here, for a pod that does not start says it too late. */}}
{{- define "countersign.check" -}}
{{- $managed := eq .Values.tls.mode "managed" }}
{{- if and .Values.webhook.url $managed }}
{{- fail "webhook.url needs tls.mode secret or certManager: a managed certificate names the Service alone" }}
{{- end }}
{{- if and (eq .Values.tls.mode "secret") (not .Values.tls.caBundle) (not .Values.webhook.url) }}
{{- fail "tls.mode secret needs tls.caBundle: no public CA signs the name of a Service" }}
{{- end }}
{{- if and .Values.pullSecrets.fromPods (not $managed) (not .Values.config.callers) }}
{{- fail "pullSecrets.fromPods needs tls.mode managed or config.callers: only then can countersign tell the API server from somebody who forges reviews" }}
{{- end }}
{{- $least := add .Values.preStopSeconds (ceil (ternary .Values.config.drainSeconds 8 (hasKey .Values.config "drainSeconds"))) }}
{{- if le (int .Values.terminationGracePeriodSeconds) (int $least) }}
{{- fail (printf "terminationGracePeriodSeconds must be more than preStopSeconds and config.drainSeconds together (%d)" (int $least)) }}
{{- end }}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" }}
{{- end }}
{{- end }}
