"""The table of senders. `./dev senders` writes its rows from senders/*/sender.yml."""

#
# The senders whose events are known. Each block is a row; its first line is the name of the sender's folder in `senders`,
# after a colon with what the row is for if the sender has several. The other lines are its columns. An example:
#
#   opsgenie
#       identified by  alert.message, action
#       name           {action}: {alert.message}
#       occurred       -
#       severity       alert.priority
#         scale        critical=p1, high=p2, medium=p3, low=p4, informational=p5
#       resolved       action=Close
#       problem        alert.alertId
#
# An event with `alert.message` and `action` comes from Opsgenie. Its incident is named after both, such as
# `Create: Disk full`, and occurred when it arrived. The text at `alert.priority` says how severe it is; if `action` is
# `Close`, the problem has ended; and all events with the same `alert.alertId` are about the same problem.
#
# Paths and conditions are in the grammar that events/paths.py explains. Of two labels of one kind, the first that fits is used.
# After `,` or `|`, and in a name after any word, a text goes on in the next line, which has no label.
#
# identified by: conditions, all of which an event of the sender meets. One of them is a header or a key at the top of the
#   event, or the event has only one member: what is below, a third party may have written. Without `=`, they ask only whether
#   there is a value other than null. Begin with the path that the fewest events of other senders have: events are compared only
#   to rows whose first key they have.
# inner: the path of a text that holds another event as JSON, as it is or in base64. The severity, the end and the problem are
#   that event's, and the end occurred at the row's own time; in the name of the row, the path `inner` is that event's name.
# name: text with paths in braces. A path is dropped, with the text before it and the bracket after it, if its value is missing
#   or repeats an earlier one: without a host, `{title} ({host})` gives `Disk full`. If all paths before it are dropped, a path
#   gives its value alone: without a title, `db-1`.
# occurred: the paths of a date or a Unix time; without one, the general rule looks for a time, except where the last path
#   is `-`: then it is the moment of arrival.
# severity: the path of a word such as `high` (SEVERITY_WORDS of events/rows.py). The first value that means a severity counts; in
#   `alerts.*.severity`, the gravest. If there is none, the general rule looks for a severity, except after `none`.
#   scale: what the values there mean, if they are not such words; `7+` is any number from 7 on, up to the next such number.
# resolved: conditions that only the end of a problem meets.
#   at: the paths of the time at which the problem ended, and the incident occurred; without it, on arrival.
# problem: the paths whose values together are the same in all events about one problem, and in no others. If a value is
#   missing, or a list has several items, the incident gets no key. `'alert'` is the text itself, `host: a` the host, and the
#   port if there is one, of the URL at the path.
#   if: conditions that the event must meet, too.
#
# The first row that fits an event is used. Rows identified by a header are tried before all others, because a header
# names the sender, and keys only suggest it. Otherwise the rows are tried in the order of the table: a row for some events
# of a sender comes before the row for all of them. The senders are in the order of their names, except that one whose events
# the row of another fits, too, is before that (gitea before github), and formats that many senders use are last.
# Written by ./dev senders: rows, from the folders in senders. Change nothing here.
SENDERS = '''
adyen
    identified by  notificationItems.0.NotificationRequestItem, live
    name           {notificationItems.0.NotificationRequestItem.eventCode} (success:
                   {notificationItems.0.NotificationRequestItem.success}):
                   {notificationItems.0.NotificationRequestItem.merchantReference}
                   {notificationItems.0.NotificationRequestItem.reason}
    occurred       notificationItems.0.NotificationRequestItem.eventDate

grafana: a group
    identified by  groupLabels, title, alerts
    name           {title}
    occurred       alerts.0.startsAt
    severity       commonLabels.severity
    severity       alerts.*.labels.severity
    resolved       status=resolved, alerts.*.status=resolved, !truncatedAlerts, !alerts.*.annotations.grafana_state_reason
      at           alerts.0.endsAt
    problem        alerts.*.fingerprint
      if           !truncatedAlerts

grafana: older alerts
    identified by  evalMatches, ruleId, state
    name           {title}
    severity       tags.severity
    resolved       state=ok

grafana: one alert
    identified by  silenceURL, labels.alertname, annotations
    name           {labels.alertname}: {annotations.summary|annotations.description|labels.instance}
    occurred       startsAt
    severity       labels.severity
    resolved       status=resolved, !annotations.grafana_state_reason
      at           endsAt
    problem        fingerprint

alertmanager: a group
    identified by  groupLabels, receiver, alerts
    identified by  receiver|commonLabels, alerts.0.labels.alertname
    name           [{status}] {commonLabels.alertname|alerts.0.labels.alertname}: {commonAnnotations.summary|
                   alerts.0.annotations.summary|commonAnnotations.description|alerts.0.annotations.description|
                   commonLabels.instance|alerts.0.labels.instance}
    occurred       alerts.0.startsAt
    severity       commonLabels.severity
    severity       alerts.*.labels.severity
    resolved       status=resolved, alerts.*.status=resolved, !truncatedAlerts, !alerts.*.annotations.grafana_state_reason
      at           alerts.0.endsAt
    problem        alerts.*.fingerprint
      if           !truncatedAlerts

alertmanager: one alert
    identified by  labels.alertname, annotations
    name           {labels.alertname}: {annotations.summary|annotations.description|labels.instance}
    occurred       startsAt
    severity       labels.severity
    resolved       status=resolved, !annotations.grafana_state_reason
      at           endsAt
    problem        fingerprint

apprise
    identified by  version, message, title, type=info|success|warning|failure
    name           {title|message}
    severity       type
      scale        high=failure, medium=warning, informational=success

auth0
    identified by  log_id, data.type
    name           {data.description}: {data.user_name}
    occurred       data.date
    severity       none

aws-cloudtrail
    identified by  eventSource, eventName, userIdentity|awsRegion, !acsRegion
    name           {eventName} {errorCode} ({eventSource}): {s3.object.key} by {userIdentity.arn|userIdentity.userName|
                   userIdentity.invokedBy}
    occurred       eventTime
    severity       none

aws-cloudtrail: a list, also of S3
    identified by  Records.0.eventSource, Records.0.eventName, Records.0.s3|Records.0.sourceIPAddress
    name           {Records.0.eventName} ({Records.0.eventSource}): {Records.0.s3.object.key} by {Records.0.userIdentity.arn|
                   Records.0.userIdentity.userName|Records.0.userIdentity.invokedBy}
    occurred       Records.0.eventTime
    severity       none

aws-cloudwatch
    identified by  AlarmName, NewStateValue
    name           {NewStateValue}: {AlarmName}
    occurred       StateChangeTime
    severity       none
    resolved       NewStateValue=OK, !AlarmContributorId, !AlarmContributorAttributes
      at           StateChangeTime
    problem        AlarmArn
      if           !AlarmContributorId, !AlarmContributorAttributes

aws-eventbridge: GuardDuty
    identified by  detail-type, source=aws.guardduty, detail
    name           {detail.title|detail-type} ({detail-type})
    occurred       time
    severity       detail.severity
      scale        critical=9+, high=7+, medium=4+, low=0+
    problem        detail.id

aws-eventbridge
    identified by  detail-type, source, detail
    name           {detail.title|detail.findings.0.Title|detail.alarmName|detail.eventName|detail.eventTypeCode|detail.Message|
                   detail.check-name|detail.configRuleName|detail-type} ({detail-type}) {detail.action-type}: {detail.instance-id|
                   detail.findings.0.Resources.0.Id|detail.userIdentity.arn|detail.repository-name|detail.pipeline|
                   detail.project-name|detail.SourceIdentifier|detail.resource|detail.resource_id|detail.resourceId|
                   detail.resourceArn|detail.resourcesAffected.s3Object.path|detail.resourcesAffected.s3Bucket.name|
                   detail.bucket.name|detail.group|detail.alarmName|resources.0} {detail.action|detail.stage|detail.image-tag|
                   detail.image-tags.0|detail.object.key} {detail.state.value|detail.state|detail.build-status|detail.scan-status|
                   detail.result|detail.newEvaluationResult.complianceType|detail.lastStatus|detail.status}
    occurred       time
    severity       detail.findings.*.Severity.Label
    severity       detail.severity
    resolved       detail-type=CloudWatch Alarm State Change, detail.state.value=OK
      at           time
    resolved       detail.findings.*.Workflow.Status=RESOLVED
      at           time
    problem        resources.0
      if           detail-type=CloudWatch Alarm State Change
    problem        detail.findings.*.Id

aws-guardduty
    identified by  service.serviceName=guardduty, arn
    name           {title}
    occurred       updatedAt
    severity       severity
      scale        critical=9+, high=7+, medium=4+, low=0+
    problem        id

aws-security-hub: settled
    identified by  ProductArn, Title, Workflow.Status=RESOLVED|SUPPRESSED
    name           {Workflow.Status}: {Title}: {Resources.0.Id}
    occurred       UpdatedAt
    severity       Severity.Label
    severity       Severity.Normalized
      scale        critical=90+, high=70+, medium=40+, low=1+, informational=0+, none=101+
    resolved       Workflow.Status=RESOLVED
      at           UpdatedAt
    problem        Id

aws-security-hub
    identified by  ProductArn, Title
    name           {Title}: {Resources.0.Id}
    occurred       UpdatedAt
    severity       Severity.Label
    severity       Severity.Normalized
      scale        critical=90+, high=70+, medium=40+, low=1+, informational=0+, none=101+
    problem        Id

aws-sns: a subscription
    identified by  TopicArn, Type=SubscriptionConfirmation
    name           SNS subscription to confirm: {TopicArn}
    occurred       Timestamp
    severity       none

aws-sns: a subject that says nothing
    identified by  Message, Subject=DMS Notification Message|RDS Notification Message|Amazon S3 Notification
    inner          Message
    name           {inner|Subject}
    occurred       Timestamp

aws-sns: as a Lambda function gets it
    identified by  Records.0.Sns.TopicArn, Records.0.Sns.Message
    inner          Records.0.Sns.Message
    name           {Records.0.Sns.Subject|inner|Records.0.Sns.Message}
    occurred       Records.0.Sns.Timestamp

aws-sns
    identified by  TopicArn, Message
    inner          Message
    name           {Subject|inner|Message}
    occurred       Timestamp

aws-sns: an event of DMS or RDS
    identified by  Event Source, Event Message
    name           {Event Message} ({Source ID})
    occurred       Event Time

azure-devops
    identified by  publisherId, eventType, resource
    name           {message.text}
    occurred       createdDate
    severity       resource.fields.Microsoft.VSTS.Common.Severity
      scale        critical=1 - critical, high=2 - high, medium=3 - medium, low=4 - low

azure-event-grid
    identified by  @aeg-event-type
    identified by  topic|dataVersion, subject, eventTime, eventType
    name           {data.alertDisplayName|eventType|type}: {subject|source}
    occurred       eventTime|time
    severity       data.severity

azure-monitor
    identified by  schemaId, data.essentials
    name           {data.essentials.monitorCondition} {data.essentials.severity}: {data.essentials.alertRule}
                   {data.essentials.configurationItems.0}
    occurred       data.essentials.firedDateTime
    severity       data.essentials.severity
      scale        critical=sev0|0, high=sev1|1, medium=sev2|2, informational=sev3|sev4|3|4
    resolved       data.essentials.monitorCondition=Resolved
      at           data.essentials.resolvedDateTime
    problem        data.essentials.originAlertId|data.essentials.alertId

azure-monitor: older alerts
    identified by  schemaId, data.context.name
    identified by  context.subscriptionId, context.name, status
    name           {data.status|status}: {data.context.name|context.name} {data.context.resourceName|context.resourceName}
    occurred       data.context.timestamp|context.timestamp
    severity       data.context.severity
      scale        critical=sev0|0, high=sev1|1, medium=sev2|2, informational=sev3|sev4|3|4
    resolved       data.status=Deactivated|Resolved
      at           data.context.timestamp|context.timestamp
    resolved       status=Resolved, context.name
      at           data.context.timestamp|context.timestamp

bigcommerce
    identified by  producer, scope, hash
    name           {scope}: {data.id}
    occurred       created_at

bitbucket
    identified by  @x-event-key
    identified by  eventKey, actor
    name           {@x-event-key|eventKey}: {pullrequest.title|pullRequest.title|issue.title|push.changes.0.new.name|
                   changes.0.ref.displayId} ({repository.full_name|repository.slug})
    occurred       date
    severity       none

box
    identified by  trigger, webhook, source
    name           {trigger}: {source.name|source.id} by {created_by.login}
    occurred       created_at

buildbot
    identified by  state_string, buildid
    name           {builder.name}: {state_string}
    occurred       complete_at|started_at

checkly
    identified by  check_name, alert_type, check_id
    name           {event}
    occurred       started_at
    resolved       alert_type=ALERT_RECOVERY|ALERT_DEGRADED_RECOVERY
      at           started_at
    problem        check_id
      if           !alert_type=ALERT_SSL

checkmk
    identified by  what, notification_type, site
    name           {summary}
    severity       severity
    resolved       notification_type=RECOVERY

circleci
    identified by  @circleci-event-type
    name           {@circleci-event-type} {workflow.status|job.status}: {workflow.name|job.name} ({project.name})
    occurred       happened_at
    severity       none

cisco-meraki
    identified by  networkName, alertType, networkUrl|sharedSecret|alertTypeId
    name           {alertType}: {deviceName|networkName}
    occurred       occurredAt
    severity       alertLevel

cloudflare
    identified by  policy_id, alert_type, text
    name           {text}
    occurred       ts
    severity       data.severity

cowrie
    identified by  event.eventid, event.session, event.sensor, sourcetype
    name           {event.message}: {event.src_ip}
    occurred       event.timestamp
    severity       none

crowdstrike: an incident
    identified by  metadata.eventType, event.IncidentID, event
    name           {metadata.eventType} {event.State}: {event.IncidentID}
    occurred       metadata.eventCreationTime
    problem        event.IncidentID

crowdstrike
    identified by  event.DetectName, metadata
    identified by  metadata.eventType, event
    name           {event.DetectName|event.Name|event.OperationName|event.IncidentDescription}: {event.ComputerName|
                   event.Hostname|event.EndpointName|event.SourceEndpointHostName|event.UserId}
    occurred       metadata.eventCreationTime
    severity       event.SeverityName
    severity       event.Severity
      scale        critical=5|80+, high=4|60+, medium=3|40+, low=2|20+, informational=1|6+
    problem        event.DetectId|event.CompositeId

customer-io
    identified by  metric, event_id, object_type, data
    name           {object_type} {metric}: {data.recipient|data.identifiers.email|data.customer_id}
    occurred       timestamp
    severity       none

databricks
    identified by  workspace_id, event_type, job
    name           {event_type}: {job.name} {task.task_key}

datadog
    identified by  alert_title
    name           {alert_title}
    occurred       date
    severity       severity
    severity       priority
      scale        critical=p1, high=p2, medium=p3, low=p4, informational=p5
    severity       alert_type
      scale        high=error, medium=warning, informational=info|success
    resolved       alert_transition=Recovered
      at           date
    problem        alert_cycle_key

django-webhook
    identified by  webhook_uuid, object_type, topic
    name           {topic}: {object.name|object.title|object.pk|object.id}

docker-hub
    identified by  push_data, repository
    name           pushed: {repository.repo_name} {push_data.tag}
    occurred       push_data.pushed_at
    severity       none

dropbox
    identified by  list_folder.accounts, delta|list_folder.accounts.0
    name           files changed: {list_folder.accounts.0}
    severity       none

dynatrace
    identified by  PID, ProblemTitle, State
    severity       ProblemSeverity
      scale        high=availability|error, medium=performance|resource_contention
    resolved       State=RESOLVED
    problem        PID

elastic
    identified by  kibana.alert.rule.name|signal.rule.name
    identified by  kibana.alert.rule.name|signal.rule.name, @timestamp
    name           {kibana.alert.rule.name|signal.rule.name}: {host.name}
    severity       kibana.alert.severity
    severity       signal.rule.severity

falco
    identified by  output, rule, priority
    name           {rule}: {output_fields.container.name|hostname}
    occurred       time
    severity       priority
      scale        critical=emergency|alert|critical, high=error, medium=warning, low=notice, informational=informational|debug

gcp-monitoring
    identified by  incident.policy_name, version|incident.incident_id
    name           {incident.state}: {incident.policy_name}: {incident.summary}
    occurred       incident.started_at
    severity       incident.severity
    severity       incident.metadata.system_labels.severity
    resolved       incident.state=closed
      at           incident.ended_at
    problem        incident.incident_id

gcp-pubsub: an audit record
    identified by  protoPayload.methodName, logName|insertId|resource|protoPayload.serviceName
    name           {protoPayload.methodName}: {protoPayload.resourceName} by {protoPayload.authenticationInfo.principalEmail}
                   ({protoPayload.status.message})
    occurred       timestamp
    severity       none

gcp-pubsub: in CloudEvents
    identified by  specversion, data.message.data, type=google.cloud.pubsub.topic.v1.messagePublished
    inner          data.message.data
    name           {inner|data.subscription}
    occurred       data.message.publishTime

gcp-pubsub
    identified by  @ce-type=google.cloud.pubsub.topic.v1.messagePublished, message.data
    identified by  subscription, message.data
    inner          message.data
    name           {inner|subscription}
    occurred       message.publishTime

gcp-security-command-center
    identified by  finding.category, finding.canonicalName|notificationConfigName
    name           {finding.category}: {resource.displayName}
    occurred       finding.eventTime
    severity       finding.severity

gitea
    identified by  @x-gitea-event|@x-forgejo-event|@x-gogs-event
    name           {@x-gitea-event|@x-forgejo-event|@x-gogs-event} {action}: {pull_request.title|issue.title|release.name|
                   head_commit.message|ref} ({repository.full_name|organization.login})
    occurred       -
    severity       none

gitguardian
    identified by  incident.detector, message
    name           {message} {incident.detector.name}
    occurred       timestamp
    severity       incident.severity
    problem        incident.id

github: a secret
    identified by  @x-github-event, alert.secret_type
    identified by  alert.secret_type, repository.node_id, action
    name           {@x-github-event} {action}: {alert.secret_type_display_name|alert.secret_type} ({repository.full_name|
                   organization.login})
    occurred       -
    resolved       action=resolved, alert.resolution=revoked
    problem        repository.full_name, 'secret_scanning_alert', alert.number

github: code scanning
    identified by  @x-github-event, alert.rule
    identified by  alert.rule, repository.node_id, action
    name           {@x-github-event} {action}: {alert.rule.description} ({repository.full_name|organization.login})
    occurred       -
    severity       alert.rule.security_severity_level
    severity       alert.rule.severity
      scale        high=error, medium=warning, low=note
    resolved       action=fixed, alert.state=fixed
    problem        repository.full_name, 'code_scanning_alert', alert.number

github: Dependabot
    identified by  @x-github-event, alert.security_advisory
    identified by  alert.security_advisory, repository.node_id, action
    name           {@x-github-event} {action}: {alert.security_advisory.summary} ({repository.full_name|organization.login})
    occurred       -
    severity       alert.security_advisory.severity
    severity       alert.security_vulnerability.severity
    resolved       action=fixed
    problem        repository.full_name, 'dependabot_alert', alert.number

github: an older alert
    identified by  @x-github-event, alert.affected_package_name
    identified by  alert.affected_package_name, repository.node_id, action
    name           {@x-github-event} {action}: {alert.affected_package_name} ({repository.full_name|organization.login})
    occurred       -
    severity       alert.severity
    problem        repository.full_name, 'repository_vulnerability_alert', alert.number

github: a branch deleted by a push
    identified by  @x-github-event=push, after=0000000000000000000000000000000000000000
    name           push: deleted {ref} ({repository.full_name})
    occurred       -

github
    identified by  @x-github-event
    identified by  repository.node_id, sender.node_id, repository
    name           {@x-github-event} {action|ref_type} {workflow_run.conclusion|workflow_job.conclusion|check_run.conclusion|
                   check_suite.conclusion|deployment_status.state|state}: {security_advisory.summary|pull_request.title|
                   issue.title|discussion.title|release.name|release.tag_name|workflow_run.name|workflow_job.name|check_run.name|
                   check_suite.head_branch|member.login|membership.user.login|team.name|label.name|milestone.title|rule.name|
                   key.title|deployment.environment|context|head_commit.message|ref|repositories_added.0.full_name|
                   repositories_removed.0.full_name|installation.app_slug} ({repository.full_name|organization.login|
                   installation.account.login})
    occurred       -
    severity       security_advisory.severity
    problem        repository.full_name, issue.number|pull_request.number

gitlab: a system hook
    identified by  @x-gitlab-event=System Hook, event_name
    name           {event_name}: {commits.0.title|ref|name|user_username|username} ({project.path_with_namespace|
                   path_with_namespace|project_path_with_namespace|group_path})
    occurred       -

gitlab
    identified by  @x-gitlab-event
    identified by  object_kind, project
    name           {event_name|object_kind} {object_attributes.action|object_attributes.status|action|build_status|status}:
                   {object_attributes.title|object_attributes.note|issue.title|build_name|environment|commits.0.title|
                   object_attributes.ref|ref|object_attributes.name|name} ({project.path_with_namespace|group.group_path})
    occurred       object_attributes.updated_at|-
    severity       object_attributes.severity
    problem        project.path_with_namespace, object_kind, object_attributes.iid

google-workspace
    identified by  events.0.name, id.applicationName, kind
    name           {id.applicationName} {events.0.name}: {actor.email} ({ipAddress})
    occurred       id.time

graylog: older alerts
    identified by  check_result.result_description, stream
    name           {stream.title}: {check_result.result_description}
    occurred       check_result.triggered_at

hackerone
    identified by  @x-h1-event
    name           {@x-h1-event}: {data.report.attributes.title}
    occurred       data.activity.attributes.created_at
    severity       data.report.relationships.severity.data.attributes.rating

harbor
    identified by  event_data.repository, type
    name           {type}: {event_data.repository.repo_full_name}
    occurred       occur_at

harness
    identified by  eventData.eventType, eventData.accountIdentifier
    name           {eventData.eventType}: {eventData.pipelineName} {eventData.stageIdentifier}: {eventData.errorMessage}
    occurred       eventData.endTs|eventData.startTs

hcp-terraform
    identified by  run_id, notifications
    name           {notifications.0.message}: {run_message} ({workspace_name})
    occurred       notifications.0.run_updated_at
    severity       none

hubspot
    identified by  subscriptionType, portalId
    name           {subscriptionType}: {objectId} {propertyName} = {propertyValue}
    occurred       occurredAt

icinga
    identified by  notification_type, host_name, service_state|host_state
    resolved       notification_type=RECOVERY

intelmq
    identified by  classification.type, feed.name|feed.code|feed.provider
    name           {classification.type} {malware.name}: {source.ip|source.fqdn|source.url}
    occurred       time.source|time.observation
    severity       none

jenkins
    identified by  build.phase, name
    name           {name} {build.phase} {build.status}
    occurred       build.timestamp
    severity       none

jfrog-xray
    identified by  watch_name, issues
    name           {top_severity}: {issues.0.summary} ({watch_name})
    occurred       created
    severity       top_severity
    problem        alert_id

jira
    identified by  webhookEvent
    name           {webhookEvent}: {issue.key} {issue.fields.summary}
    occurred       timestamp
    severity       issue.fields.priority.name
      scale        critical=highest, high=high, medium=medium, low=low, informational=lowest
    resolved       issue_event_type_name=issue_resolved, issue.fields.resolution.name=Done|Fixed|Resolved
      at           timestamp
    problem        host: issue.self, issue.key

kubernetes-audit
    identified by  verb, kind=Event, objectRef
    name           {verb} {objectRef.resource} {objectRef.namespace} {objectRef.name} by {user.username}
    occurred       requestReceivedTimestamp
    severity       none

kubernetes-audit: a list
    identified by  items.0.verb, kind=EventList
    name           {items.0.verb} {items.0.objectRef.resource} {items.0.objectRef.namespace} {items.0.objectRef.name} by
                   {items.0.user.username}
    occurred       items.0.requestReceivedTimestamp
    severity       none

lacework
    identified by  lacework_account, event_severity
    name           {event_title}: {event_description}
    occurred       event_timestamp
    severity       event_severity
      scale        critical=1, high=2, medium=3, low=4, informational=5

librenms: acknowledged
    identified by  alert_id, rule_id, sysName, state=2
    name           acknowledged: {title}
    occurred       timestamp
    severity       severity
    problem        alert_id

librenms
    identified by  alert_id, rule_id, sysName
    name           {title}
    occurred       timestamp
    severity       severity
    resolved       state=0
      at           timestamp
    problem        alert_id

linear
    identified by  webhookTimestamp, action, type
    name           {type} {action}: {data.title|data.issue.title|data.name}
    occurred       createdAt
    severity       data.priority
      scale        critical=1, high=2, medium=3, low=4
    problem        data.id

meta
    identified by  entry, object
    name           {object}: {entry.0.changes.0.field}
    occurred       entry.0.time
    severity       none

microsoft-365
    identified by  AlertId, AlertType, Workload
    name           {Name}
    occurred       CreationTime
    severity       Severity
    resolved       Status=Resolved
      at           CreationTime

microsoft-defender
    identified by  AlertDisplayName
    name           {AlertDisplayName}: {CompromisedEntity}
    occurred       TimeGenerated
    severity       properties.severity
    severity       properties.Severity
    severity       Severity
    severity       severity
    problem        SystemAlertId

microsoft-defender-xdr: the stream
    identified by  operationName=Publish, properties.Timestamp, tenantId
    name           {properties.Title|properties.ActionType|category}: {properties.DeviceName|properties.AccountUpn|
                   properties.RecipientEmailAddress|properties.AccountDisplayName}
    occurred       properties.Timestamp
    severity       properties.Severity

microsoft-entra: a sign-in
    identified by  userPrincipalName, appDisplayName, status.errorCode
    name           sign-in of {userPrincipalName} to {appDisplayName}: {status.failureReason}
    occurred       createdDateTime

microsoft-entra: an audit record
    identified by  activityDisplayName, activityDateTime
    name           {activityDisplayName}: {targetResources.0.userPrincipalName|targetResources.0.displayName} by
                   {initiatedBy.user.userPrincipalName|initiatedBy.app.displayName} ({result})
    occurred       activityDateTime

microsoft-graph
    identified by  value.0.subscriptionId, validationTokens|value.0.changeType
    name           {value.0.changeType}: {value.0.resource}

microsoft-sentinel
    identified by  object.properties.title, object.properties.severity, objectSchemaType|object.id
    identified by  properties.title, properties.severity, type=Microsoft.SecurityInsights/Incidents|
                   Microsoft.SecurityInsights/incidents
    identified by  incident_number, created_time_utc, title
    name           {object.properties.title|properties.title|title} ({object.properties.severity|properties.severity|severity})
    occurred       object.properties.createdTimeUtc|properties.createdTimeUtc|created_time_utc
    severity       object.properties.severity
    severity       properties.severity
    severity       severity
    problem        object.id|id

mlflow
    identified by  entity, action, data
    name           {entity} {action}: {data.name|data.target_value} {data.version}
    occurred       timestamp

netbox
    identified by  request_id, event, username, model|object_type
    name           {model|object_type} {event}: {data.display|data.name} by {username}
    occurred       timestamp

new-relic
    identified by  issueUrl, title
    name           {state}: {title.0|title}
    occurred       createdAt
    severity       priority
    severity       severity
    resolved       state=CLOSED
      at           closedAt|updatedAt
    problem        issueId|id

new-relic: alerts without issues
    identified by  current_state, condition_name, incident_id
    name           {current_state}: {condition_name}: {details}
    occurred       timestamp
    severity       severity
    resolved       current_state=closed
      at           timestamp
    problem        incident_id

okta
    identified by  data.events.0.eventType, eventType=com.okta.event_hook
    name           {data.events.0.displayMessage} {data.events.0.outcome.result}: {data.events.0.actor.alternateId}
    occurred       data.events.0.published
    severity       data.events.*.severity

onelogin
    identified by  event_type_id, account_id
    name           OneLogin event {event_type_id}: {user_name} {notes}
    occurred       event_timestamp
    severity       none

onfleet
    identified by  triggerId, triggerName, data
    name           {triggerName}: {data.task.shortId|data.worker.name|taskId|workerId}
    occurred       time
    severity       none

opencanary
    identified by  logdata, logtype, node_id
    name           {node_id} port {dst_port}: {src_host}
    occurred       utc_time
    severity       none

opsgenie
    identified by  alert.message, action
    name           {action}: {alert.message}
    occurred       -
    severity       alert.priority
      scale        critical=p1, high=p2, medium=p3, low=p4, informational=p5
    resolved       action=Close
    problem        alert.alertId

orca
    identified by  alert_labels, state.severity, asset_name
    name           {description} ({asset_name})
    occurred       state.created_at
    severity       state.severity
      scale        critical=compromised, high=imminent compromise, medium=hazardous, informational=informational

pagerduty
    identified by  event.event_type, event.data
    name           {event.event_type}: {event.data.title|event.data.incident.summary}
    occurred       event.occurred_at
    severity       event.data.priority.summary
      scale        critical=p1, high=p2, medium=p3, low=p4, informational=p5
    severity       event.data.urgency
      scale        high=high, low=low
    resolved       event.event_type=incident.resolved, !event.data.resolve_reason
      at           event.occurred_at
    problem        event.data.incident.id
    problem        event.data.id
      if           event.data.type=incident

pagerduty: version 2
    identified by  messages.0.incident, messages.0.event
    name           {messages.0.event}: {messages.0.incident.title}
    occurred       messages.0.created_on
    severity       messages.*.incident.priority.summary
      scale        critical=p1, high=p2, medium=p3, low=p4, informational=p5
    severity       messages.*.incident.urgency
      scale        high=high, low=low
    resolved       messages.*.event=incident.resolve
      at           messages.0.created_on
    problem        messages.*.incident.id

pagerduty: events
    identified by  event_action, payload.summary
    name           {payload.summary}
    occurred       payload.timestamp
    severity       payload.severity
    resolved       event_action=resolve
    problem        dedup_key

pagerduty: events without a payload
    identified by  event_action, dedup_key
    name           {event_action}: {dedup_key}
    resolved       event_action=resolve
    problem        dedup_key

pingdom
    identified by  check_name, current_state
    name           {check_name} is {current_state}: {long_description}
    occurred       state_changed_timestamp
    severity       importance_level
      scale        high=high, low=low
    resolved       current_state=UP|SUCCESS
      at           state_changed_timestamp
    problem        check_id

pino
    identified by  logs.0.msg, logs.0.level
    name           {logs.0.msg}
    occurred       logs.0.time

prisma-cloud
    identified by  policyName, resourceName
    name           {policyName}: {resourceName}
    occurred       alertTs
    severity       severity
    severity       policy.severity
    problem        alertId

rspamd
    identified by  rspamd_server, action, symbols
    name           {action}: {subject} ({from})
    severity       none

sekoia
    identified by  alertUrl, alertId, urgency
    name           {name} ({events.0.host.name|events.0.user.name|events.0.source.ip})
    occurred       occurred
    severity       urgency
    problem        alertId

sentinelone
    identified by  threatInfo.threatName, agentRealtimeInfo|agentDetectionInfo|threatInfo.threatId
    identified by  alertInfo, ruleInfo
    name           {threatInfo.threatName|ruleInfo.name}: {agentRealtimeInfo.agentComputerName}
    occurred       threatInfo.createdAt
    severity       ruleInfo.severity
    severity       data.severity
    severity       threatInfo.confidenceLevel
      scale        high=malicious, medium=suspicious
    resolved       threatInfo.incidentStatus=resolved, !threatInfo.analystVerdict=false_positive
      at           threatInfo.updatedAt
    problem        threatInfo.threatId|id

sentry
    identified by  @sentry-hook-resource
    name           {@sentry-hook-resource} {action}: {data.issue.title|data.event.title|data.error.title|data.description_title}
    occurred       data.event.datetime
    severity       data.issue.level
    severity       data.event.level
    severity       action
      scale        critical=critical, medium=warning
    resolved       action=resolved
    problem        data.issue.id|data.event.issue_id

servicenow
    identified by  short_description, number
    name           {number} {short_description}
    occurred       sys_created_on
    severity       priority
      scale        critical=1, high=2, medium=3, low=4, informational=5
    severity       severity
      scale        high=1, medium=2, low=3
    problem        sys_id

shopify
    identified by  @x-shopify-topic|@x-wc-webhook-topic|@x-commercelayer-topic
    name           {@x-shopify-topic|@x-wc-webhook-topic|@x-commercelayer-topic}: {title|name|number|email|data.attributes.number|
                   data.attributes.name|data.attributes.email|id|data.id}
    occurred       @x-shopify-triggered-at|updated_at|created_at|date_modified_gmt|data.attributes.updated_at
    severity       none

slack: a command
    identified by  trigger_id, command
    name           {command} {text} ({user_name})
    occurred       -
    severity       none

slack
    identified by  type=event_callback
    name           {event.type}: {event.text|event.channel|event.channel_id}
    occurred       event_time
    severity       none

snyk
    identified by  @x-snyk-event
    name           {newIssues.0.issueData.title|project.name} ({project.name})
    severity       newIssues.*.issueData.severity

sonarqube
    identified by  qualityGate, project
    name           {qualityGate.status}: {project.name}
    occurred       analysedAt
    severity       none

sophos
    identified by  event_service_event_id, name
    name           {name} ({location})
    occurred       created_at
    severity       severity

splunk
    identified by  results_link, sid
    name           {search_name}: {result.title|result.signature|result.host|result.src}
    occurred       result._time
    severity       result.urgency
    severity       result.severity

stormshield
    identified by  TypeComputedMap, EventGuid
    name           {TypeComputedMap}: {AdditionalData.Message|SpecificData.SourceProcess.ProcessImageName}
                   ({AdditionalData.AgentName})
    occurred       Timestamp

stripe
    identified by  api_version, type, data.object
    name           {type}: {data.object.description|data.object.name|data.object.id}
    occurred       created
    severity       none

suricata
    identified by  event_type=alert, alert.signature
    name           {alert.signature}: {src_ip} → {dest_ip}
    occurred       timestamp
    severity       alert.severity
      scale        high=1, medium=2, low=3, informational=4+

thehive
    identified by  objectType, operation, object
    name           {operation} {objectType}: {object.title}
    occurred       startDate
    severity       object.severity
      scale        critical=4, high=3, medium=2, low=1

thousandeyes
    identified by  alert.alertId, eventType
    name           {alert.ruleName}: {alert.testName}
    occurred       alert.dateStartZoned
    severity       alert.severity
    resolved       eventType=ALERT_NOTIFICATION_CLEAR
      at           alert.dateEndZoned
    problem        alert.alertId

unleash
    identified by  featureName, project, createdBy, createdAt
    name           {type}: {featureName} {environment} by {createdBy}
    occurred       createdAt
    severity       none

wazuh
    identified by  rule.description, agent
    name           {rule.description} ({agent.name})
    occurred       timestamp
    severity       rule.level
      scale        critical=15+, high=12+, medium=7+, low=4+, informational=0+, none=17+

wiz
    identified by  sourceRule.name|control.name, issue|entitySnapshot|resource
    name           {issue.status|status}: {sourceRule.name|control.name}: {entitySnapshot.name|resource.name}
    occurred       createdAt
    severity       issue.severity
    severity       severity
    resolved       issue.status=RESOLVED
      at           resolvedAt
    resolved       !issue.status, status=RESOLVED
      at           resolvedAt
    problem        issue.id|id

zabbix
    identified by  trigger_id, event_id
    severity       severity
    resolved       value=0, !event_value=1, !status=PROBLEM
    resolved       event_value=0, !status=PROBLEM
    resolved       status=RESOLVED, !event_value=1

zendesk
    identified by  zendesk_event_version, type
    name           {type}: {detail.subject|detail.email|subject}
    occurred       time
    severity       detail.priority
      scale        critical=urgent, high=high, medium=normal, low=low
    severity       priority
      scale        critical=urgent, high=high, medium=normal, low=low
    problem        account_id, subject

zendesk: a trigger
    identified by  ticket_id, requester, status
    severity       priority
      scale        critical=urgent, high=high, medium=normal, low=low

zoom
    identified by  event_ts, event, payload.object
    name           {event}: {payload.object.topic|payload.object.email}
    occurred       event_ts
    severity       none

cloudevents
    identified by  @ce-type
    identified by  specversion
    name           {data.title|data.protoPayload.methodName|protoPayload.methodName|type|@ce-type}: {subject|@ce-subject|source|
                   @ce-source}
    occurred       time|@ce-time
    severity       severitytext
    severity       @ce-severitytext
    severity       severitynumber
      scale        critical=21+, high=17+, medium=13+, informational=1+, none=25+
    severity       @ce-severitynumber
      scale        critical=21+, high=17+, medium=13+, informational=1+, none=25+

gelf
    identified by  short_message, version=1.1|1.0
    name           {short_message}: {host}
    occurred       timestamp
    severity       level
      scale        critical=0|1|2, high=3, medium=4, low=5, informational=6|7

ocsf
    identified by  class_uid, metadata
    name           {finding_info.title|message|type_name|class_name}: {device.hostname|actor.user.name}
    occurred       time
    severity       severity_id
      scale        critical=5|6, high=4, medium=3, low=2, informational=1

opentelemetry
    identified by  resourceLogs.0.scopeLogs
    name           {resourceLogs.0.scopeLogs.0.logRecords.0.body.stringValue}
    occurred       resourceLogs.0.scopeLogs.0.logRecords.0.timeUnixNano

slack-message
    identified by  blocks.0.type, text|channel|blocks.0.type
    identified by  embeds
    identified by  content, username|avatar_url|tts
    name           {text|content|blocks.0.text.text} {embeds.0.title|embeds.0.description}
    occurred       embeds.0.timestamp
'''
# The end of rows.
