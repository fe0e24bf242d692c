{{- define "dnsbot.name" -}}
{{- default "dnsbot" .Values.nameOverride | trunc 57 | trimSuffix "-" -}}
{{- end -}}

{{- define "dnsbot.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 57 | trimSuffix "-" -}}
{{- else if contains (include "dnsbot.name" .) .Release.Name -}}
{{- .Release.Name | trunc 57 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "dnsbot.name" .) | trunc 57 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dnsbot.selectorLabels" -}}
app.kubernetes.io/name: {{ include "dnsbot.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "dnsbot.labels" -}}
{{ include "dnsbot.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end -}}

{{- define "dnsbot.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "dnsbot.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "dnsbot.image" -}}
{{- $repository := .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "dnsbot.config" -}}
{{- $config := dict "clusters" .Values.config.clusters "approvals" .Values.config.approvals -}}
{{- if .Values.config.askers -}}{{- $_ := set $config "askers" .Values.config.askers -}}{{- end -}}
{{- if .Values.config.digests -}}{{- $_ := set $config "digests" .Values.config.digests -}}{{- end -}}
{{- if .Values.config.retention -}}{{- $_ := set $config "retention" .Values.config.retention -}}{{- end -}}
{{- if .Values.config.audit -}}{{- $_ := set $config "audit" .Values.config.audit -}}{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- /* What every container of the bot has: restricted, read-only, the database, a /tmp. */ -}}
{{- define "dnsbot.container" -}}
image: {{ include "dnsbot.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
  readOnlyRootFilesystem: true
  runAsNonRoot: true
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  - {name: config, mountPath: /etc/dnsbot, readOnly: true}
  {{- if not .Values.database.existingSecret }}
  - {name: data, mountPath: /var/lib/dnsbot}
  {{- end }}
  {{- if .Values.kubeconfig.existingSecret }}
  - {name: kubeconfig, mountPath: /etc/dnsbot-kubeconfig, readOnly: true}
  {{- end }}
{{- end -}}

{{- define "dnsbot.databaseUrl" -}}
- name: DATABASE_URL
  {{- if .Values.database.existingSecret }}
  valueFrom: {secretKeyRef: {name: {{ .Values.database.existingSecret }}, key: {{ .Values.database.key }}}}
  {{- else }}
  value: sqlite:////var/lib/dnsbot/dnsbot.db
  {{- end }}
{{- end -}}

{{- define "dnsbot.alertsIngress" -}}
# Alertmanager.
- ports:
    - {protocol: TCP, port: {{ .Values.listen.healthPort }}}
  {{- with .Values.alerts.from }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Who may scrape /metrics, as a rule of the network policy. */}}
{{- define "dnsbot.scrapers" -}}
{{- with .Values.metrics.ingressFrom -}}
- ports:
    - {protocol: TCP, port: {{ $.Values.listen.healthPort }}}
  from:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}
