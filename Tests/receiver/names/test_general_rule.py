"""What the general rule says of events whose senders have no row: their keys are those of vendors' own documents."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import GenericWebhook
import pytest
from GenericWebhook import WORDS, ThirdPartyEvent, keys_by_meaning

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
    ({'category': 'network', 'finding': {'findingTitle': 'Port 22 is open', 'firstFound': NINE}}, 'Port 22 is open', NINE),
    ({'formTitle': 'Report a phishing mail', 'formresponse': {'rows': []}, 'createTime': NINE}, 'Report a phishing mail', NINE),
    ({'headline': 'Fire at a data center', 'eventTime': NINE}, 'Fire at a data center', NINE),
    ({'headline': 'Flood watch for the coast', 'title': 'Flood watch issued', 'effectiveAt': NINE}, 'Flood watch issued', NINE),
    ({'ProblemTitle': 'Checkout is slow'}, 'Checkout is slow', ''),
    ({'MessageTitle': 'Connectors will retire'}, 'Connectors will retire', ''),
    # A rule
    ({'category': 'threat', 'value': [{'alertDisplayName': 'Mimikatz runs'}], 'fireddatetime': NINE}, 'Mimikatz runs', NINE),
    ({'category': 'network', 'essentials': {'alertRule': 'CPU is high'}, 'firedAt': NINE}, 'CPU is high', NINE),
    ({'alarmName': 'Host memory usage', 'createdTime': NINE}, 'Host memory usage', NINE),
    ({'category': 'network', 'detection': {'detectionName': 'Mal/Generic S'}, 'detectionTimestamp': NINE}, 'Mal/Generic S', NINE),
    ({'category': 'network', 'threat': {'malwareName': 'Trojan Emotet'}, 'detectedTime': NINE}, 'Trojan Emotet', NINE),
    ({'malwareFamily': 'Qakbot loader', 'firstSeenTime': NINE}, 'Qakbot loader', NINE),
    ({'category': 'network', 'violation': {'trojanFamily': 'Redline stealer'}}, 'Redline stealer', ''),
    ({'alertTime': NINE, 'signature': 'ET SCAN Nmap scripting engine'}, 'ET SCAN Nmap scripting engine', NINE),
    ({'rt': NINE, 'attackName': 'Directory traversal'}, 'Directory traversal', NINE),
    ({'category': 'network', 'rule': {'name': 'Brute force attack'}, 'updated_on': NINE}, 'Brute force attack', NINE),
    ({'policy_name': 'Block uploads', 'activityDateTime': NINE}, 'Block uploads', NINE),
    ({'monitor_name': 'Home page', 'started_at': NINE}, 'Home page', NINE),
    ({'checkName': 'Login flow', 'startTime': NINE}, 'Login flow', NINE),
    ({'category': 'network', 'result': {'searchName': 'Rare process'}, 'ts': NINE}, 'Rare process', NINE),
    ({'category': 'network', 'details': {'condition_name': 'Error rate is high'}}, 'Error rate is high', ''),
    ({'category': 'network', 'object': {'pluginName': 'OpenSSL is outdated'}}, 'OpenSSL is outdated', ''),
    ({'detectionType': 'Impossible travel'}, 'Impossible travel', ''),
    ({'yara_rule': 'APT backdoor loader'}, 'APT backdoor loader', ''),
    ({'category': 'network', 'case': {'detectorName': 'Latency of the database'}}, 'Latency of the database', ''),
    ({'category': 'network', 'Alert': {'AlertThreatModelName': 'Unusual access to files'}}, 'Unusual access to files', ''),
    ({'modelName': 'Anomalous server', 'alert_name': 'Beaconing to a host', 'start_at': NINE}, 'Beaconing to a host', NINE),
    ({'incident_name': 'Payments fail'}, 'Payments fail', ''),
    ({'threatName': 'Mimikatz in memory'}, 'Mimikatz in memory', ''),
    ({'rule_name': 'Brute force attack'}, 'Brute force attack', ''),
    ({'ModelName': 'Anomalous server activity'}, 'Anomalous server activity', ''),
    # A summary
    ({'summary': 'Two badges at one door'}, 'Two badges at one door', ''),
    ({'short_description': 'The mail server is down'}, 'The mail server is down', ''),
    ({'displayMessage': 'A user was locked out'}, 'A user was locked out', ''),
    ({'primaryDescription': 'Two badges at one door', 'subject': 'Door 7'}, 'Door 7', ''),
    ({'primaryDescription': 'Two badges at one door'}, 'Two badges at one door', ''),
    # A text
    ({'event_message': 'Interface ge-0/0/1 is down', 'eventTimestamp': NINE}, 'Interface ge-0/0/1 is down', NINE),
    ({'category': 'network', 'problem': {'alertMessage': 'Ping to fw-1 fails'}}, 'Ping to fw-1 fails', ''),
    ({'error_message': 'Division by zero', 'serverTimestamp': NINE}, 'Division by zero', NINE),
    ({'category': 'network', 'ticket': {'alertDescription': 'A disk will fail soon'}}, 'A disk will fail soon', ''),
    ({'category': 'network', 'resource': {'eventDescription': 'A snapshot was made public'}}, 'A snapshot was made public', ''),
    ({'category': 'network', 'attachments': [{'displayName': 'Backup of the mail server'}]}, 'Backup of the mail server', ''),
    ({'category': 'network', 'context': {'info': 'The license ends in a week'}}, 'The license ends in a week', ''),
    ({'event_info': 'The UPS runs on battery', 'generatedDateTime': NINE}, 'The UPS runs on battery', NINE),
    ({'OperationDetail': 'A mailbox rule was added', 'date_create': NINE}, 'A mailbox rule was added', NINE),
    ({'alertDetails': 'Fan 2 has stopped', 'message_time': NINE}, 'Fan 2 has stopped', NINE),
    ({'details': 'The tunnel to Berlin is down', 'recordedAt': NINE}, 'The tunnel to Berlin is down', NINE),
    ({'content': 'The deployment of shop failed', 'sent_at': NINE}, 'The deployment of shop failed', NINE),
    ({'output': 'Shell opened in a container', 'received_at': NINE}, 'Shell opened in a container', NINE),
    ({'SERVICEOUTPUT': 'DISK CRITICAL: 97 % used', 'confirmedAt': NINE}, 'DISK CRITICAL: 97 % used', NINE),
    ({'category': 'network', 'error': {'formatted': 'Cannot read property id'}}, 'Cannot read property id', ''),
    ({'memo': 'The invoice was changed'}, 'The invoice was changed', ''),
    ({'eventTypeDisplayName': 'A user was locked out'}, 'A user was locked out', ''),
    ({'version': '1.1', 'host': 'shop-1', 'short_message': 'Payment failed', 'timestamp': 1795510800.25, 'level': 3},
     'Payment failed', '2026-11-24T09:00:00.250000Z'),
    ({'log': 'panic: runtime error', 'stream': 'stderr', 'time': NINE}, 'panic: runtime error', NINE),
    ({'text': 'Load of db-1 is 17.2'}, 'Load of db-1 is 17.2', ''),
    ({'description': 'The mail server is down'}, 'The mail server is down', ''),
    ({'reason': 'No heartbeat for a minute'}, 'No heartbeat for a minute', ''),
    ({'cause': 'No heartbeat for a minute'}, 'No heartbeat for a minute', ''),
    ({'category': 'backup', 'DisplayName': 'Backup of the mail server'}, 'Backup of the mail server', ''),
    ({'text': 'Load is high', 'message': 'Load of db-1 is 17.2'}, 'Load of db-1 is 17.2', ''),
    # A kind of event, and what it happened to
    ({'event_simpleName': 'ProcessRollup', 'ComputerName': 'desk-7'}, 'ProcessRollup: desk-7', ''),
    ({'audit_type': 'member.removed', 'user': 'alice'}, 'member.removed: alice', ''),
    ({'webhook_event': 'page_trashed', 'device': 'desk-7'}, 'page_trashed: desk-7', ''),
    ({'alertType': 'tamper', 'hostname': 'cam-3'}, 'tamper: cam-3', ''),
    ({'notificationType': 'REFUND', 'userEmail': 'a@example.com', 'alert': 'x'}, 'REFUND: a@example.com', ''),
    ({'operationName': 'vaults/delete', 'resourceName': 'kv-prod'}, 'vaults/delete: kv-prod', ''),
    ({'method_name': 'SetIamPolicy', 'principalEmail': 'a@example.com'}, 'SetIamPolicy: a@example.com', ''),
    ({'actionName': 'quarantine', 'src_ip': '10.0.0.1'}, 'quarantine: 10.0.0.1', ''),
    ({'activityDisplayName': 'Delete user', 'targetUser': 'bobby'}, 'Delete user: bobby', ''),
    ({'operation': 'FileDeleted', 'userEmail': 'a@example.com'}, 'FileDeleted: a@example.com', ''),
    ({'ActionType': 'LogonFailed', 'IPAddress': '10.0.0.1'}, 'LogonFailed: 10.0.0.1', ''),
    ({'trigger': 'card_expired', 'owner': 'alice'}, 'card_expired: alice', ''),
    ({'topic': 'orders/cancelled', 'repo': 'octo/shop'}, 'orders/cancelled: octo/shop', ''),
    ({'scope': 'store/cart', 'domain': 'shop.example.com'}, 'store/cart: shop.example.com', ''),
    ({'kind': 'deploy-failed', 'package': 'left-pad'}, 'deploy-failed: left-pad', ''),
    ({'category': 'phishing', 'agent': 'alice'}, 'phishing: alice', ''),
    ({'typeComputedMap': 'Memory', 'ip': '10.0.0.1'}, 'Memory: 10.0.0.1', ''),
    ({'event_id': 'logon.4625', 'sourceIp': '10.0.0.1'}, 'logon.4625: 10.0.0.1', ''),
    ({'statestring': 'degraded', 'actor': 'carol'}, 'degraded: carol', ''),
    ({'requestType': 'takedown', 'operator': 'carol'}, 'takedown: carol', ''),
    ({'alert': 'swap', 'resource': {'name': 'db-1'}}, 'swap: db-1', ''),
    ({'error': 'timeout', 'resource': 'queue-7'}, 'timeout: queue-7', ''),
    ({'action': 'isolate', 'event': 'containment', 'host': 'desk-7', 'package': 'agent'}, 'isolate: desk-7', ''),
    ({'eventName': 'login', 'actor': {'full_name': 'Alice Ng'}}, 'login: Alice Ng', ''),
    ({'eventName': 'login', 'device': {'hostname': 'desk-7'}}, 'login: desk-7', ''),
    ({'eventName': 'login', 'user': {'username': 'alice'}}, 'login: alice', ''),
    ({'eventName': 'login', 'owner': {'displayName': 'Alice Ng'}}, 'login: Alice Ng', ''),
    ({'eventName': 'moved', 'item': {'key': 'SEC-7'}}, 'moved: SEC-7', ''),
    ({'eventName': 'moved', 'item': {'number': 4711}}, 'moved: 4711', ''),
    ({'eventName': 'moved', 'item': {'number': 4711, 'id': 'SEC-7'}}, 'moved: SEC-7', ''),
    ({'event': 'door_forced', 'hostname': 'door-7'}, 'door_forced: door-7', ''),
    ({'event_type': 'door_forced', 'hostname': 'door-7'}, 'door_forced: door-7', ''),
    ({'type': 'door_forced', 'hostname': 'door-7'}, 'door_forced: door-7', ''),
    ({'status': 'unreachable', 'hostname': 'door-7'}, 'unreachable: door-7', ''),
    ({'state': 'unreachable', 'hostname': 'door-7'}, 'unreachable: door-7', ''),
    ({'eventName': 'push', 'repository': 'octo/shop'}, 'push: octo/shop', ''),
    ({'eventName': 'push', 'project': 'octo/shop'}, 'push: octo/shop', ''),
    ({'eventName': 'login', 'username': 'alice'}, 'login: alice', ''),
    ({'eventName': 'login', 'email': 'a@example.com'}, 'login: a@example.com', ''),
    ({'eventName': 'bounce', 'recipient': 'a@example.com'}, 'bounce: a@example.com', ''),
    ({'eventName': 'login', 'ip': '10.0.0.1', 'user': 'alice'}, 'login: alice', ''),
    ({'eventName': 'login', 'device': {'name': 'Desk 7'}, 'username': 'alice'}, 'login: Desk 7', ''),
    ({'eventName': 'login', 'device': {'email': 'desk-7@example.com'}, 'username': 'alice'}, 'login: desk-7@example.com', ''),
    ({'eventName': 'login', 'device': {'login': 'kiosk'}, 'username': 'alice'}, 'login: kiosk', ''),
    ({'eventName': 'login', 'device': {'displayName': 'Desk 7'}, 'username': 'alice'}, 'login: Desk 7', ''),
    ({'eventName': 'login', 'device': {'displayName': 'kiosk', 'name': 'Desk 7'}}, 'login: Desk 7', ''),
    # A kind that only another object names
    ({'lock': {'eventName': 'forced'}, 'host': 'door-7'}, 'forced: door-7', ''),
    ({'lock': {'eventType': 'forced'}, 'host': 'door-7'}, 'forced: door-7', ''),
    ({'pump': {'status': 'stopped'}, 'host': 'plc-7'}, 'stopped: plc-7', ''),
    ({'pump': {'stateString': 'stopped'}, 'host': 'plc-7'}, 'stopped: plc-7', ''),
    ({'pump': {'state': 'stopped'}, 'host': 'plc-7'}, 'stopped: plc-7', ''),
    ({'check': {'state_name': 'unreachable'}, 'host': 'plc-7'}, 'unreachable: plc-7', ''),
    ({'check': {'checkStateName': 'unreachable'}, 'host': 'plc-7'}, 'unreachable: plc-7', ''),
    ({'pump': {'state': 'stopped', 'eventType': 'fault'}, 'host': 'plc-7'}, 'fault: plc-7', ''),
    # Where to look
    ({'category': 'network', 'payload': {'title': 'Queue is full'}}, 'Queue is full', ''),
    ({'category': 'network', 'detail': {'title': 'Bucket is public', 'time': NINE}}, 'Bucket is public', NINE),
    ({'category': 'network', 'alerts': [{'title': 'Login failed often'}]}, 'Login failed often', ''),
    ({'category': 'network', 'events': [{'title': 'Login failed often'}]}, 'Login failed often', ''),
    ({'category': 'network', 'findings': [{'title': 'Port 22 is open'}]}, 'Port 22 is open', ''),
    ({'category': 'network', 'incidents': [{'title': 'Payments fail'}]}, 'Payments fail', ''),
    ({'category': 'network', 'records': [{'title': 'Firewall rule was added'}]}, 'Firewall rule was added', ''),
    ({'category': 'network', 'messages': [{'title': 'Mail was blocked'}]}, 'Mail was blocked', ''),
    ({'category': 'network', 'message': {'title': 'Mail was blocked'}}, 'Mail was blocked', ''),
    ({'category': 'network', 'msg': {'title': 'Update has failed'}}, 'Update has failed', ''),
    ({'category': 'network', 'body': {'title': 'Update has failed'}}, 'Update has failed', ''),
    ({'metadata': {'timestamp': NINE}, 'title': 'Pod was evicted'}, 'Pod was evicted', NINE),
    ({'category': 'network', 'formResponse': {'title': 'Report of a lost badge'}}, 'Report of a lost badge', ''),
    ({'payload': {'incident': {'title': 'Payments fail'}}}, 'Payments fail', ''),
    ({'detail': {'findings': [{'title': 'Port 22 is open'}]}}, 'Port 22 is open', ''),
    ({'event': {'data': {'title': 'Port 22 is open'}}}, 'Port 22 is open', ''),
    ({'msg': {'data': {'title': 'Update has failed'}}}, 'Update has failed', ''),
    ({'body': {'data': {'title': 'Update has failed'}}}, 'Update has failed', ''),
    ({'properties': {'alert': {'title': 'CPU is high'}}}, 'CPU is high', ''),
    ({'protoPayload': {'resource': {'title': 'Key was created'}}}, 'Key was created', ''),
    ({'definition': {'title': 'Weekly'}, 'alert': {'title': 'Mails bounce'}}, 'Mails bounce', ''),
    ({'formresponse': {'alert': {'title': 'Weekly'}}, 'data': {'alert': {'title': 'Mails bounce'}}}, 'Mails bounce', ''),
    ({'category': 'network', 'events': {'data': 1}, 'incident': {'title': 'Payments fail'}}, 'Payments fail', ''),
    ({'category': 'network', 'event': {'title': 'A port was opened', 'time': NINE}}, 'A port was opened', NINE),
    ({'category': 'network', 'action': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'category': 'network', 'attributes': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'category': 'network', 'item': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'category': 'network', 'eventData': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'category': 'network', 'definition': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'category': 'network', 'protoPayload': {'title': 'A key was created'}}, 'A key was created', ''),
    ({'category': 'network', 'data': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'category': 'network', 'rule': {'title': 'A port was opened'}}, 'A port was opened', ''),
    ({'issue': {'title': 'TypeError in cart', 'time': NINE}}, 'TypeError in cart', NINE),
    ({'formResponse': {'alert': {'title': 'A badge was lost'}}, 'category': 'form'}, 'A badge was lost', ''),
    # The time
    ({'EventTime': '2026-11-24 10:00:00', 'UtcTime': '2026-11-24 09:00:00.123', 'title': 'A driver was loaded'},
     'A driver was loaded', '2026-11-24T09:00:00.123000Z'),
    ({'title': 'A driver was loaded', 'occurred': NINE}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'createdAt': NINE}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'creationTime': NINE}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'published': NINE}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'date': NINE}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'createdDateTime': NINE}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'trigger_time': NINE}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'happened_at': NINE}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'created': NINE}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'startsAt': NINE}, 'A driver was loaded', NINE),
    ({'title': 'A driver was loaded', 'event_ts': 1795510800}, 'A driver was loaded', NINE),
    ({'title': 'Load is high', 'alert': {'time': NINE}, 'metadata': {'time': EIGHT}}, 'Load is high', NINE),
    # A record of a logger
    ({'name': 'uvicorn', 'msg': 'The disk is full', 'levelname': 'ERROR'}, 'The disk is full', ''),
    ({'name': 'uvicorn', 'msg': 'The disk is full', 'levelno': 40}, 'The disk is full', ''),
    ({'name': 'api', 'message': 'The disk is full', 'pid': 7}, 'The disk is full', ''),
]


def read(payload: dict[str, Any]) -> tuple[str, str]:
    event = ThirdPartyEvent(json.dumps(payload).encode(), {}, lambda text: False)
    assert event.row is None
    return event.name(), event.occurred(NOW)


@pytest.mark.parametrize(('payload', 'name', 'time'), EVENTS, ids=[json.dumps(payload) for payload, _, _ in EVENTS])
def test_an_event_of_a_sender_without_a_row_has_the_name_and_time_that_its_keys_say(
        payload: dict[str, Any], name: str, time: str) -> None:
    assert read(payload) == (name, time)


def words_in(payload: Any, parent: str = '') -> Iterator[str]:
    """Yield the words of the keys in a payload, and `rulename` for the `name` in a `rule`."""
    for key, value in payload.items() if isinstance(payload, dict) else []:
        word = re.sub('[-_.:@ ]', '', key.lower())
        yield from (word, parent + word)
        yield from words_in(value[0] if isinstance(value, list) and value else value, word)


TRIAGE = {'severity', 'severity inside', 'windows log', 'end', 'end inside'}  # tried in test_triage
MEANINGS = [meaning for meaning in WORDS if meaning not in TRIAGE]


def changed_by(meaning: str, words: list[str], payloads: list[dict[str, Any]]) -> bool:
    """Return whether one of the payloads is read in another way if a meaning has these words."""
    before = [read(payload) for payload in payloads]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(GenericWebhook.WORDS, meaning, words)
        keys_by_meaning.cache_clear()
        after = [read(payload) for payload in payloads]
    keys_by_meaning.cache_clear()
    return after != before


@pytest.mark.parametrize('meaning', MEANINGS)
def test_no_word_could_be_left_out_and_no_order_reversed_without_another_name_or_time(meaning: str) -> None:
    words = WORDS[meaning]
    payloads = [payload for payload, _, _ in EVENTS]
    unneeded = [word for word in words if not changed_by(
        meaning, [each for each in words if each != word], [payload for payload in payloads if word in words_in(payload)])]
    assert unneeded == []
    assert meaning in ('logger', 'log text') or changed_by(meaning, words[::-1], payloads), 'the reverse order says the same'
