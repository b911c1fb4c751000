"""What the general rule says of events whose senders have no row: their keys are those of vendors' own documents."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import GenericWebhook
import pytest
from GenericWebhook import LAST_WORDS, NO_ROW, WORDS, keys_by_meaning, places_of, places_of_word
from shared.app import App, event_of
from shared.webhook import SCRIPT

NOW = 1795514400  # 2026-11-24T10:00:00Z
NINE = '2026-11-24T09:00:00Z'
EIGHT = '2026-11-24T08:00:00Z'

# An event, its name, and its time if it has one. A `category` would begin a name that was found by chance, in any object.
EVENTS: list[tuple[dict[str, Any], str, str]] = [
    # A title
    ({'category': 'plant', 'TimeGenerated': NINE, 'properties': {'alertTitle': 'A PLC was stopped'}}, 'A PLC was stopped', NINE),
    ({'category': 'network', 'data': {'eventTitle': 'Checkout is slow', 'detectedAt': NINE}}, 'Checkout is slow', NINE),
    ({'category': 'network', 'incident': {'incidentTitle': 'Payments fail', 'occurredAt': NINE}}, 'Payments fail', NINE),
    ({'category': 'network', 'issue': {'issueTitle': 'TypeError in cart'}, 'createdTime': NINE}, 'TypeError in cart', NINE),
    ({'category': 'form', 'formTitle': 'Report a phishing mail', 'formresponse': {'rows': []}, 'createTime': NINE},
     'Report a phishing mail', NINE),
    ({'headline': 'Flood watch for the coast', 'title': 'Flood watch issued', 'effectiveAt': NINE}, 'Flood watch issued', NINE),
    ({'category': 'service', 'MessageTitle': 'Connectors will retire'}, 'Connectors will retire', ''),
    # A rule
    ({'category': 'threat', 'value': [{'alertDisplayName': 'Mimikatz runs'}], 'fireddatetime': NINE}, 'Mimikatz runs', NINE),
    ({'category': 'network', 'essentials': {'alertRule': 'CPU is high'}, 'firedAt': NINE}, 'CPU is high', NINE),
    ({'category': 'network', 'alarmName': 'Host memory usage', 'createdTime': NINE}, 'Host memory usage', NINE),
    ({'category': 'network', 'detection': {'detectionName': 'Mal/Generic S'}, 'detectionTimestamp': NINE}, 'Mal/Generic S', NINE),
    ({'malwareFamily': 'Qakbot loader', 'firstSeenTime': NINE}, 'Qakbot loader', NINE),
    ({'category': 'network', 'violation': {'malwareFamily': 'Redline stealer'}}, 'Redline stealer', ''),
    ({'alertTime': NINE, 'signature': 'ET SCAN Nmap scripting engine'}, 'ET SCAN Nmap scripting engine', NINE),
    ({'category': 'network', 'rt': NINE, 'attackName': 'Directory traversal'}, 'Directory traversal', NINE),
    ({'category': 'network', 'rule': {'name': 'Brute force attack'}, 'updated_on': NINE}, 'Brute force attack', NINE),
    ({'category': 'network', 'policy_name': 'Block uploads', 'activityDateTime': NINE}, 'Block uploads', NINE),
    ({'category': 'network', 'monitor_name': 'Home page', 'started_at': NINE}, 'Home page', NINE),
    ({'category': 'network', 'checkName': 'Login flow', 'startTime': NINE}, 'Login flow', NINE),
    ({'category': 'network', 'result': {'searchName': 'Rare process'}, 'ts': NINE}, 'Rare process', NINE),
    ({'category': 'network', 'details': {'condition_name': 'Error rate is high'}}, 'Error rate is high', ''),
    ({'category': 'network', 'object': {'pluginName': 'OpenSSL is outdated'}}, 'OpenSSL is outdated', ''),
    ({'category': 'identity', 'detectionType': 'Impossible travel'}, 'Impossible travel', ''),
    ({'category': 'file', 'yara_rule': 'APT backdoor loader'}, 'APT backdoor loader', ''),
    ({'category': 'network', 'case': {'checkName': 'Latency of the database'}}, 'Latency of the database', ''),
    ({'category': 'network', 'Alert': {'AlertThreatModelName': 'Unusual access to files'}}, 'Unusual access to files', ''),
    ({'category': 'network', 'modelName': 'Anomalous server', 'alert_name': 'Beaconing to a host', 'start_at': NINE},
     'Beaconing to a host', NINE),
    # A text
    ({'category': 'network', 'event_message': 'Interface ge-0/0/1 is down', 'eventTimestamp': NINE},
     'Interface ge-0/0/1 is down', NINE),
    ({'category': 'network', 'problem': {'alertMessage': 'Ping to fw-1 fails'}}, 'Ping to fw-1 fails', ''),
    ({'category': 'network', 'error_message': 'Division by zero', 'serverTimestamp': NINE}, 'Division by zero', NINE),
    ({'category': 'network', 'ticket': {'alertDescription': 'A disk will fail soon'}}, 'A disk will fail soon', ''),
    ({'category': 'network', 'resource': {'eventDescription': 'A snapshot was made public'}}, 'A snapshot was made public', ''),
    ({'category': 'disk', 'attachments': [{'displayName': 'Backup of mail'}]}, 'disk: Backup of mail', ''),
    ({'category': 'network', 'context': {'info': 'The license ends in a week'}}, 'The license ends in a week', ''),
    ({'category': 'network', 'event_info': 'The UPS runs on battery', 'generatedDateTime': NINE},
     'The UPS runs on battery', NINE),
    ({'category': 'network', 'OperationDetail': 'A mailbox rule was added'},
     'A mailbox rule was added', ''),
    ({'category': 'network', 'alertDetails': 'Fan 2 has stopped', 'message_time': NINE}, 'Fan 2 has stopped', NINE),
    ({'details': 'The tunnel to Berlin is down', 'recordedAt': NINE}, 'The tunnel to Berlin is down', NINE),
    ({'content': 'The deployment of shop failed', 'sent_at': NINE}, 'The deployment of shop failed', NINE),
    ({'category': 'network', 'output': 'Shell opened in a container', 'received_at': NINE}, 'Shell opened in a container', NINE),
    ({'category': 'network', 'SERVICEOUTPUT': 'DISK CRITICAL: 97 % used'}, 'DISK CRITICAL: 97 % used', ''),
    ({'category': 'network', 'error': {'formatted': 'Cannot read property id'}}, 'Cannot read property id', ''),
    ({'category': 'bill', 'memo': 'The invoice was changed'}, 'The invoice was changed', ''),
    ({'category': 'network', 'host': 'shop-1', 'short_message': 'Payment failed', 'timestamp': 1795510800.25,
      'level': 3}, 'Payment failed (shop-1)', '2026-11-24T09:00:00.250000Z'),
    ({'log': 'panic: runtime error', 'stream': 'stderr', 'time': NINE}, 'panic: runtime error', NINE),
    ({'category': 'network', 'cause': 'No heartbeat for a minute'}, 'No heartbeat for a minute', ''),
    ({'category': 'backup', 'DisplayName': 'Backup of the mail server'}, 'Backup of the mail server', ''),
    # A kind of event, and what it happened to
    ({'event_simpleName': 'ProcessRollup', 'ComputerName': 'desk-7', 'user': 'alice'}, 'ProcessRollup: desk-7 (alice)', ''),
    ({'webhook_event': 'page_trashed', 'device': 'desk-7', 'kind': 'page'}, 'page_trashed: desk-7', ''),
    ({'alertType': 'tamper', 'user': 'alice', 'hostname': 'cam-3'}, 'tamper: cam-3 (alice)', ''),
    ({'notificationType': 'REFUND', 'userEmail': 'a@example.com', 'alert': 'x'}, 'REFUND: a@example.com', ''),
    ({'operationName': 'vaults/delete', 'resourceName': 'kv-prod', 'user': 'alice'}, 'vaults/delete: kv-prod (alice)', ''),
    ({'method_name': 'SetIamPolicy', 'principalEmail': 'a@example.com', 'service_name': 'storage'},
     'SetIamPolicy: a@example.com (storage)', ''),
    ({'actionName': 'quarantine', 'src_ip': '10.0.0.1'}, 'quarantine: 10.0.0.1', ''),
    ({'activityDisplayName': 'Delete user', 'targetUser': 'bobby'}, 'Delete user: bobby', ''),
    ({'operation': 'FileDeleted', 'userEmail': 'a@example.com', 'file_name': 'plan'}, 'FileDeleted: plan (a@example.com)', ''),
    ({'ActionType': 'LogonFailed', 'Category': 'identity', 'IPAddress': '10.0.0.1'}, 'LogonFailed: 10.0.0.1', ''),
    ({'trigger': 'card_expired', 'owner': 'alice'}, 'card_expired: alice', ''),
    ({'topic': 'orders/cancelled', 'repo': 'octo/shop', 'user': 'alice'}, 'orders/cancelled: octo/shop (alice)', ''),
    ({'scope': 'store/cart', 'domain': 'shop.example.com'}, 'store/cart: shop.example.com', ''),
    ({'kind': 'deploy-failed', 'user': 'alice', 'package': 'left-pad'}, 'deploy-failed: left-pad (alice)', ''),
    ({'category': 'phishing', 'agent': 'alice'}, 'phishing: alice', ''),
    ({'event_type': 'degraded', 'actor': 'carol'}, 'degraded: carol', ''),
    ({'event_type': 'takedown', 'operator': 'carol'}, 'takedown: carol', ''),
    ({'event_id': 'logon.4625', 'sourceIp': '10.0.0.1'}, 'logon.4625: 10.0.0.1', ''),
    ({'alert': 'swap', 'resource': {'name': 'db-1'}}, 'swap: db-1', ''),
    ({'error': 'timeout', 'resource': 'queue-7'}, 'timeout: queue-7', ''),
    ({'action': 'isolate', 'event': 'containment', 'host': 'desk-7', 'package': 'agent'}, 'isolate: desk-7 (agent)', ''),
    ({'eventName': 'login', 'actor': {'email': 'a@example.com', 'full_name': 'Alice Ng'}}, 'login: Alice Ng (a@example.com)', ''),
    ({'eventName': 'login', 'device': {'hostname': 'desk-7'}}, 'login: desk-7', ''),
    ({'eventName': 'login', 'user': {'username': 'alice'}}, 'login: alice', ''),
    ({'eventName': 'login', 'owner': {'displayName': 'Alice Ng'}}, 'login: Alice Ng', ''),
    ({'eventName': 'login', 'device': {'name': 'Desk 7'}, 'username': 'alice'}, 'login: Desk 7 (alice)', ''),
    ({'eventName': 'login', 'device': {'email': 'd7@example.com'}, 'username': 'alice'}, 'login: d7@example.com (alice)', ''),
    ({'eventName': 'login', 'device': {'login': 'kiosk'}, 'username': 'alice'}, 'login: kiosk (alice)', ''),
    ({'eventName': 'login', 'device': {'displayName': 'Desk 7'}, 'username': 'alice'}, 'login: Desk 7 (alice)', ''),
    ({'eventName': 'login', 'device': {'displayName': 'kiosk', 'name': 'Desk 7'}}, 'login: Desk 7', ''),
    # A kind before a text, and an object after it: Mackerel, JumpCloud, Datadog's logs, Spectate, Overseerr, Postmark, Cal.com
    ({'orgName': 'Acme', 'event': 'alert', 'host': {'name': 'app-7', 'id': '22D4'}, 'alert': {
        'status': 'critical', 'monitorName': 'disk is full', 'trigger': 'monitor'}}, 'disk is full (app-7)', ''),
    ({'orgName': 'Acme', 'event': 'alert', 'host': {'name': 'app-7'}, 'alert': {'monitorName': 'disk of app-7 is full'}},
     'disk of app-7 is full', ''),
    ({'event_type': 'user_login_attempt', 'service': 'directory', 'error_message': 'Wrong password', 'auth_method': 'password',
      'timestamp': NINE}, 'user_login_attempt: Wrong password (directory)', NINE),
    ({'host': 'web-7', 'service': 'nginx', 'ddsource': 'nginx', 'message': 'Too many open files'},
     'Too many open files (web-7)', ''),
    ({'check': 'uptime', 'status': 'down', 'incident': {'id': 7, 'reason': 'Connection timeout', 'started_at': NINE}},
     'down: Connection timeout (uptime)', NINE),
    ({'notification_type': 'MEDIA_FAILED', 'event': 'Request Failed', 'subject': 'Dune (2021)'}, 'MEDIA_FAILED: Dune (2021)', ''),
    ({'RecordType': 'Bounce', 'Type': 'HardBounce', 'Email': 'a@example.com', 'Subject': 'Your order', 'Details': 'unknown user'},
     'HardBounce: Your order (a@example.com)', ''),
    ({'triggerEvent': 'BOOKING_CANCELLED', 'createdAt': NINE, 'payload': {'title': '30 minutes with Alice'}},
     'BOOKING_CANCELLED: 30 minutes with Alice', NINE),
    ({'status': 'resolved', 'action': 'notify', 'title': 'Disk full on db-1'}, 'resolved: Disk full on db-1', ''),
    # A kind, a text and an object by the last word of a key: AppDynamics, Site24x7, Centreon, Freshservice, Twilio, tcWebHooks,
    # Server Density, PayPal; GoAlert; not Freshping's organization
    ({'eventType': 'POLICY_OPEN_CRITICAL', 'summaryMessage': 'CPU of shop is high'},
     'POLICY_OPEN_CRITICAL: CPU of shop is high', ''),
    ({'MONITORURL': 'https://shop.example.com', 'STATUS': 'DOWN', 'INCIDENT_REASON': 'Host unavailable'},
     'DOWN: Host unavailable', ''),
    ({'HOSTSTATE': 'UNREACHABLE', 'HOSTOUTPUT': 'CRITICAL - Host unreachable', 'HOSTADDRESS': '10.0.0.1'},
     'CRITICAL - Host unreachable', ''),
    ({'freshdesk_webhook': {'ticket_id': 'INC-7', 'ticket_subject': 'Printer is on fire', 'ticket_url': 'https://x.example.com'}},
     'Printer is on fire', ''),
    ({'MessageSid': 'SM0f', 'MessageStatus': 'undelivered', 'To': '+15551234567'}, 'undelivered: +15551234567', ''),
    ({'build': {'buildResult': 'failure', 'projectName': 'Shop', 'buildResultPrevious': 'success', 'buildNumber': '12'}},
     'failure: Shop', ''),
    ({'alert_type': 'Load average', 'item_type': 'Device', 'item_name': 'web-1', 'current_value': 7.8},
     'Load average: web-1', ''),
    ({'payment_status': 'Denied', 'payer_email': 'a@example.com', 'mc_gross': '7.00'}, 'Denied: a@example.com', ''),
    ({'organization_name': 'Acme', 'webhook_event_data': {'check_state_name': 'Reporting Error', 'check_name': 'Home page'}},
     'Reporting Error: Home page', ''),
    ({'AppName': 'GoAlert', 'Type': 'AlertBundle', 'ServiceName': 'Payments', 'Count': 6}, 'AlertBundle: Payments', ''),
    ({'account_name': 'Acme', 'kind': 'update', 'result': 'failed'}, 'update failed', ''),
    # A title or a name, rather than a reason: Radarr
    ({'eventType': 'MovieFileDelete', 'movie': {'title': 'Marley & Me'}, 'deleteReason': 'missingFromDisk'},
     'MovieFileDelete: Marley & Me', ''),
    ({'eventType': 'file_delete', 'file': {'name': 'Marley & Me'}, 'deleteReason': 'missingFromDisk'},
     'file_delete: Marley & Me', ''),
    ({'eventType': 'build_stop', 'projectName': 'Shop', 'stopReason': 'quota exceeded'}, 'build_stop: quota exceeded (Shop)', ''),
    ({'eventType': 'scan_block', 'srcIp': '10.0.0.1', 'blockReason': 'port scan'}, 'scan_block: port scan (10.0.0.1)', ''),
    # An id, if nothing else says what an event of a kind concerns: Jira, Square
    ({'eventName': 'moved', 'item': {'id': 'a7c9', 'key': 'SEC-7'}}, 'moved: SEC-7', ''),
    ({'eventName': 'moved', 'item': {'number': 4711, 'id': 'SEC-7'}}, 'moved: SEC-7', ''),
    ({'eventName': 'moved', 'item': {'deviceId': 'sensor-12', 'id': 'a7c9'}}, 'moved: a7c9', ''),
    ({'eventName': 'moved', 'item': {'deviceId': 'sensor-12'}}, 'moved: sensor-12', ''),
    ({'eventName': 'moved', 'item': {'id': 'uZ2hybAFPWww8Z1TpZDO6uBpsorLG'}}, 'moved', ''),
    ({'eventName': 'moved', 'item': {'id': '5f2504e0-4f89-11d3-9a0c-0305e82c3301'}}, 'moved', ''),
    # An address, if there is nothing else: Cloudinary
    ({'notification_type': 'upload', 'format': 'jpg', 'url': 'https://u:p@img.example.com/demo/cat.jpg?sig=x#y', 'width': 7},
     'upload: img.example.com/demo/cat.jpg', ''),
    ({'url': 'https://img.example.com/demo/cat.jpg', 'width': 7}, '', ''),
    # The only member: SparkPost, StackRox, RevenueCat
    ({'msys': {'message_event': {'type': 'bounce', 'subject': 'Your order', 'timestamp': '1795510800'}}},
     'bounce: Your order', NINE),
    ({'alert': {'id': 'f3', 'policy': {'name': 'Privileged container'}, 'violations': [{'message': 'Container x is privileged'}],
                'time': NINE}}, 'Container x is privileged', NINE),
    ({'event': {'type': 'BILLING_ISSUE', 'store': 'APP_STORE', 'app_id': '1234567890'}}, 'BILLING_ISSUE', ''),
    ({'a': {'b': {'c': {'d': {'e': {'f': {'type': 'too_deep'}}}}}}}, '', ''),
    ({'component': {'status': 'under_maintenance', 'name': 'Database'}}, 'under_maintenance: Database', ''),
    # Messages of chats: Mattermost, Webex
    ({'category': 'chat', 'attachments': [{'fallback': 'Build 7 of shop failed', 'pretext': 'Build of shop'}]},
     'chat: Build 7 of shop failed', ''),
    ({'category': 'chat', 'attachments': [{'pretext': 'Build of shop has failed', 'color': '#f00'}]},
     'chat: Build of shop has failed', ''),
    ({'category': 'chat', 'markdown': '**Disk full** on db-1', 'roomId': 'Y2lz'}, '**Disk full** on db-1', ''),
    ({'category': 'chat', 'markdown': 'a detail', 'pretext': 'Build of shop has failed', 'color': '#f00'},
     'Build of shop has failed', ''),
    # No id, no program and no tag
    ({'event': 'login', 'agent': 'Mozilla/5.0 (X11; Linux x86_64)', 'ip': '10.0.0.1'}, 'login: 10.0.0.1', ''),
    ({'event': 'login', 'resource': 'kJ2mN4pQ6rS8tU0v', 'user': 'alice'}, 'login: alice', ''),
    ({'event': 'login', 'resource': 'kJ2mN4p', 'user': 'alice'}, 'login: kJ2mN4p (alice)', ''),
    ({'name': 'kJ2mN4pQ6rS8tU0v', 'title': 'Disk full'}, 'Disk full', ''),
    ({'name': 'Mozilla/5.0 (X11; Linux x86_64)', 'title': 'Disk full'}, 'Disk full', ''),
    ({'item': {'id': 12345}}, '', ''),
    ({'summaryMessage': '<b>CPU</b> of shop is<br/>high', 'x': 1}, 'CPU of shop is high', ''),
    ({'title': 'CPU <90 % >80 % </p>'}, 'CPU <90 % >80 %', ''),
    ({'title': 'Login of <alice> has failed'}, 'Login of <alice> has failed', ''),
    # A kind that only another object names
    ({'lock': {'eventName': 'forced'}, 'host': 'door-7'}, 'forced: door-7', ''),
    ({'lock': {'eventType': 'forced'}, 'host': 'door-7'}, 'forced: door-7', ''),
    ({'pump': {'status': 'stopped'}, 'host': 'plc-7'}, 'stopped: plc-7', ''),
    ({'pump': {'state': 'stopped'}, 'host': 'plc-7'}, 'stopped: plc-7', ''),
    ({'check': {'state_name': 'unreachable'}, 'host': 'plc-7'}, 'unreachable: plc-7', ''),
    ({'check': {'checkStateName': 'unreachable'}, 'host': 'plc-7'}, 'unreachable: plc-7', ''),
    ({'pump': {'state': 'stopped', 'eventType': 'fault'}, 'host': 'plc-7'}, 'fault: plc-7', ''),
    # Where to look
    ({'category': 'network', 'payload': {'title': 'Queue is full'}}, 'Queue is full', ''),
    ({'category': 'network', 'detail': {'title': 'Bucket is public', 'created': NINE}}, 'Bucket is public', NINE),
    ({'category': 'network', 'alerts': [{'title': 'Login failed often'}]}, 'Login failed often', ''),
    ({'category': 'network', 'events': [{'title': 'Login failed often'}]}, 'Login failed often', ''),
    ({'category': 'network', 'findings': [{'title': 'Port 22 is open'}]}, 'Port 22 is open', ''),
    ({'category': 'network', 'incidents': [{'title': 'Payments fail'}]}, 'Payments fail', ''),
    ({'category': 'network', 'records': [{'title': 'Firewall rule was added'}]}, 'Firewall rule was added', ''),
    ({'category': 'network', 'messages': [{'title': 'Mail was blocked'}]}, 'Mail was blocked', ''),
    ({'category': 'network', 'message': {'title': 'Mail was blocked'}}, 'Mail was blocked', ''),
    ({'category': 'network', 'msg': {'title': 'Update has failed'}}, 'Update has failed', ''),
    ({'category': 'network', 'body': {'title': 'Update has failed'}}, 'Update has failed', ''),
    ({'metadata': {'created': NINE}, 'title': 'Pod was evicted'}, 'Pod was evicted', NINE),
    ({'category': 'network', 'formResponse': {'title': 'Report of a lost badge'}}, 'Report of a lost badge', ''),
    ({'category': 'network', 'payload': {'incident': {'title': 'Payments fail'}}}, 'Payments fail', ''),
    ({'category': 'network', 'detail': {'findings': [{'title': 'Port 22 is open'}]}}, 'Port 22 is open', ''),
    ({'category': 'network', 'event': {'data': {'title': 'Port 22 is open'}}}, 'Port 22 is open', ''),
    ({'category': 'network', 'msg': {'data': {'title': 'Update has failed'}}}, 'Update has failed', ''),
    ({'category': 'network', 'body': {'data': {'title': 'Update has failed'}}}, 'Update has failed', ''),
    ({'category': 'network', 'properties': {'alert': {'title': 'CPU is high'}}}, 'CPU is high', ''),
    ({'category': 'network', 'protoPayload': {'resource': {'title': 'Key was created'}}}, 'Key was created', ''),
    ({'definition': {'title': 'Weekly'}, 'alert': {'title': 'Mails bounce'}}, 'Mails bounce', ''),
    ({'formresponse': {'alert': {'title': 'Weekly'}}, 'data': {'alert': {'title': 'Mails bounce'}}}, 'Mails bounce', ''),
    ({'category': 'network', 'events': {'data': 1}, 'incident': {'title': 'Payments fail'}}, 'Payments fail', ''),
    ({'category': 'network', 'event': {'title': 'A port was opened', 'created': NINE}}, 'A port was opened', NINE),
    ({'category': 'network', 'action': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'category': 'network', 'attributes': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'category': 'network', 'item': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'category': 'network', 'eventData': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'category': 'network', 'protoPayload': {'title': 'A key was created'}}, 'A key was created', ''),
    ({'category': 'network', 'data': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'category': 'network', 'rule': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'category': 'web', 'issue': {'title': 'TypeError in cart', 'created': NINE}}, 'TypeError in cart', NINE),
    ({'formResponse': {'alert': {'title': 'A badge was lost'}}, 'category': 'form'}, 'A badge was lost', ''),
    # What an object inside says became of something: Apify, Fivetran, Render, Semaphore, Shortcut
    ({'eventType': 'ACTOR.RUN', 'createdAt': NINE, 'resource': {'status': 'ABORTED', 'statusMessage': 'Out of memory'}},
     'ACTOR.RUN ABORTED: Out of memory', NINE),
    ({'event': 'sync_end', 'created': NINE, 'connector_name': 'shop_db', 'data': {'status': 'FAILURE_WITH_TASK'}},
     'sync_end FAILURE_WITH_TASK: shop_db', NINE),
    ({'type': 'deploy_ended', 'timestamp': NINE, 'data': {'id': 'evj-1', 'serviceName': 'shop', 'status': 'failed'}},
     'deploy_ended failed: shop', NINE),
    ({'version': '1.0.0', 'project': {'name': 'shop'}, 'pipeline': {'name': 'Deploy', 'state': 'done', 'result': 'failed'}},
     'failed: shop', ''),
    ({'changed_at': NINE, 'version': 'v1', 'actions': [{'entity_type': 'story', 'action': 'delete', 'name': 'Print receipts'}]},
     'delete: Print receipts', NINE),
    ({'event': 'comment', 'ticket': {'subject': 'Cannot log in', 'status': 'closed'}}, 'Cannot log in', ''),
    ({'event': 'build', 'build': {'status': 'aborted'}, 'branch': 'main', 'project_name': 'shop'}, 'build aborted: shop', ''),
    ({'event': 'build', 'result': 'passed', 'build': {'status': 'aborted'}, 'project_name': 'shop'},
     'build passed: shop', ''),
    ({'event': 'build', 'jobs': [{'status': 'failed'}, {'status': 'passed'}], 'project_name': 'shop'}, 'build failed: shop',
     ''),
    ({'status': 'firing', 'alerts': [{'status': 'resolved', 'name': 'Latency'}]}, 'firing: Latency', ''),
    ({'build': {'status': 'success', 'project_name': 'octo/shop', 'message': 'Mend the cart', 'committer': 'alice'}},
     'success: octo/shop', ''),
    # The thing that a text is about: Atera, Auvik, SAP Alert Notification, Squadcast, Honeybadger, Sentry's older alerts,
    # Detectify, AlertifyPro, Cronitor, Laravel Forge, Contrast, Coolify, Heroku, dbt, PlanetScale, Buildkite's packages, Shipper,
    # Thinkst
    ({'AlertMessage': 'Disk C is full', 'DeviceName': 'desk-7', 'CustomerName': 'Acme'}, 'Disk C is full (desk-7)', ''),
    ({'alertName': 'Interface is down', 'entityName': 'core-sw-1', 'entityType': 'device', 'companyName': 'Acme'},
     'Interface is down (core-sw-1)', ''),
    ({'subject': 'Memory is low', 'category': 'ALERT', 'resource': {'resourceName': 'shop', 'resourceType': 'application'}},
     'Memory is low (shop)', ''),
    ({'event_type': 'incident_acknowledged', 'message': 'Checkout is slow', 'service': {'id': '5d', 'name': 'Payments'}},
     'incident_acknowledged: Checkout is slow (Payments)', ''),
    ({'event': 'occurred', 'message': 'TypeError: cart is null', 'project': {'id': 7, 'name': 'Shop'}},
     'occurred: TypeError: cart is null (Shop)', ''),
    ({'project': 'shop', 'project_name': 'Shop front', 'culprit': 'cart.add', 'level': 'error', 'message': 'Cart is null'},
     'Cart is null (Shop front)', ''),
    ({'event': 'finding.created', 'payload': {'title': 'Cross site scripting', 'domain': 'shop.example.com'}},
     'finding.created: Cross site scripting (shop.example.com)', ''),
    ({'event': 'monitor.down', 'data': {'monitor': {'id': 'm1', 'name': 'Home page'}, 'alert': {'reason': 'HTTP 503'}}},
     'monitor.down: HTTP 503 (Home page)', ''),
    ({'id': 'a1', 'monitor': 'Nightly backup', 'description': 'It has not run for 25 hours'},
     'It has not run for 25 hours (Nightly backup)', ''),
    ({'status': 'failed', 'server': {'id': 7, 'name': 'web-1'}, 'site': {'name': 'shop.example.com'}, 'commit_message': 'Mend'},
     'failed: web-1 (shop.example.com)', ''),
    ({'applicationName': 'Shop', 'eventType': 'NEW_VULNERABILITY', 'title': 'SQL injection'},
     'SQL injection (Shop)', ''),
    ({'event': 'backup_failed', 'message': 'No space is left', 'database_name': 'orders', 'success': False},
     'backup_failed: No space is left (orders)', ''),
    ({'action': 'create', 'resource': 'dyno', 'data': {'app': {'name': 'shop'}, 'command': 'ls'}}, 'create: dyno (shop)', ''),
    ({'eventType': 'job.run.cancelled', 'webhookName': 'ours', 'data': {'projectName': 'Shop', 'jobName': 'Nightly'}},
     'job.run.cancelled: Shop (Nightly)', ''),
    ({'event': 'branch.anomaly', 'organization': 'acme', 'database': 'orders', 'resource': {'type': 'Branch'}},
     'branch.anomaly: orders', ''),
    ({'event': 'package.created', 'message': 'left-pad-1.3.0.tgz is there', 'package': {'name': 'Left Pad'}},
     'package.created: left-pad-1.3.0.tgz is there (Left Pad)', ''),
    ({'title': 'Package Published', 'package': 'my-crate', 'version': '1.2.3', 'success': True},
     'Package Published (my-crate)', ''),
    ({'Description': 'Port scan', 'CanaryName': 'hq-1', 'AlertType': 'CanaryIncident'}, 'Port scan (hq-1)', ''),
    ({'title': 'Disk is full', 'host': 'db-1.example.com', 'text': 'Free space: 0 %'}, 'Disk is full (db-1.example.com)', ''),
    ({'title': 'Disk of db-1 is full', 'host': 'db-1.example.com'}, 'Disk of db-1 is full', ''),
    ({'title': 'The web server is down', 'host': 'web.example.com'}, 'The web server is down (web.example.com)', ''),
    # A sentence, rather than a part of it, the title of a quote or no more than the kind: Thinkst, Rocket.Chat, Flock, Instana
    ({'Description': 'SSH Login Attempt', 'Intro': 'SSH Login Attempt has been detected at hq-1', 'AlertType': 'CanaryIncident'},
     'SSH Login Attempt has been detected at hq-1', ''),
    ({'text': 'Bob shared a file with you', 'attachments': [{'title': 'Rocket.Chat'}]}, 'Bob shared a file with you', ''),
    ({'notification': 'Bob added a task to Home', 'text': '', 'attachments': [{'title': 'Reminder'}]},
     'Bob added a task to Home', ''),
    ({'text': 'Bob has shared a file', 'notification': 'Bob did share a file', 'attachments': []}, 'Bob has shared a file', ''),
    ({'state': 'OPEN', 'title': 'Latency is high', 'text': 'Latency is high on auth'}, 'Latency is high on auth', ''),
    ({'event_type': 'login_failed', 'message': 'Login failed', 'user': 'alice'}, 'login_failed: alice', ''),
    # An object may have a short name, and a text may contain another in other letters
    ({'title': 'The disk is full', 'host': 'db1'}, 'The disk is full (db1)', ''),
    ({'event': 'login.failed', 'user': 'bob', 'ip': '10.0.0.1'}, 'login.failed: bob (10.0.0.1)', ''),
    ({'event': 'scan.done', 'device': {'name': 'fw1'}, 'user': 'alice'}, 'scan.done: fw1 (alice)', ''),
    ({'event': 'file.moved', 'targetPath': f'/srv/{"x" * 46}/plan.xlsx'}, f'file.moved: …rv/{"x" * 46}/plan.xlsx', ''),
    ({'event': 'pull', 'image': 'registry.example.com/shop/cart-with-a-long-name:2026-11-24-build-4711'},
     'pull: registry.example.com/shop/cart-with-a-long-name:2026-11-24-build-4711', ''),
    # More objects, and more of what happened: JumpCloud, Vade, Netskope, StackRox
    ({'event_type': 'admin_login_attempt', 'initiated_by': {'email': 'ann@example.com'}, 'service': 'radius'},
     'admin_login_attempt: ann@example.com (radius)', ''),
    ({'status': 'MALWARE', 'to': 'ann@example.com', 'attachments': [{'filename': 'a.docx'}]}, 'MALWARE: ann@example.com', ''),
    ({'event': 'door.opened', 'user': {'first_name': 'Alice', 'last_name': 'Ng', 'id': 7}}, 'door.opened: Alice Ng', ''),
    ({'event': 'door.opened', 'owner': {'givenName': 'Alice', 'surname': 'Ng'}}, 'door.opened: Alice Ng', ''),
    ({'event': 'door.opened', 'owner': {'familyName': 'Ng', 'firstName': 'Alice'}}, 'door.opened: Alice Ng', ''),
    ({'event': 'door.opened', 'owner': {'surname': 'Ng', 'lastName': 'Wu', 'givenName': 'Alice', 'firstName': 'Al'}},
     'door.opened: Al Wu', ''),
    ({'type': 'created', 'site': 'Berlin 2', 'owner': 'ann'}, 'created: ann (Berlin 2)', ''),
    ({'type': 'created', 'entity': 'vm-7', 'owner': 'ann'}, 'created: vm-7 (ann)', ''),
    ({'type': 'check', 'location': 'https://shop.example.com/cart?x=1'}, 'check: shop.example.com/cart', ''),
    ({'type': 'created', 'domain': 'docker', 'owner': 'ann'}, 'created: ann', ''),
    ({'event_type': 'scan_found', 'top_issue_name': 'SQL injection', 'message': 'See below'}, 'scan_found: SQL injection', ''),
    ({'category': 'network', 'rule': 'Port scan from outside', 'src_ip': '10.0.0.1'}, 'Port scan from outside (10.0.0.1)',
     ''),
    ({'category': 'admin', 'auditLogEvent': 'Changed a policy', 'user': 'ann'}, 'Changed a policy (ann)', ''),
    ({'type': 'admin', 'activity': 'Edited a policy', 'auditLogEvent': 'Edited it', 'user': 'ann'}, 'Edited a policy (ann)', ''),
    ({'type': 'nspolicy', 'activity': 'Upload', 'user': 'ann'}, 'nspolicy: ann', ''),
    ({'category': 'host', 'violations': [{'message': 'Container x is privileged'}]}, 'Container x is privileged', ''),
    # Who did it or to whom it happened, after a text that does not say it: Push Security, Zero Networks, Mailmodo, SentinelOne
    *(({'message': 'A mail was read', key: 'ann@example.com'}, 'A mail was read (ann@example.com)', '') for key in (
        'user', 'username', 'user_email', 'email', 'actor', 'targetUser', 'performed_by', 'initiated_by', 'changed_by',
        'affectedEmployee', 'sourceUserName', 'onBehalfOfUser', 'recipient_email')),
    ({'message': 'A mail was read', 'email': 'ann@example.com', 'user': 'ann'}, 'A mail was read (ann)', ''),
    ({'message': 'A mail was read', 'remoteUser': 'bob', 'srcUsername': 'ann'}, 'A mail was read (ann)', ''),
    ({'message': 'A mail was read', 'actors': {'user': {'name': 'ann'}}}, 'A mail was read (ann)', ''),
    ({'message': 'A mail was read by Ann', 'user': 'ann', 'email': 'x@example.com'}, 'A mail was read by Ann', ''),
    ({'message': 'A mail was read', 'author': 'ann'}, 'A mail was read', ''),
    *(({'event': 'login', key: 'ann', 'a': {'name': 'Mug'}}, 'login: ann', '') for key in (
        'username', 'user_email', 'actor', 'targetUser')),
    ({'event': 'login', 'affectedEmployee': 'ann'}, 'login: ann', ''),
    # A failure before the event's own name, but not in the form of an envelope: Ansible
    ({'name': 'Nightly backup', 'status': 'failed', 'finished': NINE}, 'failed: Nightly backup', NINE),
    ({'name': 'Nightly backup', 'type': 'Failed backup'}, 'Nightly backup', ''),
    ({'name': 'Nightly backup', 'status': 'failed', 'user': 'ann', 'occurred': NINE}, 'Nightly backup', NINE),
    # A kind by the last words of a key, a file before a person, and a text after a rule without an object: Zscaler, BeyondTrust,
    # Forcepoint, AppOmni
    ({'auditOperationType': 'Sign In', 'objectName': 'Console', 'user': 'ann'}, 'Sign In: Console (ann)', ''),
    ({'incidentType': 'Detection', 'entity': 'vm-7'}, 'Detection: vm-7', ''),
    ({'action': 'shared', 'filename': 'plan.xlsx', 'user': 'ann'}, 'shared: plan.xlsx (ann)', ''),
    ({'rule_name': 'Application installed', 'message': 'Ann has installed Acme', 'x': 1},
     'Application installed: Ann has installed Acme', ''),
    ({'rule_name': 'Application installed', 'message': 'Ann has installed Acme', 'host': 'db1'},
     'Application installed (db1)', ''),
    # The computer at the end: Digital Guardian, SentinelOne, Orca
    *(({'message': 'Mimikatz runs', key: 'desk-7'}, 'Mimikatz runs (desk-7)', '') for key in (
        'computerName', 'endpoint.name', 'asset_name')),
    # What is left out or cut: the reason of an item, texts of custom fields, a text that repeats the kind, the end of a long text
    ({'event': 'order.held', 'order': 'A-17', 'lines': [{'reason': 'Out of stock'}], 'user': 'ann'}, 'order.held: ann', ''),
    ({'event': 'asset.moved', 'custom_fields': {'text': 'Bought in May'}}, 'asset.moved', ''),
    ({'event_type': 'USER.CREATED', 'summary': 'A user was created', 'user': {'email': 'ann@example.com'}},
     'USER.CREATED: ann@example.com', ''),
    ({'event': 'scan.failed', 'message': 'x y' * 60, 'host': 'db1'}, f'scan.failed: {("x y" * 60)[:130]}… (db1)', ''),
    ({'event': 'login', 'host': '-', 'user': 'a', 'ip': '10.0.0.1'}, 'login: 10.0.0.1', ''),
    ({'title': 'Mass Login Failures', 'message': "Mass login failures for user 'ann'", 'x': 1},
     "Mass login failures for user 'ann'", ''),
    # A person's name and position are no texts: HookPress, Greenhouse
    ({'hook': 'user_register', 'display_name': 'Alice Ng', 'user_email': 'a@example.com'}, 'user_register: a@example.com', ''),
    ({'action': 'hire', 'candidate': {'first_name': 'Alice', 'last_name': 'Ng', 'title': 'Head of IT'}}, 'hire: Alice', ''),
    # What is deeper in the event, or under another spelling of `name`: OpenProject, Mailchimp, StatusCake, Groove,
    # Discourse, Freshservice, GoAlert
    ({'action': 'time_entry:created', 'time_entry': {'id': 2, '_embedded': {'work': {'subject': 'Mend the cart'}}}},
     'time_entry:created: Mend the cart', ''),
    ({'eventName': 'cleaned', 'email_address': 'a@example.com', 'list_name': 'News'}, 'cleaned: a@example.com', ''),
    ({'type': 'customer.created', 'data': {'object': {'customer': {'email_address': 'a@example.com', 'family_name': 'Ng'}}}},
     'customer.created: a@example.com', ''),
    ({'Name': 'Home page', 'Status': 'Down', 'StatusCode': '0', 'Method': 'Website'}, 'Down: Home page', ''),
    ({'kind': 'note', 'plain_text_body': 'The printer is on fire'}, 'note: The printer is on fire', ''),
    ({'post': {'id': 7, 'username': 'alice', 'topic_title': 'How do I log in'}}, 'How do I log in (alice)', ''),
    ({'kind': 'note', 'ticket_description': 'The printer is on fire'}, 'note: The printer is on fire', ''),
    ({'kind': 'status', 'LogEntry': 'Closed by the API'}, 'status: Closed by the API', ''),
    ({'type': 'check.down', 'check': {'token': 'n8', 'url': 'https://shop.example.com'}}, 'check.down: shop.example.com', ''),
    ({'type': 'moderation', 'link': 'https://shop.example.com/review/7'}, 'moderation: shop.example.com/review/7', ''),
    ({'type': 'moderation', 'link': 'https://a.example.com', 'url': 'https://b.example.com'}, 'moderation: b.example.com', ''),
    # A form with a single field: Dropbox Sign, Desk.com
    ({'json': '{"event": {"event_type": "signature_request_declined"}, "signature_request": {"title": "NDA of Acme"}}'},
     'signature_request_declined: NDA of Acme', ''),
    ({'data': "Case 2 was updated. <a href='https://x.example.com'>See</a>"}, 'Case 2 was updated. See', ''),
    ({'data': 'x7'}, '', ''), ({'data': 'Disk is full'}, 'Disk is full', ''), ({'data': 'Disk full'}, '', ''),
    # The time
    ({'EventTime': '2026-11-24 10:00:00', 'UtcTime': '2026-11-24 09:00:00.123', 'title': 'A driver was loaded'},
     'A driver was loaded', '2026-11-24T09:00:00.123000Z'),
    ({'title': 'A driver was loaded', 'createdDateTime': NINE}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'trigger_time': NINE}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'event_ts': 1795510800}, 'A driver was loaded', NINE),
    ({'title': 'Load is high', 'alert': {'time': NINE}, 'metadata': {'time': EIGHT}}, 'Load is high', NINE),
    # The time of a change: Shortcut, Front and Salesforce have the first three
    ({'id': 'e1', 'changed_at': NINE, 'version': 'v1', 'member_id': 'm1'}, '', NINE),
    ({'type': 'assign', 'emitted_at': 1795510800, 'conversation': {'subject': 'Cannot log in'}}, 'assign: Cannot log in', NINE),
    ({'CaseNumber': '7', 'Subject': 'Cannot log in', 'CreatedDate': NINE}, 'Cannot log in', NINE),
    ({'name': 'kustomer.customer.update', 'data': {'updatedAt': NINE, 'createdOn': EIGHT}}, 'kustomer.customer.update', NINE),
    *(({'title': 'A card was moved', key: NINE, 'changed_at': EIGHT}, 'A card was moved', NINE) for key in (
        'firedAt', 'startedAt', 'createdTime', 'updatedOn', 'sentAt')),
    # A time with a zone, which Zabbix and PRTG leave out: Airlock, Trellix, Ansible
    *(({'title': 'A driver was loaded', key: NINE, 'updated_at': EIGHT}, 'A driver was loaded', NINE) for key in (
        'datetime', 'eventDate', 'finished')),
    ({'title': 'A driver was loaded', 'datetime': '2026-11-24 10:00:00'}, 'A driver was loaded', ''),
    ({'title': 'A driver was loaded', 'finished': EIGHT, 'datetime': NINE}, 'A driver was loaded', NINE),
    # Unix times: osquery, Brevo
    ({'title': 'A driver was loaded', 'unixTime': 1795510800, 'updated_at': EIGHT}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'ts_epoch': 1795510800000}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'header': {'unixTime': 1795510800}}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'event_data': {'updated_at': NINE}}, 'A driver was loaded', NINE),
    # Where a time is: WhatsApp has one in the first of its messages, Elasticsearch in `_source`, Slack in an attachment
    ({'title': 'A card was moved', 'action': {'date': NINE}}, 'A card was moved', NINE),
    ({'title': 'A card was moved', 'messages': [{'created': '1795510800'}]}, 'A card was moved', NINE),
    ({'title': 'A card was moved', '_source': {'@timestamp': NINE}}, 'A card was moved', NINE),
    ({'title': 'A card was moved', 'attachments': [{'ts': 1795510800}]}, 'A card was moved', NINE),
    # By the end of a key, and at the end of a problem the time of the end: Postmark, Cloudflare, GitHub
    ({'title': 'A mail has bounced', 'BouncedAt': NINE}, 'A mail has bounced', NINE),
    ({'title': 'A mail has bounced', 'data': {'EdgeEndTimestamp': NINE}}, 'A mail has bounced', NINE),
    ({'title': 'A mail has bounced', 'received_utc': NINE}, 'A mail has bounced', NINE),
    ({'title': 'A mail has bounced', 'received_utc': NINE, 'sent_time': EIGHT}, 'A mail has bounced', EIGHT),
    *(({'title': 'A mail has bounced', key: NINE}, 'A mail has bounced', '') for key in (
        'first_detected_at', 'last_detected_at', 'published_timestamp', 'creationTimestamp')),
    *(({'title': 'A key has leaked', 'state': 'resolved', 'created_at': EIGHT, key: NINE}, 'resolved: A key has leaked', NINE)
      for key in ('resolved_at', 'closedAt', 'recovered_at', 'clearedAt', 'ended_at', 'endsAt', 'end_time')),
    ({'title': 'A key has leaked', 'state': 'resolved', 'closed_at': EIGHT, 'resolved_at': NINE}, 'resolved: A key has leaked',
     NINE),
    ({'title': 'A key has leaked', 'state': 'active', 'created_at': EIGHT, 'resolved_at': NINE}, 'A key has leaked', EIGHT),
    # In any other object, or the first of a list: LINE, Papertrail, Mailgun; of a change in what the kind names: OpenProject.
    # A monitor or a customer may have been changed long ago
    ({'destination': 'U1', 'events': [{'type': 'message', 'timestamp': 1795510800000, 'message': {'text': 'Hello to you'}}]},
     'Hello to you', NINE),
    ({'events': [{'received_at': NINE, 'program': 'cron', 'message': 'Job is late'}], 'max_id': '7'}, 'Job is late', NINE),
    ({'signature': {'timestamp': '1795510800'}, 'title': 'A mail has bounced'}, 'A mail has bounced', NINE),
    ({'title': 'A card was moved', 'snapshot': {'time': NINE}}, 'A card was moved', NINE),
    ({'title': 'A card was moved', 'snapshot': {'time': EIGHT, 'timestamp': NINE}}, 'A card was moved', NINE),
    ({'title': 'A card was moved', 'snapshot': {'event_time': NINE}}, 'A card was moved', NINE),
    ({'event_name': 'item:completed', 'event_data': {'item': {'updated_at': NINE, 'content': 'Buy milk'}}, 'version': '9'},
     'item:completed: Buy milk', ''),
    *(({'title': 'A card was moved', 'monitor': {key: NINE}}, 'A card was moved', '') for key in ('created_at', 'updated_at')),
    ({'title': 'A card was moved', 'last_alert': {'timestamp': NINE}}, 'A card was moved', ''),
    ({'title': 'A card was moved', f'{"x" * 40} last alert': {'timestamp': NINE}}, 'A card was moved', NINE),  # no key is so long
    ({'event': 'ticket.updated', 'ticket': {'subject': 'A door is open', 'created_at': NINE}}, 'ticket.updated: A door is open',
     ''),
    ({'event': 'card.updated', 'a': {'updated_at': NINE}, '_': {'updated_at': NINE}}, 'card.updated', ''),
    # A text that repeats the kind is left out, but then not the kind
    ({'type': 'payment failed', 'title': 'Payment failed', 'message': 'Ask the bank'}, 'payment failed: Ask the bank', ''),
    ({'type': 'DISK_FULL', 'title': 'Disk full', 'message': 'Ask the owner'}, 'DISK_FULL: Ask the owner', ''),
    # A text without the words of English does not repeat the kind
    ({'event': 'disk.alarm', 'message': '\u78c1\u76d8\u5df2\u6ee1'}, 'disk.alarm: \u78c1\u76d8\u5df2\u6ee1', ''),
    ({'event': 'alarm_closed', 'message': 'Alarm \u0437\u0430\u043a\u0440\u044b\u0442'},
     'alarm_closed: Alarm \u0437\u0430\u043a\u0440\u044b\u0442', ''),
    ({'event': 'alarm_closed', 'message': 'A, B, C'}, 'alarm_closed: A, B, C', ''),
    ({'author': 'alice', 'message': 'Remove a file', 'revision': 3, 'time': '2026/11/24 09:00:00 +0000'}, 'Remove a file', NINE),
    *(({'title': 'A card was moved', place: {'created_at': NINE, 'updated_at': NINE}}, 'A card was moved', '') for place in (
        'repository', 'project', 'user', 'account', 'organization')),
    # A change, an end or an outage before what only names the monitor or the rule: HetrixTools, System Center, LogicMonitor
    ({'monitor_name': 'Shop home page', 'monitor_status': 'offline', 'timestamp': NINE}, 'offline: Shop home page', NINE),
    ({'alertName': 'Backup is overdue', 'resolutionState': 'Closed'}, 'Closed: Backup is overdue', ''),
    ({'type': 'information', 'alertstatus': 'clear', 'host': 'web-1.example.com'}, 'clear: web-1.example.com', ''),
    # A kind inside that tells a failure is enough: Telnyx. Kinds of one word: Xero, Strava
    ({'data': {'event_type': 'fax.failed', 'payload': {'failure_reason': 'receiver_call_dropped', 'status': 'failed'}}},
     'fax.failed: receiver_call_dropped', ''),
    ({'events': [{'eventCategory': 'CREDITNOTE', 'eventType': 'CREATE'}]}, 'CREATE: CREDITNOTE', ''),
    ({'aspect_type': 'update', 'object_type': 'activity', 'updates': {'title': 'Morning ride'}}, 'update: Morning ride',
     ''),
    ({'action': 'delete', 'object_type': 'activity', 'eventCategory': 'SPORT'}, 'delete: SPORT', ''),
    ({'action': 'delete', 'object_type': 'sport_activity'}, 'delete: sport_activity', ''),
    # The thing at the end: SolarWinds, NinjaOne, Cisco SD-WAN, MongoDB Atlas, Gophish, WPSEC, Dependency-Track (deeper inside)
    ({'ActionType': 'Create', 'NodeName': 'edge-7.example.com', 'AlertMessage': 'CPU was busy.'},
     'CPU was busy. (edge-7.example.com)', ''),
    ({'activityTime': 1795510800.0, 'subject': 'High CPU usage', 'device': {'systemName': 'WS-0015', 'login': 'field-office'}},
     'High CPU usage (WS-0015)', NINE),
    ({'eventname': 'system-reboot-issued', 'message': 'The device rebooted'},
     'system-reboot-issued: The device rebooted', ''),
    ({'eventTypeName': 'OUTSIDE_METRIC_THRESHOLD', 'metricName': 'CONNECTIONS', 'status': 'OPEN', 'clusterName': 'orders'},
     'OUTSIDE_METRIC_THRESHOLD: CONNECTIONS (orders)', ''),
    ({'email': 'ann@example.com', 'message': 'Email Opened', 'time': NINE}, 'Email Opened (ann@example.com)', NINE),
    ({'domain': 'example.com', 'email': 'ann@example.com', 'message': 'Backup is done'}, 'Backup is done (ann@example.com)', ''),
    ({'domain': 'example.com', 'src_ip': '192.0.2.7', 'message': 'A port scan'}, 'A port scan (192.0.2.7)', ''),
    *(({'type': 'build', 'message': 'Deploy it', **failure}, f'{failure.get("status", "failed")}: Deploy it', '')
      for failure in ({'data': {'status': 'failed'}}, {'status': 'crashed', 'data': {'status': 'failed'}})),
    ({'event': 'push', 'message': 'An event was a push', 'user': 'ann'}, 'push: ann', ''),
    ({'event': 'deferred', 'email': 'ann@example.com', 'domain': 'example.com'}, 'deferred: ann@example.com', ''),
    ({'message': 'The disk is full', 'device': {'hostname': 'ws-17', 'login': 'field-office'}}, 'The disk is full (ws-17)', ''),
    ({'domain': 'example.com', 'status': 'in_progress'}, 'in_progress: example.com', ''),
    ({'notification': {'title': 'New Vulnerability Identified', 'subject': {'component': {'name': 'axis'}}}},
     'New Vulnerability Identified (axis)', ''),
    # What else an event concerns, and its time: Fleet, The Things Stack, ShipHero
    ({'timestamp': NINE, 'vulnerability': {'cve': 'CVE-2022-39348', 'cvss_score': 5.4}}, 'CVE-2022-39348', NINE),
    ({'webhook_type': 'Inventory Update', 'inventory': [{'sku': 'SKU-1'}]}, 'Inventory Update', ''),
    # A kind of one word, and what else there is: Thinkific, WireGuard Portal
    ({'resource': 'enrollment', 'action': 'created', 'payload': {'course': {'name': 'Webhooks at work'}}},
     'created: enrollment', ''),
    ({'event': 'update', 'entity': 'peer', 'resource': 'vpn', 'payload': {'DisplayName': 'Laptop of Ann'}},
     'Laptop of Ann (vpn)', ''),
    ({'event': {'object_type': 'lead', 'action': 'deleted', 'data': {'display_name': 'Acme'}}, 'subscription_id': 'w'},
     'deleted: Acme', ''),
    # What else names the kind: Plaid, Nextcloud, SIGN.PLUS, Inveterate, Refiner, ShipStation, Bitdefender (in JSON-RPC)
    ({'webhook_type': 'ITEM', 'webhook_code': 'NEW_ACCOUNTS_AVAILABLE', 'item_id': 'x'}, 'NEW_ACCOUNTS_AVAILABLE: ITEM', ''),
    ({'event': {'class': 'OCP\\Files\\Events\\Node\\NodeCreatedEvent', 'node': {'id': 7}}, 'user': {'displayName': 'Ann Ng'}},
     'OCP\\Files\\Events\\Node\\NodeCreatedEvent: Ann Ng', ''),
    ({'hook': {'event': 'envelope_completed'}, 'envelope': {'name': 'Lease'}}, 'envelope_completed: Lease', ''),
    ({'metadata': {'topic': 'customer.payment_failed'}, 'payload': {'customer': {'email': 'ann@example.com'}}},
     'customer.payment_failed: ann@example.com', ''),
    ({'action': 'update', 'resource': 'release', 'data': {'description': 'Deploy 1a2b3c', 'app': {'name': 'shop'}}},
     'Deploy 1a2b3c (shop)', ''),
    ({'uuid': 7, 'email': 'ann@example.com', 'triggered_event': 'Completed Survey'}, 'Completed Survey: ann@example.com', ''),
    ({'resource_type': 'BATCH_PROCESSED_V2', 'owner': 7}, 'BATCH_PROCESSED_V2', ''),
    ({'user_type': 'customer', 'content_type': 'text/plain', 'x': 'y'}, '', ''),
    ({'jsonrpc': '2.0', 'params': {'events': [{'exploit_type': 'AVC Blocked Exploit', 'computer_name': 'FC-7'}]}},
     'AVC Blocked Exploit: FC-7', ''),
    # Jamf
    ({'webhook': {'webhookEvent': 'ComputerPolicyFinished'}, 'event': {'username': 'mary.jones'}},
     'ComputerPolicyFinished: mary.jones', ''),
    # Sentences under the last words of keys: Highlight, M-Pesa. Who did it is not what it was done to: Documill
    ({'alertSummary': 'Red alert raised on link ADSL-7', 'alertNames': 'Cellular'}, 'Red alert raised on link ADSL-7', ''),
    ({'Body': {'stkCallback': {'ResultCode': 0, 'ResultDesc': 'The request was processed', 'Item': [{'Name': 'Amount'}]}}},
     'The request was processed', ''),
    ({'type': 'USER_DELETE_PENDING', 'actorName': 'Eve Example', 'tags': {'userEmail': 'ann@example.com'}},
     'USER_DELETE_PENDING: ann@example.com (Eve Example)', ''),
    ({'event': 'login', 'user': {'username': 'ann-ng'}, 'project_name': 'Shop'}, 'login: ann-ng (Shop)', ''),
    # A kind that has the host needs no address after it: Zabbix by a template of its user
    ({'hostname': 'www.example.com', 'trigger': 'Agent on www.example.com is up', 'link': 'https://zabbix.example.com/tr_events.php'},
     'Agent on www.example.com is up', ''),
    # What else is the subject: EmailOctopus, Docker's registry (deeper inside)
    ({'id': 7, 'type': 'contact.bounced', 'contact_email_address': 'ann@example.com'}, 'contact.bounced: ann@example.com', ''),
    ({'events': [{'action': 'pull', 'target': {'repository': 'hello-world'}}]}, 'pull: hello-world', ''),
    ({'alertDetails': 'Connection timeout', 'monitor_label': 'Web server'}, 'Connection timeout (Web server)', ''),
    ({'description': 'A buffer may overflow', 'package_name': 'openssl'}, 'A buffer may overflow (openssl)', ''),
    ({'authorization': {'action': 'networks/delete'}, 'host': 'gw-1'}, 'networks/delete: gw-1', ''),
    ({'pump': {'result': 'stopped'}, 'host': 'plc-7'}, 'stopped: plc-7', ''),
    ({'eventName': 'login', 'agent': {'hostname': 'desk-7'}, 'list_name': 'News'}, 'login: desk-7', ''),
    ({'door': {'topic': 'doors/forced', 'action': 'noted'}, 'host': 'plc-7'}, 'doors/forced: plc-7', ''),
    # Known exploited vulnerabilities, URLhaus, FortiGate, Corelight's notices, QRadar, Claroty
    ({'cveID': 'CVE-2021-44228', 'vulnerabilityName': 'Apache Log4j2 code execution', 'shortDescription': 'Log4j2 has a flaw',
      'dateAdded': NINE}, 'Apache Log4j2 code execution', NINE),
    ({'threat': 'malware_download', 'url_status': 'online', 'host': '192.0.2.7'}, 'online: malware_download (192.0.2.7)', ''),
    ({'attack': 'SQL injection attempt', 'devname': 'fw-1', 'srcip': '10.0.0.1'}, 'SQL injection attempt (10.0.0.1)', ''),
    ({'logdesc': 'SSL VPN login fail', 'msg': 'SSL user failed to log in', 'devname': 'fw-1', 'user': 'ann'},
     'SSL VPN login fail (ann)', ''),
    ({'eventtype': 'disk_full', 'devname': 'fw-1'}, 'disk_full: fw-1', ''),
    ({'msg': 'A file was written to a share', 'id.orig_h': '10.0.0.1'}, 'A file was written to a share (10.0.0.1)', ''),
    ({'service': 'tls', 'alert.signature': 'ET POLICY self-signed'}, 'ET POLICY self-signed (tls)', ''),
    ({'description': 'User login failed', 'offense_source': '10.0.0.1'}, 'User login failed (10.0.0.1)', ''),
    ({'title': 'Port 22 was probed', 'src': '10.0.0.1'}, 'Port 22 was probed (10.0.0.1)', ''),
    ({'title': 'Port 22 was probed', 'sourceIp': '10.0.0.1'}, 'Port 22 was probed (10.0.0.1)', ''),
    ({'user': 'ann', 'alert_info': {'alert_name': 'Device is out of support', 'status': 'Unresolved'}},
     'Unresolved: Device is out of support (ann)', ''),
    # Code42, Cato, Cloudflare's log: who did it, or from where
    ({'type$': 'audit_log::search_issued/1', 'actorName': 'Ann Ng', 'type': 'query', 'clientIp': '10.0.0.1'},
     'audit_log::search_issued/1: Ann Ng (10.0.0.1)', ''),
    ({'change_type': 'DELETED', 'model_name': 'Drive-by download', 'admin': 'ann@example.com', 'module': 'Allowed'},
     'DELETED: Drive-by download (ann@example.com)', ''),
    ({'action': 'blocked', 'ClientIP': '10.0.0.1', 'Description': 'XSS in a query'}, 'blocked: XSS in a query (10.0.0.1)', ''),
    # Blue Coat, Postmark, Tally, forms of PHP
    ({'data': [{'sc-filter-result': 'OBSERVED', 'cs-host': 'www.example.com'}]}, 'OBSERVED: www.example.com', ''),
    ({'RecordType': 'Bounce', 'From': 'shop@example.com', 'ServerID': 23}, 'Bounce: shop@example.com', ''),
    ({'eventType': 'FORM_RESPONSE', 'data': {'formName': 'Report a phishing mail'}}, 'Report a phishing mail', ''),
    ({'type': 'subscribe', 'data[email]': 'ann@example.com'}, 'subscribe: ann@example.com', ''),
    # Lemon Squeezy: another object names the kind of event more surely than the type of its data does
    ({'meta': {'event_name': 'order_created', 'event_type': 'order'}, 'data': {'type': 'orders', 'user_name': 'Ann'}},
     'order_created: Ann', ''),
    # StatusGator, Itylos: a kind that says that a status is another one
    ({'type': 'StatusChange', 'status': 'down', 'text': 'It is slow'}, 'StatusChange down: It is slow', ''),
    ({'type': 'updatedAlarmStatus', 'message': {'currentStatus': 'ARMED', 'user': {'name': 'Ann'}}},
     'updatedAlarmStatus ARMED: Ann', ''),
    ({'type': 'notification_event', 'topic': 'admin.logged_in', 'data': {'name': 'Bo'}}, 'admin.logged_in: Bo', ''),  # Intercom
    ({'event': 'alarm_status', 'status': 'sent', 'currentStatus': 'armed'}, 'alarm_status armed: sent', ''),
    ({'event': 'ticket.status_changed', 'new_status': 'On hold', 'status': 'sent'}, 'ticket.status_changed On hold: sent', ''),
    ({'event': 'door.state_changed', 'state': 'open'}, 'door.state_changed open', ''),
    ({'event': 'door.state_changed', 'state': {'name': 'open'}}, 'door.state_changed open', ''),
    # Square, Freshdesk, Instantly: an id for want of anything else, and whom a text concerns
    ({'event': 'order.created', 'order_id': 'BZ-51'}, 'order.created: BZ-51', ''),
    ({'event': 'invoice.sent', 'invoice_number': 'INV-7', 'store_id': 'shop-1'}, 'invoice.sent: INV-7', ''),
    ({'subject': 'The printer jams', 'requester_email': 'ann@example.com'}, 'The printer jams (ann@example.com)', ''),
    ({'event_type': 'email_bounced', 'campaign_name': 'Spring offer', 'lead_email': 'ann@example.com'},
     'email_bounced: Spring offer (ann@example.com)', ''),
    # BIG-IP, Bitdefender, Akamai, Route 53, PARAD, Deep Security's CEF, a hook of WordPress
    ({'policy_name': '/Common/shop', 'attack_type': 'Path traversal'}, 'Path traversal', ''),
    ({'computerName': 'desk-7', 'threatType': 'RANSOMWARE', 'module': 'network-sandboxing'}, 'RANSOMWARE (desk-7)', ''),
    ({'cpcAlertType': 'SENSITIVE_DATA_EXFILTRATION', 'cpcAlertStatus': 'OPEN', 'cpcAlertId': 'e1-b100'},
     'SENSITIVE_DATA_EXFILTRATION: e1-b100', ''),
    ({'alertType': 'Port scan', 'sensor': {'status': 'ready'}, 'host': 'db-1'}, 'Port scan: db-1', ''),
    ({'event_type': 'pre-merge', 'repository_id': 'shop', 'commit_metadata': {'key': 'x-7'}}, 'pre-merge: shop', ''),
    ({'query_name': 'evil.example.com', 'firewall_rule_action': 'BLOCK', 'query_type': 'PTR'}, 'BLOCK: evil.example.com', ''),
    ({'message': 'A process was killed', 'machine_name': 'desk-7'}, 'A process was killed (desk-7)', ''),
    ({'msg': 'A page was blocked', 'dvchost': 'web-1'}, 'A page was blocked (web-1)', ''),
    ({'hook': 'wp_login', 'user_login': 'ann', 'stream': 'wordpress'}, 'wp_login: ann', ''),
    # Tenable, Auth0: an address for want of anything else
    ({'pluginName': 'Weak TLS ciphers', 'ip': '10.0.0.1', 'description': 'The server accepts RC4.'},
     'Weak TLS ciphers (10.0.0.1)', ''),
    # Entra ID's sign-ins: the person before the address, Amazon SES: an address in any object
    ({'event': 'login', 'ipAddress': '192.0.2.7', 'session': {'userDisplayName': 'Ann Ng'}}, 'login: Ann Ng (192.0.2.7)', ''),
    ({'eventType': 'Open', 'open': {'ipAddress': '192.0.2.7', 'count': 7}}, 'Open: 192.0.2.7', ''),
    ({'type': 'audit', 'message': 'A guardian was enrolled', 'ipAddress': '192.0.2.7'}, 'A guardian was enrolled (192.0.2.7)',
     ''),
    # Greenhouse, Consul: a kind that says nothing gives way to the next
    ({'performer': {'meta': {'name': 'Ann Ng'}}, 'event': {'type': 'action', 'target_type': 'Global Email Added'}},
     'Global Email Added: Ann Ng', ''),
    ({'event_type': 'audit', 'payload': {'type': 'HTTPEvent', 'auth': {'description': 'Bootstrap Token'}}},
     'HTTPEvent: Bootstrap Token', ''),
    # Cronitor, Citrix' CEF: a rule of one word is followed by the text, too
    ({'rule': 'request_failed', 'monitor': 'Checkout', 'description': 'Your check has failed.'},
     'request_failed: Your check has failed. (Checkout)', ''),
    # Read the Docs, Sophos: nothing goes before a name but a failure
    ({'name': 'docs', 'event': 'build:triggered', 'build': '7'}, 'docs', ''),
    ({'name': 'Malware was removed', 'type': 'Event::Endpoint::Threat::CleanedUp'}, 'Malware was removed', ''),
    # Of two things, the one that the text does not contain
    *(({'message': 'The disk is full', key: {'name': 'db-1'}, 'src': '10.0.0.1'}, 'The disk is full (db-1)', '')
      for key in ('host', 'resource', 'computer')),
    ({'message': 'A buffer may overflow', 'package': 'openssl', 'src': '10.0.0.1'}, 'A buffer may overflow (openssl)', ''),
    ({'message': 'The disk is full', 'hostname': 'db-1', 'src': '10.0.0.1'}, 'The disk is full (db-1)', ''),
    ({'message': 'The disk was replaced', 'changedBy': 'bob', 'initiatedBy': 'ann'}, 'The disk was replaced (ann)', ''),
    ({'message': 'The disk is full', 'node_name': 'n-1', 'device_name': 'db-1'}, 'The disk is full (db-1)', ''),
    ({'message': 'A worm was stopped', 'dhost': 'pc-7', 'src': '10.0.0.1'}, 'A worm was stopped (pc-7)', ''),
    ({'type': 'login', 'resourceName': 'Portal', 'subjectName': 'john', 'src': '10.0.0.1'}, 'login: Portal (john)', ''),
    # The account of a system, and the sender itself, are nobody and nowhere
    *(({'message': 'The disk is full', key: value}, 'The disk is full', '') for key, value in (
        ('user_name', 'SYSTEM'), ('ip', '127.0.0.1'), ('host', 'localhost'))),
    # SilentDown, Bitpanda: neither the time of a check, nor a part of a GUID
    ({'event': 'monitor_down', 'checked_at': NINE, 'network_id': '2b6a-4522-977e-ea4d92c45e86'}, 'monitor_down', ''),
    # Tedee, balance custody: the number of a device
    ({'event': 'device-connection-changed', 'data': {'deviceId': 12345}}, 'device-connection-changed: 12345', ''),
    # Nextcloud: a class is a kind, however long
    ({'event': {'class': 'OCP\\Calendar\\Events\\CalendarObjectCreatedEvent', 'calendarId': 9}, 'user': {'displayName': 'Ann'}},
     'OCP\\Calendar\\Events\\CalendarObjectCreatedEvent: Ann', ''),
    # Expo, Husky: an event that reports an end occurred then
    *(({'title': 'A build', 'createdAt': EIGHT, key: NINE}, 'A build', NINE) for key in ('completedAt', 'finishedAt')),
    # Lokalise writes a local time, and the same as a Unix time
    ({'title': 'A task', 'created_at': '2026-11-24 11:00:00', 'created_at_timestamp': 1795510800}, 'A task', NINE),
    # Of two keys of one meaning, and of two objects or lists, the better one
    *(({worse: 'One of the', better: 'One of the texts', 'x': 1}, 'One of the texts', '') for words in (
        'title alerttitle eventtitle incidenttitle issuetitle findingtitle problemtitle headline '
        'alertname alertdisplayname alertrule alarmname incidentname detectionname threatname malwarename signature attackname '
        'rulename policyname modelname checkname searchname conditionname '
        'summary subject shortdescription displaymessage primarydescription message msg text description reason displayname info',
        'webhookevent alerttype operationname operation action type kind category eventid status',
        'category webhookcode webhooktype eventid recordtype changetype status state alert error result class')
      for better, worse in pairwise(words.split())),
    *(({worse: wrap({'title': 'The worse text'}), better: wrap({'title': 'The better one of the texts'})},
       'The better one of the texts', '')
      for wrap, words in (
          (dict, 'alert incident event data issue finding detection threat violation problem ticket case rule payload detail '
                 'details object resource properties attributes essentials context result'),
          (lambda item: [item], 'alerts events findings incidents value records messages'))
      for better, worse in pairwise(words.split())),
    *(({'title': 'A card was moved', worse: EIGHT, better: NINE}, 'A card was moved', NINE) for words in (
        'occurred occurredAt eventTime eventTimestamp timestamp time detectedAt createdAt created creationTime published '
        'startsAt firedDateTime date ts TimeGenerated', 'x_timestamp x_utc moved_at x_epoch',
        'created changed_at updatedAt modified_at modified_date dateModified modifiedOn updateTime lastUpdated triggered_at '
        'emitted_at createdOn createdDate dateCreated dateAdded received sentTime x_timestamp')
      for better, worse in pairwise(words.split())),
    *(({'event': event, f'x_{worse}': 'One of', f'x_{better}': 'One of both'}, name, '') for event, words, name in (
        ('moved', 'subject title message description summary desc output textbody entry reason', 'moved: One of both'),
        ('moved', 'name email emailaddress', 'moved: One of both'), ('moved', 'number id', 'moved: One of both'),
        ('', 'alerttype status result state event ruleaction operationtype incidenttype', 'One of both'))
      for better, worse in pairwise(words.split())),
    *(({'event': 'moved', worse: 'worse-1', better: 'better-1'}, 'moved: better-1 (worse-1)', '') for words in (
        'host hostname computername device resourcename resource repository repo project package cve image targetpath entity '
        'objectname filename cshost repositoryid', 'user username useremail email actor targetuser principalemail operator '
        'recipient owner emailaddress agent to from') for better, worse in pairwise(words.split())),
    *(({'message': 'The disk is full', worse: 'worse-1', better: 'better-1'}, 'The disk is full (better-1)', '') for words in (
        'host dvchost service check monitor database package', 'dhost actorname admin srcip sourceip src idorigh offensesource '
        'clientip ip ipaddress site') for better, worse in pairwise(words.split())),
    ({**dict.fromkeys(('title', 'alertTitle', 'eventTitle', 'incidentTitle'), ''), 'issueTitle': 'A card was moved'},
     'A card was moved', ''),
    ({**{f'a{number}': {'x': 1} for number in range(50)}, 'b': {'title': 'A card'}, 'event': 'moved'}, 'moved: A card', ''),
    # What is beside a text, or in its key, may say that it is about something else
    *(({'event': 'built', 'message': 'Mend the cart', key: 'x'}, 'built', '') for key in ('commit', 'commit_id', 'committer')),
    *(({'event': 'hired', 'title': 'Head of IT', key: 'Ng'}, 'hired', '') for key in ('first_name', 'last_name')),
    *(({'event': 'login', 'display_name': 'Alice Ng', 'user': 'ann', key: 'x'}, 'login: ann', '') for key in (
        'email', 'user_email', 'username', 'userPrincipalName')),
    *(({'event': 'push', key: 'Acme'}, 'push', '') for key in (
        'organizationName', 'accountName', 'commitMessage', 'actorEmployee', 'initiatorUser')),
    ({'event': 'login', 'userFirstName': 'Alice'}, 'login: Alice', ''),
    ({'event': 'IP_BLOCKED', 'message': 'IP blocked', 'user': 'ann'}, 'IP blocked (ann)', ''),
    *(({'message': 'The disk is full', f'service_{word}_name': 'Shop'}, 'The disk is full (Shop)', '') for word in (
        'full', 'friendly', 'display')),
    ({'event': 'login', 'very_long_prefix_of_the_username': 'bob'}, 'login: bob', ''),
    # Texts that say nothing, or no more than the kind
    *(({'title': word, 'message': 'The disk is full'}, 'The disk is full', '') for word in (
        'action', 'Audit', 'enabled', 'log', 'alerts', 'events', 'incidents', 'messages', 'notifications', 'webhook', 'default',
        'unknown', 'none', 'null', 'nil', 'undefined', 'n/a', 'string', 'object', 'Title', 'name', 'summary', 'Subject', 'text',
        'description', 'true', 'false', 'success', 'info', 'information', 'informational', 'warning', 'error', 'critical', 'high',
        'medium', '~~~~~')),
    ({'type': 'user.created', 'message': 'A user has been created', 'user': 'ann'}, 'user.created: ann', ''),
    ({'event': 'order.cancelled', 'message': 'Cancelling an order took long'}, 'Cancelling an order took long', ''),
    # What became of something
    *(({'name': 'Nightly backup', 'status': word, 'x': 1}, f'{word}: Nightly backup', '') for word in ('crashed', 'errored')),
    *(({'type': 'build', 'status': word, 'host': 'db-1'}, f'build {word}: db-1', '') for word in ('error', 'ok', 'succeeded')),
    ({'event': 'order.created', 'message': 'Order 17 created', 'x': 1}, 'Order 17 created', ''),
    # A number, if it is that of the kind
    ({'event': 'moved', 'id': 4711}, 'moved', ''), ({'event': 'invoice.sent', 'invoice_number': 4711}, 'invoice.sent: 4711', ''),
    ({'title': 'Disk full', 'message': 'x', 'msg': 'Disk full on it', 'text': 'Disk full on db-1'}, 'Disk full on db-1', ''),
    # Frontegg, Supabase, Logstash; the only item of a list; another kind
    *(({'title': 'The disk is full', key: 'resolve'}, 'resolve: The disk is full', '') for key in (
        'event_name', 'event_type', 'webhook_event')),
    ({'eventKey': 'user.signedUp', 'user': 'ann'}, 'user.signedUp: ann', ''),  # Frontegg
    ({'type': 'INSERT', 'table': 'orders', 'schema': 'shop'}, 'INSERT: orders', ''),
    ({'loggerName': 'main', 'logEvent': {'message': 'The disk is full'}}, 'The disk is full', ''),
    ({'type': 'email.bounced', 'to': ['ann@example.com']}, 'email.bounced: ann@example.com', ''),
    ({'type': 'email.bounced', 'to': ['ann@example.com', 'bob@example.com']}, 'email.bounced', ''),
    ({'title': ['prod'], 'message': 'The disk is full', 'host': ['db-1']}, 'The disk is full (db-1)', ''),
    ({'event': 'UserCreated', 'type': 'user.created'}, 'UserCreated', ''),
]


def read(payload: dict[str, Any]) -> tuple[str, str]:
    event = event_of(json.dumps(payload).encode())
    assert event.row is NO_ROW
    return event.name(), event.occurred(NOW)


@pytest.mark.parametrize(('payload', 'name', 'time'), EVENTS, ids=[json.dumps(payload) for payload, _, _ in EVENTS])
def test_an_event_of_a_sender_without_a_row_has_the_name_and_time_that_its_keys_say(
        payload: dict[str, Any], name: str, time: str) -> None:
    assert read(payload) == (name, time)


def test_a_key_that_is_like_a_kind_is_no_name_if_it_has_the_token() -> None:
    source = json.dumps({'sub': 7, 'events': {'secretAuthenticated': {'id': 7}}}).encode()
    assert event_of(source, {}, lambda text: 'secretAuthenticated' in text).name() == ''


def words_in(payload: Any, parent: str = '') -> Iterator[str]:
    """Yield the words of the keys in a payload, `rulename` for the `name` in a `rule`, and `rule` for `ruleName`."""
    for key, value in payload.items() if isinstance(payload, dict) else []:
        word = re.sub(r'[-_.:@ $#[\]]', '', key.lower())
        yield from (word, parent + word, re.sub('(name|label)$', '', word))
        yield from words_in(value[0] if isinstance(value, list) and value else value, word)


TRIAGE = {'severity', 'priority', 'log or mail', 'event id', 'windows log', 'end'}  # tried in test_triage
MEANINGS = [meaning for meaning in WORDS if meaning not in TRIAGE]


def forget_keys() -> None:
    places_of_word.cache_clear()
    keys_by_meaning.cache_clear()


def changed_by(meaning: str, words: list[str], payloads: list[dict[str, Any]]) -> bool:
    """Return whether one of the payloads is read in another way if a meaning has these words."""
    before = [read(payload) for payload in payloads]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GenericWebhook, 'PLACES', places_of({**WORDS, meaning: words}))
        forget_keys()
        after = [read(payload) for payload in payloads]
    forget_keys()
    return after != before


@pytest.mark.parametrize('meaning', MEANINGS)
def test_no_word_could_be_left_out_and_no_order_reversed_without_another_name_or_time(meaning: str) -> None:
    words = WORDS[meaning]
    payloads = [payload for payload, _, _ in EVENTS]
    unneeded = [word for word in words if not changed_by(
        meaning, [each for each in words if each != word], [payload for payload in payloads if word in words_in(payload)])]
    assert unneeded == []
    has_order = len(words) > 1
    assert not has_order or changed_by(meaning, words[::-1], payloads), 'the reverse order says the same'


@pytest.mark.parametrize('key', ['updated', 'change_date', 'account_updated_at', 'updated_at_ms', 'sent'])
def test_nothing_looser_than_a_word_of_change_and_an_ending_is_a_time(key: str) -> None:
    assert read({'x': 1, key: NINE})[1] == ''


@pytest.mark.parametrize('meaning', LAST_WORDS)
def test_no_last_word_of_a_key_could_be_left_out(meaning: str) -> None:
    payloads = [payload for payload, _, _ in EVENTS]
    before = [read(payload) for payload in payloads]
    for word in LAST_WORDS[meaning]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(LAST_WORDS, meaning, [each for each in LAST_WORDS[meaning] if each != word])
            forget_keys()
            assert [read(payload) for payload in payloads] != before, word
    forget_keys()


def test_no_key_that_is_too_long_to_mean_anything_is_kept() -> None:
    one, other = (read({f'{"k" * 40}{number}': 1, 'title': 'x'}) and keys_by_meaning.cache_info().misses for number in range(2))
    assert one == other


def lines_of(table: str) -> list[tuple[int, str]]:
    """Return the position and the comment of each line of a table of the general rule."""
    source = re.search(rf'^{table}: Table = \(.*\n((    .*\n)+)\)$', SCRIPT.read_text('utf-8'), re.MULTILINE)
    return [*enumerate(line.rpartition('  # ')[2] for line in source[1].splitlines())] if source else []


@pytest.mark.parametrize('table', ['SUBJECTS', 'KINDS', 'THINGS'])
def test_beside_each_line_of_a_table_is_an_event_that_has_another_name_without_it(table: str) -> None:
    lines, whole = lines_of(table), getattr(GenericWebhook, table)
    assert len(lines) == len(whole) > 0
    for index, comment in lines:
        event = json.loads(comment)
        name = read(event)[0]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(GenericWebhook, table, (*whole[:index], *whole[index + 1:]))
            assert read(event)[0] != name, comment


@pytest.mark.parametrize('kind', [
    'resolve', 'RESOLVED', 'unresolved', 'close', 'reclosed', 'acknowledge', 'acknowledgement', 'unacknowledged', 'delete',
    'assign', 'unassign', 'reassigned', 'fail', 'failure', 'FAILED', 'recover', 'recovery', 'bounce', 'complaint', 'cancel',
    'remove', 'escalate', 'blocked', 'unblock', 'cleared', 'rejected', 'suspended', 'revoked', 'expired', 'quarantined',
    'degraded', 'down', 'offline', 'online', 'unreachable',
])
def test_a_word_of_change_goes_before_a_text_without_it(kind: str) -> None:
    event = {'kind': 'monitoring', 'status': kind}
    assert read({**event, 'title': 'Disk full on db-1'})[0] == f'{kind}: Disk full on db-1'
    assert read({**event, 'title': f'{kind.title()} is the disk'})[0] == f'{kind.title()} is the disk'


@pytest.mark.parametrize('kind', [
    'create', 'alert', 'open', 'trigger', 'event', 'alert_event', 'create_incident', 'incidentOpen', 'query_alert',
    'issue_trigger', 'AUDIT_SUCCESS', 'CB_ANALYTICS', 'monitoring', 'failing over', 'up', 'ok',
])
def test_a_kind_that_says_no_more_than_a_text_does_not_go_before_it(kind: str) -> None:
    assert read({'kind': kind, 'title': 'Disk full on db-1'})[0] == 'Disk full on db-1'


@pytest.mark.parametrize('kind', ['push_hook', 'pushHook', 'PushHook', 'push.hook', 'push:hook', 'push/hook', 'PUSH_HOOKED'])
def test_a_kind_of_several_words_goes_before_a_text(kind: str) -> None:
    assert read({'kind': kind, 'title': 'Disk full on db-1'})[0] == f'{kind}: Disk full on db-1'


@pytest.mark.parametrize('agent', ['Mozilla', 'Opera', 'curl', 'Wget', 'python-requests', 'Go-http-client', 'okhttp', 'axios',
                                   'PostmanRuntime'])
def test_the_program_that_somebody_used_is_no_object(agent: str) -> None:
    assert read({'event': 'login', 'agent': f'{agent}/7.1 (X11)', 'ip': '10.0.0.1'})[0] == 'login: 10.0.0.1'


def test_an_empty_list_that_is_large_behind_one_that_takes_the_whole_budget_loses_no_event(app: App) -> None:
    answer = app.authorized(f'{{"title": "Many alerts", "alerts": [{",".join("1" * 40_001)}], "events": [{" " * 70_000}]}}')
    assert (answer.status, app.incidents[-1]['name']) == (200, 'Many alerts')
    answer = app.authorized(f'{{"alerts": [{",".join("1" * 40_001)}], "events": [{" " * 70_000}]}}')
    assert answer.status == 200
