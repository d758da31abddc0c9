{{- /*
Where the API server sends its reviews. With managed certificates the process writes caBundle and path, so neither is
rendered: whatever is rendered, the next upgrade would write over, or (applied by the server) stumble upon. What each
webhook calls the process knows from tls.managed.paths of its configuration, by the webhook's name.
*/}}
{{- define "countersign.clientConfig" -}}
{{- $path := ternary "/validate/deny" "/validate" .deny }}
{{- with .root }}
{{- if .Values.webhook.url }}
url: {{ printf "%s%s" (trimSuffix "/" .Values.webhook.url) $path | quote }}
{{- else }}
service:
  name: {{ include "countersign.fullname" . }}
  namespace: {{ .Release.Namespace }}
  port: 443
  {{- if ne .Values.tls.mode "managed" }}
  path: {{ $path }}
  {{- end }}
{{- end }}
{{- if and (eq .Values.tls.mode "secret") .Values.tls.caBundle }}
caBundle: {{ .Values.tls.caBundle | b64enc }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What both webhooks have in common. */}}
{{- define "countersign.webhook" -}}
admissionReviewVersions: [v1]
sideEffects: None
matchPolicy: Equivalent
timeoutSeconds: {{ .Values.webhook.timeoutSeconds }}
matchConditions:
  {{- /*
  What is always safe not to ask about: an update that leaves the spec as it was, and with it every image, and either
  is of an object that is being deleted (which starts nothing any more; its stored state says so, not the request), or
  leaves alone all that a policy may read. What has no spec (PodTemplate), or may have its images elsewhere (custom
  resources), is always asked about.
  */}}
  - name: more-than-bookkeeping
    expression: >-
      !(request.operation == 'UPDATE' && request.kind.group in ['', 'apps', 'batch']
      && has(object.spec) && has(oldObject.spec) && object.spec == oldObject.spec
      && (has(oldObject.metadata.deletionTimestamp)
      || (object.metadata.?labels.orValue({}) == oldObject.metadata.?labels.orValue({})
      && object.metadata.?annotations.orValue({}) == oldObject.metadata.?annotations.orValue({})
      && object.metadata.?ownerReferences.orValue([]) == oldObject.metadata.?ownerReferences.orValue([]))))
  {{- with .Values.webhook.matchConditions }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    scope: Namespaced
    resources:
      - pods
      - pods/ephemeralcontainers
      {{- if .Values.webhook.workloads }}
      - podtemplates
      - replicationcontrollers
      {{- end }}
  {{- if .Values.webhook.workloads }}
  - apiGroups: [apps]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    scope: Namespaced
    resources: [deployments, replicasets, statefulsets, daemonsets]
  - apiGroups: [batch]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    scope: Namespaced
    resources: [jobs, cronjobs]
  {{- end }}
  {{- with .Values.webhook.extraRules }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- /* The release namespace is always left out: or nothing could start countersign again. */}}
{{- define "countersign.excluded" -}}
- key: kubernetes.io/metadata.name
  operator: NotIn
  values: {{- prepend .Values.webhook.excludedNamespaces .Release.Namespace | uniq | toYaml | nindent 4 }}
{{- end }}
