"""What an incident of somebody's own event is called, its type and its time."""
from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Collection
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
from shared.app import App, event_of
from clocks import each_grows_linearly, grows_linearly, zone
from GenericWebhook import DEEPER, ERROR_MARKERS, MIB, NO_ROW, WORDS, ThirdPartyEvent
from hypothesis import given
from hypothesis import strategies as st
from model import by_chance
from shared.webhook import TOKEN

NOW = datetime(2026, 11, 24, 10, tzinfo=timezone.utc).timestamp()
GUID = '72d3162e-cc78-11e3-81ab-4c9367dc0958'


def event(payload: Any, headers: dict[str, str] | None = None, token: str = '') -> ThirdPartyEvent:
    text = payload if isinstance(payload, bytes) else (payload if isinstance(payload, str) else json.dumps(payload)).encode()
    return event_of(text, headers, lambda text: bool(token) and token in text)


def name(payload: Any, headers: dict[str, str] | None = None, token: str = '') -> str:
    return event(payload, headers, token).name()


@pytest.mark.parametrize(('payload', 'expected'), [
    ({'name': 'Disk full', 'x': 1}, 'Disk full'), ({'name': 4711, 'title': 'Disk full'}, 'Disk full'),
    ({'name': GUID, 'title': 'Disk full'}, 'Disk full'),
    ({'name': 'd41d8cd98f00b204e9800998ecf8427e', 'title': 'Disk full'}, 'Disk full'),
    ({'name': '', 'title': 'Disk full'}, 'Disk full'), ({'name': 'd41d8cd98f00b204', 'title': 'Disk full'}, 'Disk full'),
    ({'alert': {'ruleName': 'Brute force'}, 'message': 'x logged in'}, 'Brute force: x logged in'),
    ({'Alert-Name': 'Brute force'}, 'Brute force'),
    ({'data': {'incident': {'headline': 'Fire on deck 3'}}}, 'Fire on deck 3'),
    ({'title': 'test', 'summary': 'Load is high'}, 'Load is high'),
    ({'title': 'https://example.com/a', 'text': 'Load is high'}, 'Load is high'),
    ({'title': 'arn:aws:sns:eu-west-1:1:a', 'text': 'Load is high'}, 'Load is high'),
    *(({'title': text, 'text': 'Load is high'}, 'Load is high') for text in (
        '{"a": 1}', '[[1], [2]]', '<?xml version="1.0"?><s:a>Fire</s:a>')),
    ({'title': '<alert>x</alert>', 'text': 'Load is high'}, 'Load is high'),
    ({'title': 'a' * 40, 'text': 'Load is high'}, 'Load is high'),
    ({'title': 'abc', 'text': 'Load is high'}, 'Load is high'),
    ({'title': '磁盘'}, '磁盘'),
    ({'alerts': [{'title': 'First of two'}, {}]}, 'First of two'),
    ({'event_type': 'user_locked', 'user': 'alice@example.com'}, 'user_locked: alice@example.com'),
    ({'eventName': 'user_locked', 'actor': {'name': 'alice'}}, 'user_locked: alice'),
    ({'x': 1}, ''),
    ([], ''),
    ({'title': '\u2026', 'message': 'Disk full on db-1'}, 'Disk full on db-1'),
    ({'title': '...', 'message': 'Disk full on db-1'}, 'Disk full on db-1'),
    ({'name': '\u2014', 'message': 'Disk full on db-1'}, 'Disk full on db-1'),
    ({'body': '=====\n* \u2022 *\nDisk full on db-1\n====='}, 'Disk full on db-1'),
    ({'body': f'\n{"=" * 160}\n' * 24 + 'Disk full on db-1'}, 'Disk full on db-1'),
    ({'body': '=====\n' * 50 + 'Disk full on db-1'}, ''),
    ({'title': 'Disk full', 'text': 'Disk full on db-1'}, 'Disk full on db-1'),
    ({'title': 'Disk full', 'text': f'Disk full on db-1 {"x" * 133}'}, 'Disk full'),
    ({'title': 'Disk full on db-1', 'host': 'db-1.example.com'}, 'Disk full on db-1'),
    ({'alert_title': '\u2026', 'message': 'Disk full on db-1'}, 'Disk full on db-1'),
    ({'message': '\u2026'}, ''),
    ({'title': '<?xml version="1.0"?><alert>Fire on <b>deck</b></alert>'}, 'Fire on deck'),
    ({'type': 'user.created', 'message': 'The user has been created', 'user': 'ann'}, 'user.created: ann'),
    ({'body': '\n\n<134>Nov 24 10:00:00 fw-1 sshd[7]: Failed password\nmore'}, 'sshd[7]: Failed password'),
    *(({'body': f'<165>1 2026-11-24T10:00:00.003{zone} fw-1 sshd - ID47 - Failed password'}, 'sshd: Failed password')
      for zone in ('Z', '+01:00')),
    ({'body': '<165>1 - fw-1 - 7 - [a@1 b="c"][d e="f"] Failed password'}, 'Failed password'),
    ({'body': '<165>1 2026-11-24T10:00:00Z fw-1 sshd 7 - [a@1 b="c"]'}, 'sshd 7 - [a@1 b="c"]'),
    ({'body': '<165>2026-11-24T10:00:00Z fw-1 disk is full - now'}, 'disk is full - now'),
    ({'body': '<189>29: *Nov 24 10:00:00.250 UTC: %SYS-5: Configured'}, '%SYS-5: Configured'),
    ({'body': 'disk full on db-1'}, 'disk full on db-1'),
    ({'body': '3 disks failed'}, '3 disks failed'),
    ({'body': 'Nov 24 10:00:00 fw-1 kernel: panic'}, 'kernel: panic'),
    ({'body': 'Nov  4 10:00:00 fw-1 kernel: panic'}, 'kernel: panic'),
    ({'body': 'Nov 24 2026 10:00:00 fw-1 kernel: panic'}, 'kernel: panic'),
    ({'body': 'Since Nov 24 10:00:00 fw-1 is down'}, 'Since Nov 24 10:00:00 fw-1 is down'),
    ({'body': '2026-11-24T10:00:00Z ERROR disk full'}, 'ERROR disk full'),
    ({'body': '[2026/11/24 10:00:00,250 CET] - |disk full'}, 'disk full'),
    ({'body': '2026-11-24T10:00:00+0100'}, '2026-11-24T10:00:00+0100'),
    ({'body': '2026-11-24 10:00:00|-1|disk full'}, '-1|disk full'), ({'body': '[main] disk full'}, '[main] disk full'),
    ({'body': '2026-11-24T10:00:00Z\tERROR\tdisk full'}, 'ERROR disk full'),
    ({'body': '2026-11-24T10:00:00Z\ndisk full'}, 'disk full'), ({'body': '<13>- disk full'}, '- disk full'),
    ({'body': 'Failed {"title": "Fire on deck 3"}'}, 'Failed {"title": "Fire on deck 3"}'),
    ({'body': 'gate: {"title":"Fire","on":{"deck":3}}'}, 'Fire'),
    ({'body': '<134>Nov 24 10:00:00 fw-1 {"event":"login","user":{"name":"ann"}}'}, 'login: ann'),
    ({'body': 'Got <!DOCTYPE html> from the API'}, 'Got <!DOCTYPE html> from the API'),
    # What only looks like a header stays, and so does a line with nothing else.
    *(({'body': line}, line) for line in (
        'Pod 7 10:30:00 restarted twice', '[2026-11-24 03:04:05 ERROR] disk full',
        '2026-11-24T10:00:00Z', 'OutOfMemoryError {"heap": "4g"}', 'user_locked {"user": "bob"}')),
    ({'body': '<189>404: page not found'}, '404: page not found'),
    ({'body': 'Nov 24 10:00:00 sshd[7]: Failed password'}, 'sshd[7]: Failed password'),
    ({'body': 'Nov 24 10:00:00 fw-1 audit {"message":"Failed login","user":"ann"}'}, 'Failed login (ann)'),
    ({'body': '2026-11-24 10:00:00 +1000 users came'}, '+1000 users came'),
    ({'body': '<13>Nov 24 10:00:00 fw-1 <b>Disk full</b>'}, 'Disk full'),
    ({'body': '<13>1 2026-11-24T10:00:00Z fw-1 app - - [call Bob] now'}, 'app - - [call Bob] now'),
    # Of a line that is too long for a name, the level and what is in brackets at its start are left out first.
    *(({'body': line + 'x' * 150}, f'{line}{"x" * (149 - len(line))}…') for line in (
        '[CVE-2026-1234] Remote code in ', '[a@example.com, b@example.com] [b] [c] locked ', 'WARN [db-1] ', '[a][b][c] d ')),
    ({'body': f'[a][b] [c] disk is full {"x" * 150}'}, f'disk is full {"x" * 136}…'),
    ({'body': f'<165>1 - - sshd 7 - - WARN [main] disk is full {"x" * 150}'}, f'sshd: disk is full {"x" * 130}…'),
    ({'body': f'DISK [sda] is full {"x" * 150}'}, f'DISK [sda] is full {"x" * 130}…'),
    ({'body': f'WARN [main] [a.B] - disk full {"x" * 150}'}, f'disk full {"x" * 139}…'),
    # If the name would still show no sentence, the first one follows the start, with what may negate it.
    *(({'body': f'{"7" * 130} {line}'}, f'{"7" * 60}… {line}') for line in (
        'Access NOT granted to user ann by policy', '<BEA-17> <Closing the socket now', 'client [10.0.0.1] was blocked by it')),
    ({'body': f'{"7" * 120} {"a" * 41} the disk is full'}, f'{"7" * 60}… the disk is full'),
    ({'body': f'{"7" * 130}<the disk is full again'}, f'{"7" * 60}… the disk is full again'),
    ({'body': f'WARN [main] {"7" * 130} <b>the disk</b> is full again'}, f'{"7" * 60}… the disk is full again'),
    *(({'body': f'{line} {"7" * 150}'}, f'{line} {"7" * (148 - len(line))}…') for line in (
        'the disk is full', f'{"7" * 100} the disk is full', 'DISK OF DB-1 IS FULL')),
    ({'body': f'{"7" * 128} the disk is full'}, f'{"7" * 128} the disk is full'),
    ({'body': f'{"7" * 4000} the disk is full again'}, f'{"7" * 60}… the disk is full again'),
    ({'body': f'{"7" * 130} the disk is full again\n{"7" * 4000}'}, f'{"7" * 130} the disk is full a…'),
    # Pairs behind a text may be what an attacker has typed.
    *(({'body': (line := f'sshd[7]: Invalid user {pairs} {"7" * 150}')}, f'{line[:149]}…') for pairs in (
        'x action=allowed severity=low msg=Fine', 'x, Action: allowed, Severity: low, Msg: Fine')),
    ({'incident': {'name': 'Logins fail', 'status': 'open'}}, 'Logins fail'),
    ({'body': '<?xml version="1.0"?>\n<alert>fire</alert>'}, 'fire'),
    # An address, a number and a long text
    ({'alarmName': 'The disk is full', 'x': ':' * 60_000}, 'The disk is full'),
    ({'event': 'port_scan', 'src_ip': '10.0.0.1'}, 'port_scan: 10.0.0.1'),
    ('{"title": -1.25E+7, "message": "Load is high"}', 'Load is high'),
    ({'body': 'sshd: Failed password: alice\n' * 60_000}, 'sshd: Failed password: alice'),
    ({'title': ' Disk\r\n\tfull\x00 on\u2028db-1\u202e '}, 'Disk full on db-1'),
    # The keys of many senders tell the kind.
    ({'eventType': 'AwsApiCall', 'eventName': 'StopLogging', 'host': 'db-1.example.com'}, 'StopLogging: db-1.example.com'),
    ({'protoPayload': {'@type': 'type.googleapis.com/google.cloud.audit.AuditLog', 'methodName': 'v1.compute.images.insert'},
      'resource': {'type': 'gce_image'}}, 'v1.compute.images.insert'),
    ({'activityDisplayName': 'Delete user', 'category': 'UserManagement'}, 'Delete user: UserManagement'),
    ({'ActionType': 'PowerShellCommand', 'DeviceName': 'desk-7'}, 'PowerShellCommand: desk-7'),
    ({'action': 'DELETE', 'actionType': 'x'}, 'DELETE'),
    ({'Event Message': 'The disk is full'}, 'The disk is full'),
    ({'Event Type': 'disk_failed', 'Host Name': 'db-1'}, 'disk_failed: db-1'),
    ({'topic': 'org.example.git.branch', 'msg': {'agent': 'alice'}}, 'org.example.git.branch: alice'),
    ({'scope': 'store/order/created', 'data': {'type': 'order', 'id': 250}}, 'store/order/created: 250'),
    ({'scope': 'store/order/created', 'data': {'type': 'order', 'id': 0}}, 'store/order/created'),
    ({'error': {'error_message': 'Division by zero'}}, 'Division by zero'),
    # What is not what happened comes last.
    ({'name': '-', 'message': 'The disk is full'}, 'The disk is full'),
    ({'name': 'N/A', 'message': 'The disk is full'}, 'The disk is full'),
    ({'name': 'Disk <b>full</b>', 'message': 'The disk is full'}, 'Disk <b>full</b>'),
    ({'name': 'api', 'message': 'The disk is full'}, 'api'),
    ({'name': 'Disk full', 'msg': 'Disk full on db-1', 'pid': 7}, 'Disk full'),
    ({'name': 'db-1.example.com'}, 'db-1.example.com'),
    ({'title': '10.0.0.1', 'status': 'down'}, 'down: 10.0.0.1'),
    # A kind of event is reported with what it happened to.
    ({'event': 'object.created', 'object': {'title': 'Review the API'}}, 'object.created: Review the API'),
    ({'kind': 'todo_created', 'recording': {'title': 'Buy milk'}, 'creator': {'name': 'Bob'}}, 'todo_created: Buy milk'),
    ({'eventType': 'Grab', 'albums': [{'title': 'Labour of Love'}]}, 'Grab: Labour of Love'),
    ({'event': 'subscriber.created', 'data': {'subscriber': {'email': 'a@example.com'}}}, 'subscriber.created: a@example.com'),
    ({'type': 'order.created', 'data': {'type': 'order', 'id': 'eA3vssLHKJrv'}}, 'order.created: eA3vssLHKJrv'),
    ({'component': {'status': 'under_maintenance', 'name': 'Database'}}, 'under_maintenance: Database'),
    ({'alert_type': 'query_alert', 'title': 'Error rate is high'}, 'Error rate is high'),
    ({'event': 'disk.full', 'title': 'disk.full on db-1'}, 'disk.full on db-1'),
    ({'x': [{'name': 'only a list'}] * 3, 'y': [], 'z': ['a']}, 'only a list'),
    # The row of a known sender lacks its fields or gives a dull name; the longest key that is there counts.
    ({'alert_title': '', 'alert_name': 'Error rate is high'}, 'Error rate is high'),
    ({'alert_title': 'test', 'summary': 'Load is high'}, 'Load is high'),
    ({'kibana.alert.rule.name': 'Rare process', 'kibana': {}, 'host': {'name': 'web-1'}}, 'Rare process: web-1'),
    ({'kibana': {'alert': {'rule.name': 'Rare process'}}}, 'Rare process'),
    # A message that is not an event is the name itself, and a name is never JSON.
    ({'TopicArn': 'arn:aws:sns:a:1:t', 'Message': 'Disk full', 'Subject': None}, 'Disk full'),
    ({'subscription': 'projects/p/subscriptions/s', 'message': {'data': 'bm8='}}, 'projects/p/subscriptions/s'),
    ({'TopicArn': 'arn', 'Message': '{"title": "half \\ud800 a pair"}'}, ''),
    # Amazon's Selling Partner API through SQS and SNS; ElastiCache; App Store, decoded
    ({'TopicArn': 'arn:aws:sns:a:1:t', 'Message': json.dumps({
        'NotificationVersion': '1.0', 'NotificationType': 'ANY_OFFER_CHANGED', 'EventTime': '2026-11-24T09:00:00.000Z',
        'Payload': {'AnyOfferChangedNotification': {'SellerId': 'A3TH9S8BH6GOGM'}}})}, 'ANY_OFFER_CHANGED'),
    ({'TopicArn': 'arn:aws:sns:a:1:t', 'Type': 'Notification', 'Message': '{"ElastiCache:SnapshotComplete": "cache-1"}'}, ''),
    ({'notificationType': 'REFUND', 'data': {'bundleId': 'com.example.shop', 'environment': 'Sandbox'}},
     'REFUND: com.example.shop'),
    ({'Records': [{'Sns': {'TopicArn': 'arn:aws:sns:a:1:t', 'Subject': '{"a": 1}', 'Message': 'Disk full'}}]}, 'Disk full'),
    ({'alert_title': ' [{"id": 7}]', 'summary': 'Load is high'}, 'Load is high'),
    ({'name': '{"default": "Disk full"}', 'title': 'Disk full'}, 'Disk full'),
    ({'body': '{"a": 1\nDisk full'}, 'Disk full'),
    ({'alert_title': '[web] {x} is down'}, '[web] {x} is down'),
    ({'v': 0, 'name': 'shop', 'hostname': 'db-1', 'pid': 7, 'level': 50, 'msg': 'Payment failed for order 7',
      'time': '2026-11-24T10:00:00.250Z'}, 'Payment failed for order 7 (db-1)'),
    *(({'body': f'192.0.2.7 - {user} [24/Nov/2026:10:00:00 +0000] "GET {path} HTTP/1.1" 500 1234{end}'}, f'GET {shown} 500')
      for user in ('-', 'ann') for end in ('', ' "https://example.com/a" "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"')
      for path, shown in (('/x', '/x'), (f'/{"a" * 300}', f'/{"a" * 140}…'))),
    ({'alert_title': '<b>Disk</b> full<br>on db-1'}, 'Disk full on db-1'), ({'alert_title': 'Disk <B>full</B>'}, 'Disk full'),
])
def test_the_name_says_what_happened(payload: Any, expected: str) -> None:
    assert name(payload) == expected


SOAP = ('<?xml version="1.0" encoding="ISO-8859-1"?><s:Envelope xmlns:s="x"><s:Body><Notification><Version>1.0</Version>'
        '<Subject>Disk <![CDATA[is]]> full</Subject><MessageType>warning</MessageType></Notification></s:Body></s:Envelope>')


@pytest.mark.parametrize(('body', 'expected'), [
    (SOAP, 'Disk is full'), (f'\n {SOAP}', 'Disk is full'), (SOAP.replace('Disk', 'Zoë &amp; Co &lt;x>'), 'Zoë & Co <x> is full'),
    ('<event><status>resolved</status><title>Fire on deck 3</title></event>', 'resolved: Fire on deck 3'),
    ('\n <event><title>Fire on deck 3</title><title>Another</title></event>', 'Fire on deck 3'),
    # What is as large as a small body is read, with no more than 32 levels.
    (f'<event><x>{"y" * 200_000}</x><title>Fire on deck 3</title></event>', 'Fire on deck 3'),
    (f'<event><title>Fire on deck 3</title><x>{"y" * MIB}</x></event>', f'Fire on deck 3 {"y" * 134}…'),  # by its text
    (f'<event><title>Fire on deck 3</title><to>Bob</to>{"<x>" * 31}{"</x>" * 31}</event>', 'Fire on deck 3 (Bob)'),
    (f'<event><title>Fire on deck 3</title><to>Bob</to>{"<x>" * 32}{"</x>" * 32}</event>', 'Fire on deck 3 Bob'),  # by its text
    # What could define entities of any size has no name.
    *((f'{start}<!DOCTYPE e [<!ENTITY a "Fire">]><e><title>&a; on deck 3</title></e>', '')
      for start in ('', '\ufeff', '\ufeff\n ', '<13>Nov 24 10:00:00 fw-1 \ufeff', '<!-- x -->')),
    ('<!DOCTYPE e SYSTEM "file:///etc/passwd"><e><title>Fire on deck 3</title></e>', ''),
    ('<e><title>Fire on deck 3</title><x>&a;</x></e>', 'Fire on deck 3 &a;'),
    # These are not XML.
    ('<p>Disk <b>full</b><br>on db-1</p>', 'Disk full on db-1'), ('<b>Disk full</b> on db-1', 'Disk full on db-1'),
    ('<alice> has logged in', '<alice> has logged in'), ('<90 % >80 %', '<90 % >80 %'), ('<e><title>Fire', '<e><title>Fire'),
])
def test_xml_is_named_by_its_elements(body: str, expected: str) -> None:
    assert name({'body': body}) == expected


FIREWALL = '<189>time=10:00:00 devname="fw-1" eventtime=1795510800000000000 type="utm" severity="high" msg="URL was blocked"'
APPLIANCE = '{"reason": "Upload to a blocked site", "timestamp": "2026-11-24T09:00:00Z", "severity": "high"}'


@pytest.mark.parametrize(('body', 'expected', 'severity'), [
    (FIREWALL, 'URL was blocked', 3),
    ("host='db-1',time='2026-11-24 10:00:00 +0100',\nevent='backup_removed'", 'backup_removed: db-1', None),
    *((f'host=db-1{mark}time=2026-11-24T09:00:00Z{mark}event=backup_removed', 'backup_removed: db-1', None) for mark in '|;'),
    ('[Level=0 Created="2026-11-24 09:00:00" Description="\'1\' object was removed."]', "'1' object was removed.", None),
    ('CEF:0|Acme|Gate|1.0|17|Worm stopped|8|rt=1795510800000 host=pc-7 msg=Ann opened a=b', 'Worm stopped (pc-7)', 3),
    ('<134>Nov 24 09:00:00 siem CEF:0|Acme|Gate|1|17|Worm stopped|Very-High|rt=1795510800000 msg=Ann opened it.exe',
     'Worm stopped: Ann opened it.exe', 4),
    ('<86>2026-11-24T09:00:00Z gate Audit Logs CEF:0|Acme|Gate|1.0|17|Worm stopped|High|rt=1795510800000', 'Worm stopped', 3),
    ('CEF:0|Acme|Gate|1.0|17|Worm stopped|Low|rt=1795510800000 severity=High', 'Worm stopped', 1),
    (f'\n<46>Nov 24 09:00:00 proxy-1 {{"x": "{"y" * 65_000}", {APPLIANCE[1:]}', 'Upload to a blocked site', 3),
    (f'<174>Nov 24 09:00:00 INFO  proxy[0]:  {APPLIANCE}', 'Upload to a blocked site', 3),
    (f'<165>1 2026-11-24T09:00:00Z proxy-1 gate 7 - - {APPLIANCE}', 'Upload to a blocked site', 3),
    (f'<46>Nov 24 09:00:00 proxy-1 @cee:{APPLIANCE}', 'Upload to a blocked site', 3),
    ('<134>Nov 24 09:00:00 CEF:0|Acme Corp|Gate|1|17|Worm stopped|High|rt=1795510800000', 'Worm stopped', 3),
    ('alert-threat-model-name="Worm stopped" eventTimestamp=1795510800 host=pc-7', 'Worm stopped (pc-7)', None),
    (f'<event>{"".join(f"<{key}>{value}</{key}>" for key, value in json.loads(APPLIANCE).items())}</event>',
     'Upload to a blocked site', 3),
])
def test_a_text_that_consists_of_fields_is_an_event(body: str, expected: str, severity: float | None) -> None:
    found = event({'body': body})
    moment = datetime.fromisoformat(found.occurred(NOW).replace('Z', '+00:00'))
    assert (found.name(), found.severity.value, moment.timestamp()) == (expected, severity, NOW - 3600)


@pytest.mark.parametrize('body', [
    'Failed login: user=ann host=db-1', 'Disk full {"host": "db-1"}', 'x=1 is no longer y', 'usage=97% host=db-1',
    'Alert: {"a":',
])
def test_a_text_with_fields_in_it_is_named_by_its_first_line(body: str) -> None:
    assert name({'body': body}) == body


def test_pairs_of_a_text_with_the_token_are_not_read() -> None:
    assert name({'body': 'a=secret msg="token is here" title="Disk is full"'}, token='secret msg="token') == ''


def in_text(value: Any) -> dict[str, Any]:
    """Return an event whose message is JSON."""
    return {'message': json.dumps(value)}


LOGIN = {'event': 'login', 'utc_time': '2026-11-24T09:00:00Z'}


@pytest.mark.parametrize(('payload', 'expected'), [
    (in_text(LOGIN), 'login'),
    ({'MESSAGE': json.dumps(LOGIN, indent=4), 'PRIORITY': 'info', 'HOST': 'canary-1'}, 'login: canary-1'),
    ({'log': f' {json.dumps({"msg": "Disk full on db-1"})}\n', 'stream': 'stdout'}, 'Disk full on db-1'),
    ({'type': 'syslog', 'data': json.dumps({'title': 'Disk full on db-1'})}, 'Disk full on db-1'),
    ({'alert': in_text(LOGIN)}, 'login'),
    ({'message': json.dumps({**LOGIN, 'user': 'Zoë'}, ensure_ascii=False)}, 'login: Zoë'),
    ({**in_text(LOGIN), 'summary': 'Somebody has logged in'}, 'Somebody has logged in'),
    ({**in_text(LOGIN), 'text': 'Somebody has logged in'}, 'Somebody has logged in'),
    (in_text({**LOGIN, 'title': 'a token of mine'}), 'login'),
    (in_text(in_text(LOGIN)), ''),  # one level deep
    (in_text([LOGIN]), ''),
    ({'message': json.dumps(LOGIN)[:-1]}, ''),
    ({'message': json.dumps(LOGIN)[:-1], 'text': json.dumps(LOGIN)}, 'login'),
    ({**dict.fromkeys(['message', 'text', 'description', 'reason', 'log'], '{'), 'data': json.dumps(LOGIN)}, 'login'),
    ({'message': json.dumps(LOGIN).ljust(64 * 1024)}, 'login'),
    ({'message': json.dumps(LOGIN).ljust(64 * 1024 + 1)}, ''),
    ({'message': json.dumps({**LOGIN, 'text': 'é' * 32 * 1024}, ensure_ascii=False)}, ''),
])
def test_json_in_a_text_gives_the_name_if_nothing_better_is_outside(payload: Any, expected: str) -> None:
    assert name(payload, token='a token of mine') == expected


@pytest.mark.parametrize(('payload', 'expected'), [
    (in_text(LOGIN), '2026-11-24T09:00:00Z'), ({**in_text(LOGIN), 'time': '2026-11-24T01:00:00Z'}, '2026-11-24T01:00:00Z'),
    ({**in_text(LOGIN), 'title': 'Somebody has logged in'}, '2026-11-24T09:00:00Z'), (in_text(in_text(LOGIN)), ''),
    ({'message': json.dumps(LOGIN).ljust(64 * 1024 + 1)}, ''), (in_text([LOGIN]), ''),
])
def test_json_in_a_text_gives_the_time_if_none_is_outside(payload: Any, expected: str) -> None:
    assert event(payload).occurred(NOW) == expected


def test_deep_json_in_a_text_does_not_reject_an_event(app: App) -> None:
    for depth in (100, *range(900, 1600, 10)):
        for inner in ('[' * depth + ']' * depth, '{"a":' * depth + '1' + '}' * depth):
            answer = app.authorized(json.dumps({'message': f'{{"data": {inner}, "alerts": {inner}}}'}))
            assert answer.status == 200, depth


@pytest.mark.parametrize('better, worse', list(pairwise(['title', 'alertname', 'summary', 'message', 'eventtype'])))
def test_a_word_of_a_better_meaning_counts_even_where_it_is_deeper(better: str, worse: str) -> None:
    assert name({worse: 'the other one', 'data': {'alert': {better: 'the better one of the two'}}}) == 'the better one of the two'


@pytest.mark.parametrize(('url', 'expected'), [
    ('https://user:p@ssword@example.com/x', 'upload: example.com/x'),
    ('https://example.com:8443/x/?sig=1#y', 'upload: example.com:8443/x'), ('http://[::1]:80', 'upload: [::1]:80'),
    *((f'https://{start}@example.com/x', 'upload') for start in (
        'user:pa/ssword', 'user:pa?ssword', 'user:pa#ssword', 'user:12/ssword', 'user:12?ssword', 'u@s:12#ssword',
        'us/er:ssword')),
    ('https://user:password', 'upload'), ('https://user:12word/x', 'upload'),
])
def test_a_password_in_an_address_is_in_no_name(url: str, expected: str) -> None:
    assert name({'event': 'upload', 'url': url}) == expected


@pytest.mark.parametrize('long_name', [
    'Microsoft.Resources.ResourceWriteSuccess.OfASubscription', 'CONTENT_WORKFLOW_SHARING_POLICY_VIOLATION_OF_A_FILE',
    'io.k8s.authorization.v1beta1.subjectaccessreviews.create', 'org/example/compose/23/cloudimg-checksum/started',
])
def test_words_that_are_joined_are_not_a_key(long_name: str) -> None:
    assert name({'event': long_name}) == long_name


@pytest.mark.parametrize('key', [
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U', 'x' * 80 + '.y',
    'MTOKEN:eNqrVkouLS7Jz00tSs5PSVWyUnI2MXM0N1XSUcpMUbIyMjU1NjIw', 'aGVsbG8gd29ybGQ/aGVsbG8gd29ybGQ0aGVsbG8gd29ybGQ1/MTIzNDU=',
])
def test_a_key_or_a_hash_is_not_a_name(key: str) -> None:
    assert name({'event': key, 'status': 'database down'}) == 'database down'


@pytest.mark.parametrize(('headers', 'payload', 'expected'), [
    ({'x-wc-webhook-topic': 'product.created'}, {'name': 'Perpemint', 'type': 'simple'}, 'product.created: Perpemint'),
    ({'x-commercelayer-topic': 'orders.place'}, {'data': {'type': 'orders', 'id': 'NMWYhbGorj'}}, 'orders.place: NMWYhbGorj'),
    ({'x-acme-event': 'deploy_building'}, {'name': 'shop', 'state': 'building'}, 'deploy_building: shop'),
    *(({f'x-acme-{kind}': 'disk.full'}, {'title': 'The disk is full'}, 'disk.full: The disk is full') for kind in (
        'topic', 'event', 'event-type', 'event-name', 'topic-key', 'event-code')),
    ({'x-acme-event': 'alert'}, {'title': 'The disk is full'}, 'The disk is full'),
    ({'x-acme-event': 'push'}, {'title': 'Lamp', 'data': {'event': 'order.created'}}, 'order.created: Lamp'),
    ({'x-acme-event': 'push'}, {'event': 'order.created', 'title': 'Lamp'}, 'order.created: Lamp'),
    ({'x-acme-event-id': 'some-thing-else'}, {'title': 'The disk is full'}, 'The disk is full'),
    ({'hook-name': 'post-finish'}, {'ID': '7', 'file_name': 'report.pdf'}, 'post-finish: report.pdf'),  # tusd
    ({'x-tm-event-code': 'bg_order_status_event'}, {'eventData': 'encrypted'}, 'bg_order_status_event'),  # Temu
    ({'x-acme-topic': 'disk/full'}, {'host': 'db-1.example.com'}, 'disk/full: db-1.example.com'),
    ({'x-github-event': 'issues'}, {'alert_title': 'x is high', 'action': 'opened'}, 'issues opened'),
    ({'x-shopify-topic': 'products/create'}, {'alert_title': 'x is high', 'title': 'Mug'}, 'products/create: Mug'),
    ({'x-github-event': 'push'}, {'ref': 'refs/heads/main', 'repository': {'full_name': 'octo/repo'}, 'commits': ['x' * 300_000]},
     'push: refs/heads/main (octo/repo)'),
    # A part without fields falls away with its brackets and separator.
    ({'x-github-event': 'issues'}, {'action': 'opened', 'issue': {'title': 'Typo'}}, 'issues opened: Typo'),
    ({'x-github-event': 'issues'}, {'issue': {'title': 'Typo'}, 'repository': {'full_name': 'octo/repo'}},
     'issues: Typo (octo/repo)'),
    ({'x-github-event': 'issues'}, {'organization': {'login': 'octo'}}, 'issues (octo)'),
    ({'x-gitlab-event': 'Issue Hook'}, {'object_attributes': {'title': 'Typo'}}, 'Typo'),
])
def test_a_header_tells_the_sender_and_begins_the_name_if_it_says_more_than_the_events_kind(
        headers: dict[str, str], payload: Any, expected: str) -> None:
    assert name(payload, headers) == expected


ALERT: dict[str, Any] = {
    'receiver': 'webhook', 'groupLabels': {}, 'status': 'firing', 'commonLabels': {}, 'commonAnnotations': {},
    'alerts': [{'labels': {'alertname': 'DiskFull'}, 'annotations': {'summary': 'Disk full on db-1'}}] * 4}


RECORD = {'eventVersion': '1.0', 'eventName': 'INSERT', 'eventTime': '2026-11-24T09:00:00Z', 'awsRegion': 'eu-west-1'}


@pytest.mark.parametrize('payload', [
    {'Records': [{**RECORD, 'eventSource': 'aws:dynamodb', 'dynamodb': {'Keys': {}}, 'userIdentity': {'type': 'Service'}}]},
    {'Records': [{**RECORD, 'eventSource': 'aws:kinesis', 'eventName': 'aws:kinesis:record', 'kinesis': {'data': 'eA=='}}]},
    {'Records': [{**RECORD, 'eventSource': 'aws:codecommit', 'eventName': 'ReferenceChanges', 'codecommit': {'references': []}}]},
    # ActionTrail of Alibaba Cloud
    {'eventVersion': '1', 'eventSource': 'ecs.aliyuncs.com', 'eventName': 'StopInstance', 'acsRegion': 'cn-hangzhou',
     'eventTime': '2026-11-24T09:00:00Z', 'userIdentity': {'type': 'ram-user', 'userName': 'alice'}},
    # EnGenius Cloud, whose events are like those of Cisco Meraki
    {'networkId': '99', 'networkName': 'Oslo', 'deviceName': 'gw-1', 'alertId': 'gw_dhcpsrv_pool_exhausted',
     'alertType': 'DHCP Pool Exhausted', 'alertLevel': 'notice', 'occurredAt': '2026-11-24T09:00:00.000Z', 'alertData': {}},
])
def test_what_only_looks_like_a_known_senders_event_has_no_row(payload: dict[str, Any]) -> None:
    assert event(payload).row is NO_ROW


def test_the_first_of_several_says_how_many_more_there_are_also_behind_a_long_name() -> None:
    assert name(ALERT) == '[firing] DiskFull: Disk full on db-1 (+3 more)'
    group = {**ALERT, 'commonLabels': {'alertname': 'DiskFull'}, 'alerts': ALERT['alerts'] * 5000}
    assert name(group) == '[firing] DiskFull: Disk full on db-1 (+19999 more)'
    alerts = [{'labels': {'alertname': 'DiskFull'}, 'annotations': {'summary': 'x' * 200}}] * 2
    assert name({**ALERT, 'alerts': alerts}).endswith('x… (+1 more)')
    assert len(name({**ALERT, 'alerts': alerts})) == 150


@pytest.mark.parametrize(('title', 'cut'), [
    (f'Deleted: /{"a" * 130}/invoices', f'Deleted: /{"a" * 130}/invoices'),  # 149 characters
    (f'Deleted: /{"a" * 131}/invoices', f'Deleted: /{"a" * 131}/invoices'),
    (f'Deleted: /{"a" * 132}/invoices', 'Deleted: …/invoices'),
    (f'Deleted: /a/{"b" * 130}/invoices', f'Deleted: …/{"b" * 130}/invoices'),
    (f'Deleted: /a/b/{"c" * 130}/invoices', f'Deleted: …/{"c" * 130}/invoices'),
    (f'Deleted: /ab/{"c" * 130}/{"d" * 8}', f'Deleted: …/{"c" * 130}/{"d" * 8}'),  # 150 again
    (f'Deleted: /ab/{"c" * 130}/{"d" * 9}', f'Deleted: …/{"d" * 9}'),  # one more is too long
    (f'Deleted: /invoices/{"a" * 150}', f'Deleted: /invoices/{"a" * 130}…'),  # its last part alone is too long
    (f'Deleted: /{"a" * 140} by alice', f'Deleted: /{"a" * 139}…'),  # not at the end
    (f'Deleted: a/{"b" * 140}/invoices', f'Deleted: a/{"b" * 138}…'),  # a ratio, a repository
])
def test_a_path_at_the_end_of_a_name_that_is_too_long_loses_its_first_folders(title: str, cut: str) -> None:
    assert name({'title': title}) == cut
    assert len(cut) <= 150


def alert(number: int, size: int) -> dict[str, Any]:
    return {'labels': {'alertname': 'DiskFull', 'instance': f'db-{number}'},
            'annotations': {'summary': f'Disk full on db-{number}'}, 'startsAt': '2026-11-24T09:00:00Z',
            'status': 'firing', 'generatorURL': 'x' * size}


@pytest.mark.parametrize('size', [0.3, 1, 24])
def test_a_group_of_alerts_of_any_size_has_its_real_name_and_time(size: float) -> None:
    group = {**ALERT, 'alerts': [alert(number, 600) for number in range(int(size * 1200))]}
    text = json.dumps(group)
    assert len(text) > size * MIB * 0.9
    assert name(text) == f'[firing] DiskFull: Disk full on db-0 (+{len(group["alerts"]) - 1} more)'
    assert event(text).occurred(NOW) == '2026-11-24T09:00:00Z'


@pytest.mark.parametrize(('payload', 'expected'), [
    ({'eventType': 'com.okta.event_hook',
      'data': {'events': [{'eventType': 'user.lock', 'displayMessage': 'Locked', 'x': 'y' * 400}] * 1000}}, 'Locked (+999 more)'),
    ({'findings': [{'title': 'Open port', 'x': 'y' * MIB}]}, 'Open port'),
    ({'value': [{'subscriptionId': 's', 'changeType': 'created', 'resource': 'alerts/1', 'x': 'y' * 1000}] * 1000},
     'created: alerts/1 (+999 more)'),
    ({'detail': {'findings': [{'title': 'Open port', 'x': {str(number): 'y' * 100 for number in range(5000)}}]}}, 'Open port'),
    ({'events': [{'message': 'Disk full on db-1', **{f'k{number}': 1 for number in range(100)}}] * 3000}, 'Disk full on db-1'),
    ({'alert': {'title': 'Fire on deck 3', 'x': 'y' * MIB}}, 'Fire on deck 3'),
    # Many members, many colons, and so many that only the common keys are read
    ({'alarmName': 'The disk is full', **{f'k{number}': 'y' * 4 for number in range(45_000)}}, 'The disk is full'),
    *(({'alarmName': 'The disk is full', 'x': 'y' * MIB + ':' * (colons - 2)}, expected)
      for colons, expected in ((50_000, 'The disk is full'), (50_001, ''))),
    *(({key: value, 'x': ':' * MIB}, 'The disk is full') for key, value in (
        *((key, 'The disk is full') for key in ('name', 'title', 'summary', 'message')),
        *((key, {'title': 'The disk is full'}) for key in ('alert', 'event', 'data', 'body')),
        *((key, [{'title': 'The disk is full'}]) for key in ('alerts', 'events', 'findings', 'records', 'value', 'items')))),
    ({**ALERT, 'commonLabels': {'alertname': 'DiskFull'}, 'x': ':' * MIB,
      'commonAnnotations': {'summary': 'Full in 4 hours'}}, '[firing] DiskFull: Full in 4 hours'),
])
def test_lists_and_objects_of_any_size_are_looked_into(payload: Any, expected: str) -> None:
    assert len(json.dumps(payload)) > 256 * 1024
    assert name(payload) == expected


def test_the_start_of_a_huge_text_is_read_wherever_it_is_cut() -> None:
    emojis = '\\ud83d\\ude00' * 30_000  # of 12 bytes each, so that each start has its cut at another place
    for count in range(12):
        start = 'Disk full ' + 'x' * count
        assert name(f'{{"title": "{start}{emojis}", "x": 1}}').startswith(start), count
    assert name(b'{"title": "%s", "message": "Disk full"}' % (b'\xff' * 300_000)) == 'Disk full', 'as base64 may hold it'


@pytest.mark.parametrize('alarm', ['cpu-high', 'cpu-high1', 'cpu-high12', 'cpu-high123'])  # base64 has four ends
@pytest.mark.parametrize('spelled', [str, lambda text: base64.b64encode(text.encode()).decode()])
def test_the_event_inside_of_a_message_names_it(spelled: Any, alarm: str) -> None:
    inner = spelled(json.dumps({'AlarmName': alarm, 'NewStateValue': 'ALARM'}))
    assert name({'TopicArn': 'arn:aws:sns:a:1:t', 'Message': inner}) == f'ALARM: {alarm}'
    assert name({'subscription': 'projects/p/subscriptions/s', 'message': {'data': inner}}) == f'ALARM: {alarm}'


@pytest.mark.parametrize('marker', ERROR_MARKERS)
def test_a_marker_of_an_error_in_a_name_or_a_type_is_broken_up(marker: str) -> None:
    payload = {'name': f'a {marker} b', 'type': f'{marker}x'}
    assert marker not in name(payload)
    assert name(payload).replace(' ', '') == f'a{marker}b'
    assert marker not in str(event(payload).incident_type('', None))


@pytest.mark.parametrize('before', ['Disk full' + ' ' * 4080, 'Disk\n' * 40 + ' ' * 3886, '<a>' * 1362])
@pytest.mark.parametrize('key', ['body', 'title'])
def test_no_start_of_a_token_is_in_the_name_of_a_text_that_is_cut(key: str, before: str) -> None:
    for length in range(4086, 4097):
        found = name({key: f'{before:{length}}'[:length] + TOKEN}, token=TOKEN)
        assert TOKEN[:2] not in found, length


def test_the_token_is_in_no_name() -> None:
    payload = {'title': 'key is open-sesame', 'summary': 'Somebody logged in'}
    assert name(payload, token='open-sesame') == 'Somebody logged in'
    github = {'action': 'opened', 'issue': {'title': 'open-sesame'}}
    assert name(github, {'x-github-event': 'issues'}, token='open-sesame') == 'issues opened'
    assert name({'action': 'sesame', 'type': 'x'}, {'x-github-event': 'open'}, token='open sesame') == 'sesame'
    assert name({'title': 'open<br>sesame<br>now', 'summary': 'Somebody logged in'}, token='open sesame') == 'Somebody logged in'
    assert name({'title': 'Disk full', 'host': 'db-1'}, token='full (db-1)') == 'Disk full'


def test_half_a_pair_in_a_name_or_a_type_is_the_character_for_what_can_not_be_read() -> None:
    with App(incident_type=None) as app:
        assert app.authorized(r'{"name": "half \ud800 a pair", "type": "\udc00"}').status == 200
        assert app.incidents[0]['name'] == 'half \ufffd a pair'
        assert app.incidents[0]['type'] == '\ufffd'


OURS = {'name': 'b', 'type': 'a', 'occurred': '2025-11-24T09:00:00Z'}


@pytest.mark.parametrize(('payload', 'from_url', 'instance', 'expected'), [
    ({**OURS, 'x': 1}, 'Url', 'Instance', 'Url'),
    ({**OURS, 'x': 1}, '', 'Instance', 'a'),
    ({**OURS, 'x': 1, 'type': 'event_callback'}, '', 'Instance', 'Instance'),
    ({'type': 'Event::Endpoint::Threat', 'name': 'b', 'x': 1}, '', 'Instance', 'Instance'),
    ({'type': 'Event::Endpoint::Threat', 'name': 'b', 'created_at': '2026-11-24T09:00:00Z'}, '', 'Instance', 'Instance'),
    ({'type': 'a', 'occurred': '2026-11-24T09:00:00Z', 'x': 1}, '', 'Instance', 'Instance'),
    ({**OURS, 'x': 1, 'occurred': 'soon'}, '', 'Instance', 'Instance'),
    ({**OURS, 'x': 1, 'occurred': '0001-01-01T00:00:00Z'}, '', 'Instance', 'Instance'),
    ({**OURS, 'x': 1, 'occurred': None}, '', 'Instance', 'Instance'),
    ({'type': 'a', 'name': 'b', 'x': 1}, '', None, 'a'),
    ({'type': 'a', 'x': 1}, '', 'Instance', 'Instance'),
    ({'type': 'a', 'x': 1}, '', None, None),
    ({'type': 'a', 'x': 1}, 'Url', None, 'Url'),
    ({'type': 'a', 'name': '', 'x': 1}, '', None, None),
    ({'type': 'a', 'name': 5, 'x': 1}, '', None, None),
    ({'type': 'userstory', 'data': {'name': 'b'}}, '', None, None),
    ({'type': 'a', 'name': 'b', 'alert_title': 'a row fits'}, '', None, None),
    ({**OURS, 'alert_title': 'a row fits'}, '', None, None),
    ({'type': 5, 'name': 'b'}, '', None, None),
    ({'type': '', 'name': 'b'}, '', 'Instance', 'Instance'),
    ({}, '', None, None),
    ({**OURS, 'x': 1, 'type': 'a' * 300}, '', 'Instance', 'a' * 300),
    ({**OURS, 'x': 1, 'type': 'a' * 301}, '', 'Instance', 'Instance'),
    ({'name': 'b', 'type': 'a' * 200_000}, '', 'Instance', 'Instance'),
    ({'name': 'b', 'type': 'a' * 200_000}, '', None, None),
    ({'name': 'b', 'type': '\U0001f600' * 300_000}, '', None, None),
])
def test_the_type_is_the_urls_then_our_formats_then_the_instances(
        payload: Any, from_url: str, instance: str | None, expected: str | None) -> None:
    assert event(payload).incident_type(from_url, instance) == expected


@pytest.mark.parametrize(('payload', 'query', 'expected'), [
    ({'title': 'Strange mail'}, 'type=Phishing', 'Phishing'),
    ({'name': 'Strange mail'}, 'type=Phishing', 'Phishing'),
    ({'name': 'Strange mail', 'type': 'Malware'}, 'type=Phishing', 'Malware'),
    ({'title': 'Strange mail'}, 'type=', 'Unclassified'),
    ({'title': 'Strange mail'}, f'type={TOKEN}', 'Unclassified'),
    *[({key: 'Strange mail'}, f'type={quote(marker)}', harmless) for key in ('title', 'name')
      for marker, harmless in ERROR_MARKERS.items()],
])
def test_a_url_can_name_the_type_of_what_comes_from_it(payload: Any, query: str, expected: str) -> None:
    with App(incident_type='Unclassified') as app:
        assert app.post(json.dumps(payload), {'Authorization': TOKEN.encode().decode('latin-1')}, query).status == 200
        assert app.incidents[0]['type'] == expected


def test_an_event_with_an_overlong_type_is_an_incident_of_the_instances_type_with_all_details() -> None:
    with App(incident_type='Unclassified') as app:
        assert app.authorized(json.dumps({**OURS, 'x': 1, 'type': 'a' * 200_000})).status == 200
        assert app.incidents[0]['type'] == 'Unclassified'
        assert len(app.details['type']) == 200_000


def test_a_url_of_an_unauthenticated_sender_names_nothing() -> None:
    with App(incident_type='Unclassified') as app:
        assert app.post('{"title": "Strange mail"}', {}, 'type=Phishing').status == 401
        assert app.calls == []


@pytest.mark.parametrize(('payload', 'expected'), [
    ({'timestamp': '2026-11-24T09:00:00+01:00'}, '2026-11-24T09:00:00+01:00'),
    ({'@timestamp': '2026-11-24T09:00:00.123456789Z'}, '2026-11-24T09:00:00.123456789Z'),
    ({'Event-Time': '2026-11-24 09:00:00'}, '2026-11-24T09:00:00Z'),
    ({'created': '2026-11-24 09:00:00 UTC'}, '2026-11-24T09:00:00Z'),
    ({'created': '2026-11-24 09:00:00 +0100'}, '2026-11-24T08:00:00Z'),
    ({'ts': 1795510800}, '2026-11-24T09:00:00Z'),
    ({'ts': 1795510800.25}, '2026-11-24T09:00:00.250000Z'),
    ({'ts': '1795510800250'}, '2026-11-24T09:00:00.250000Z'),
    ({'ts': 1795510800250000}, '2026-11-24T09:00:00.250000Z'),
    ({'ts': 1795510800250000000}, '2026-11-24T09:00:00.250000Z'),
    ('{"ts": 1.7955108e9}', '2026-11-24T09:00:00Z'),
    ({'ts': '1795510800.125'}, '2026-11-24T09:00:00.125000Z'),
    ({'ts': '1.79551080e+18'}, '2026-11-24T09:00:00Z'), ({'ts': '1.79551080E+18'}, '2026-11-24T09:00:00Z'),
    ({'occurred': '0001-01-01T00:00:00Z', 'date': '2026-11-24'}, '2026-11-24T00:00:00Z'),
    ({'timestamp': '1999-12-31T23:59:59Z', 'alert': {'startsAt': '2026-11-23T00:00:00Z'}}, '2026-11-23T00:00:00Z'),
    ({'timestamp': '2026-11-25T10:00:00Z'}, '2026-11-25T10:00:00Z'),
    ({'timestamp': '2026-11-25T10:00:01Z'}, ''),
    ({'ts': 946684800}, '2000-01-01T00:00:00Z'),
    ({'ts': 946684799}, ''),
    ({'timestamp': 42, 'time': None, 'date': 'yesterday', 'created': True}, ''),
    ('{"timestamp": 1e999}', ''),
    ('{"timestamp": ' + '9' * 5000 + '}', ''),
    ({'alert_title': 'x', 'date': 'never', 'timestamp': 1795510800}, '2026-11-24T09:00:00Z'),
    ({'alert_title': 'x', 'timestamp': 1795510800}, '2026-11-24T09:00:00Z'),
    ({'object_kind': 'push', 'project': {}, 'created_at': '2021-03-01T08:00:00Z'}, ''),
    ({'EventTime': '2026-11-24 10:00:00', 'UtcTime': '2026-11-24 09:00:00.123'}, '2026-11-24T09:00:00.123000Z'),
    ({'time': '2026-11-24T09:04:00Z', 'tenantId': GUID, 'operationName': 'Publish', 'category': 'AdvancedHunting-AlertInfo',
      'properties': {'Timestamp': '2026-11-24T09:00:00Z'}}, '2026-11-24T09:00:00Z'),
    # Beside a Unix time, a time without a zone may be a local one.
    ({'timestamp': '2026-11-24 10:00:00', 'ts': 1795510800, 'created_at': '2026-11-24T08:00:00Z'}, '2026-11-24T09:00:00Z'),
    ({'timestamp': 'Tue Nov 24 10:00:00 2026', 'ts': '1795510800'}, '2026-11-24T09:00:00Z'),
    ({'timestamp': '2026-11-24T10:00:00', 'ts': 5}, '2026-11-24T10:00:00Z'),
    ({'timestamp': '2026-11-24T10:00:00', 'event': {'ts': 1795510800}}, '2026-11-24T10:00:00Z'),
    *(({'timestamp': f'{text}', 'ts': 1795510800}, '2026-11-24T08:00:00Z') for text in (
        '2026-11-24 08:00:00 UTC', 'Tue Nov 24 08:00:00 UTC 2026', 'Tue, 24 Nov 2026 08:00:00 GMT',
        '24/Nov/2026:08:00:00 +0000')),
    ({'timestamp': '2026-11-24T08:00:00z', 'ts': 1795510800}, '2026-11-24T08:00:00Z'),
    ({'timestamp': '2026-11-24T10:00:00+02:00', 'ts': 1795510800}, '2026-11-24T10:00:00+02:00'),
    ({'occurred': '0001-01-01T00:00:00', 'created': '2026-11-24T09:00:00Z'}, '2026-11-24T09:00:00Z'),
    ({'type': 'reaction_added', 'ts': '1795507200.1', 'event_ts': '1795510800'}, '2026-11-24T09:00:00Z'),
    ({'date': '2026-11-24', 'time': '09:00:00'}, '2026-11-24T09:00:00Z'),
    ({'date': '2026-11-24', 'time': '09:00'}, '2026-11-24T09:00:00Z'),
    ({'date': '2026-11-24', 'time': '09:00:00.250Z'}, '2026-11-24T09:00:00.250000Z'),
    ({'occurred': 'yesterday', 'created': '2026-11-24T08:00:00Z', 'ts': 1795510800}, '2026-11-24T08:00:00Z'),
    ({'title': 'Disk full', 'body': '2026-11-24T09:00:00Z It is full'}, ''),
    ({'date': '2026-11-24', 'time': '10:00:00+01:00'}, '2026-11-24T09:00:00Z'),
    *(({'date': '2026-11-24', 'time': '10:00', 'tz': zone}, '2026-11-24T09:00:00Z') for zone in ('+0100', '+01:00', 'GMT+0100')),
    *(({'date': '2026-11-24', 'time': '09:00:00', 'tz': zone}, '2026-11-24T09:00:00Z') for zone in (
        'UTC', 'ART', 'Europe/Berlin', 60, -300, '+1', [7], None)),
    *(({'date': '2026-11-24', 'time': f'10:00{zone}', 'tz': '+0100'}, '2026-11-24T09:00:00Z') for zone in ('+01:00', '')),
    ({'date': '2026-11-24', 'time': '10:00', 'TimeGenerated': '2026-11-24T09:00:00Z'}, '2026-11-24T09:00:00Z'),
    ({'date': '2026-11-24', 'time': '25:00:00'}, '2026-11-24T00:00:00Z'),
    ({'date': '2026-11-24', 'alert': {'time': '09:00:00'}}, '2026-11-24T00:00:00Z'),
    ({'date': '2026-11-24', 'updated_on': '2026-11-24T09:00:00Z'}, '2026-11-24T09:00:00Z'),
    ({'date': '2026-11-24', 'event': {'created': 1795510800}}, '2026-11-24T09:00:00Z'),
    ({'time': '09:00:00'}, ''),
    ({'timestamp': '2026.11.24 09:00:00'}, '2026-11-24T09:00:00Z'),
    ({'date': '2026.11.24', 'time': '09:00:00'}, '2026-11-24T09:00:00Z'),
    ({'date': '2026.11-24'}, ''), ({'date': '2026.13.24 09:00:00'}, ''),
    ({'embeds': [{'title': 'Disk full', 'timestamp': '2026-11-24T09:00:00Z'}]}, '2026-11-24T09:00:00Z'),
    *(({'body': f'2026-11-24T09:00:00Z{blank}ERROR disk full'}, '2026-11-24T09:00:00Z') for blank in ' \t\n'),
    *(({'body': f'\n2026-11-24 10:00:00.250{zone}'}, '2026-11-24T09:00:00.250000Z') for zone in ('+01:00', '+0100')),
    ({'body': '<165>1 2026-11-24T09:00:00.003Z fw-1 sshd - - - Failed'}, '2026-11-24T09:00:00.003Z'),
    ({'body': '2026-11-24T10:00:00+01:00 user=ann action=delete created=2021-03-04T00:00:00Z'}, '2026-11-24T10:00:00+01:00'),
    ({'body': '2026-11-24 09:00:00 +0100 people came'}, ''), ({'body': '2026-11-24 09:00:00 CET disk full'}, ''),
    ({'body': '[2026-11-24 10:00:00,250 +0100] ERROR disk full'}, '2026-11-24T09:00:00.250000Z'),
    ({'body': '2026-11-24 09:00:00 ERROR disk full'}, ''), ({'body': '2026-11-24 09:00:00 CET disk full'}, ''),
    *(({'body': f'{start}2026-11-24 08:00:00 UTC{offset}{end} disk full'}, '') for offset in (' -0800', '+01:00', ' +0100')
      for start, end in (('', ''), ('[', ']'))),
    ({'body': '<134>Nov 24 09:00:00 fw-1 sshd[7]: Failed'}, ''),
    ({'body': 'Since 2026-11-24T09:00:00Z the disk is full'}, ''),
    ({'body': '2026-11-24T09:00:00Z/PT1H is a span'}, ''),
])
def test_the_time_is_the_events_own(payload: Any, expected: str) -> None:
    assert event(payload).occurred(NOW) == expected


NINE = '2026-11-24T09:00:00Z'


@pytest.mark.parametrize(('text', 'expected'), [
    # Digits alone
    ('20261124090000', NINE), ('20261124090000.250', '2026-11-24T09:00:00.250000Z'), ('20261124090000.', ''),
    ('2026112409000', ''), ('202611240900', ''), ('20261324090000', ''), ('20260229090000', ''),
    ('20240229090000', '2024-02-29T09:00:00Z'), ('19991231235959', ''), ('20000101000000', '2000-01-01T00:00:00Z'),
    # The day and the month with a slash: only if they cannot change places.
    ('24-11-2026 09:00', NINE), ('11-24-2026 9:00:00 AM', NINE), ('3-4-2026 09:00:00', ''), ('24-11/2026 09:00', ''),
    ('11/24/2026 9:00:00 AM', NINE), ('24/11/2026 09:00:00', NINE), ('11/24/2026 09:00', NINE), ('11/24/2026 9:00:00 am', NINE),
    ('11/23/2026 9:00:00 pm', '2026-11-23T21:00:00Z'),
    ('10/13/2026 9:00:00 PM', '2026-10-13T21:00:00Z'), ('10/12/2026 9:00:00 PM', ''), ('12/10/2026 21:00:00', ''),
    ('13/10/2026 21:00:00', '2026-10-13T21:00:00Z'), ('11/11/2026 12:00:00 AM', '2026-11-11T00:00:00Z'),
    ('11/11/2026 12:30:00 PM', '2026-11-11T12:30:00Z'), ('11/24/2026 13:00:00 AM', ''), ('11/24/2026 0:00:00 AM', ''),
    ('13/13/2026 09:00:00', ''), ('11/24/26 09:00:00', ''), ('2/29/2024 09:00:00', '2024-02-29T09:00:00Z'),
    ('2/29/2026 09:00:00', ''), ('11/24/2026', ''), ('11/24/2026 9:00:00 AM +01:00', '2026-11-24T09:00:00+01:00'),
    ('0/24/2026 09:00:00', ''), ('24.11.2026 09:00:00', ''),
    # The month as a word
    ('Tue Nov 24 09:00:00 2026', NINE), ('Sun Nov  1 09:00:00 2026', '2026-11-01T09:00:00Z'),
    ('Tue Nov 24 9:00:00 AM 2026', NINE), ('24/Nov/2026:09:00:00.250 +0000', '2026-11-24T09:00:00.250000Z'),
    ('Tue Nov 24 09:00:00 GMT 2026', NINE), ('2026-W48-2T09:00:00Z', NINE), ('2026W482 09', NINE),
    ('Tue Nov 24 09:00:00 UTC 2026', NINE), ('Tue Nov 24 09:00:00 CST 2026', ''), ('Tue Nov 24 09:00:00', ''),
    ('Tue Non 24 09:00:00 2026', ''), ('Wed Nov 25 10:00:00 2026', '2026-11-25T10:00:00Z'), ('Wed Nov 25 10:00:01 2026', ''),
    ('Fri Dec 31 23:59:59 1999', ''), ('Sat Jan  1 00:00:00 2000', '2000-01-01T00:00:00Z'),
    ('Tue, 24 Nov 2026 09:00:00 +0000', NINE), ('Tue, 24 Nov 2026 10:00:00 +0100', NINE), ('24 Nov 2026 09:00 GMT', NINE),
    ('Tue, 24 Nov 2026 04:00:00 -0500', NINE), ('Tue, 24 Nov 2026 09:00:00 EST', ''), ('Tue, 24 Nov 26 09:00:00 GMT', ''),
    ('Tue, 31 Nov 2026 09:00:00 GMT', ''), ('24/Nov/2026:09:00:00 +0000', NINE), ('24/Nov/2026:14:30:00 +0530', NINE),
    ('24-Nov-2026 09:00:00', NINE), ('Tue, 24 Nov 2026 24:00:00 GMT', ''),
    # What follows an ISO date
    ('2026-11-24 09:00:00 (UTC)', NINE), ('2026-11-24 09:00:00 +0000 UTC', NINE), ('2026-11-24 09:00:00 (CET)', ''),
    ('2026-11-24 09:00:00 CST', ''), ('2026-11-24 9:00:00 AM', ''),
])
def test_a_date_is_read_only_if_it_cannot_be_another_one(text: str, expected: str) -> None:
    assert event({'time': text, 'x': 1}).occurred(NOW) == expected


def test_a_time_without_a_zone_is_utc_wherever_the_container_is() -> None:
    with zone('Asia/Tokyo'):
        assert event({'timestamp': '2026-11-24 09:00:00'}).occurred(NOW) == '2026-11-24T09:00:00Z'


def test_a_sender_whose_times_say_something_else_is_dated_at_arrival() -> None:
    assert event({'timestamp': 1795510800}, {'x-github-event': 'push'}).occurred(NOW) == ''


@pytest.mark.parametrize(('headers', 'expected'), [
    ({'X-Shopify-Topic': 'themes/publish'}, 'themes/publish'), ({'X-GitHub-Event': 'ping'}, 'ping'),
    ({'ce-type': 'com.example.fire', 'ce-source': 'deck-3'}, 'com.example.fire: deck-3'),
])
@pytest.mark.parametrize('body', ['{}', '', ' { } '])
def test_an_empty_object_of_a_sender_that_its_header_identifies_keeps_its_headers(
        app: App, headers: dict[str, str], expected: str, body: str) -> None:
    assert app.authorized(body, 'application/json', **headers).status == 200
    assert app.incidents[0]['name'] == expected
    assert app.details['headers'].items() >= {key.lower(): value for key, value in headers.items()}.items()


def test_an_empty_object_of_an_unknown_sender_and_an_envelope_of_a_known_one_are_envelopes(app: App) -> None:
    assert app.authorized('{}', X_Acme_Event='fire').status == 200
    assert app.authorized('[{"name": "ours"}, {}]', X_Shopify_Topic='themes/publish').status == 200
    assert [incident['rawJSON'] for incident in app.incidents[:2]] == ['{}', '{"name": "ours"}']
    assert app.incidents[2]['name'] == 'themes/publish'


KEYS = st.sampled_from(['name', 'type', 'title', 'alerts', 'event', 'data', 'rule', 'detail', 'message', 'Message', 'TopicArn',
                        'kind', 'verb', 'description', 'timestamp', 'body', 'labels', 'annotations']) | st.text()
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12)
HEADERS = st.dictionaries(st.sampled_from(['x-github-event', 'ce-type', 'aeg-event-type', 'x-my-topic', 'host']), st.text())


@by_chance(30)
@given(st.dictionaries(KEYS, JSON), HEADERS)
def test_any_event_gets_one_bounded_line_and_the_same_again(payload: dict[str, Any], headers: dict[str, str]) -> None:
    events = (event(payload, headers), event(payload, headers))
    told = [(each.name(), each.incident_type('', None), each.occurred(NOW)) for each in events]
    assert told[0] == told[1]
    text = told[0][0]
    assert len(text) <= 150
    assert text == ' '.join(text.split())
    assert text.encode() is not None  # no half of a pair
    assert not any(marker in text for marker in ERROR_MARKERS)


@by_chance(100)
@given(st.binary())
def test_a_payload_that_is_not_an_event_has_no_name_and_breaks_nothing(source: bytes) -> None:
    told = event(source)
    assert isinstance(told.name() + told.occurred(NOW), str)


def members(size: int) -> str:
    return '{' + ','.join(f'"k{number:07}":1' for number in range(size // 13)) + '}'


def in_each(words: Collection[str], make: Callable[[int], str], size: int) -> str:
    """Return the members of an object, one for each of the keys, of so many bytes together."""
    return ','.join(f'"{word}":{make(size // len(words))}' for word in words)


INSIDE = WORDS['inside']
# Each is an event of about so many bytes.
HOSTILE: dict[str, Callable[[int], str]] = {
    'deep': lambda size: '{"title":' + '[' * (size // 2) + ']' * (size // 2) + '}',
    'long text': lambda size: '{"title":"' + 'x ' * (size // 2) + '"}',
    'escaped text': lambda size: '{"title":"' + '\\\\ \\u00e9 ' * (size // 10) + '"}',
    'text of no meaning': lambda size: '{"x":"' + 'y' * size + '"}',
    'many keys': members,
    'many small keys': lambda size: '{' + '"":1,' * (size // 5) + '"title":"Disk full on db-1"}',
    'empty objects': lambda size: '{' + '"a":{},' * (size // 7) + '"b":1}',
    'long lists': lambda size: '{' + in_each(INSIDE, lambda part: f'[{"1," * (part // 2)}1]', size) + ',"title":"Disk full"}',
    'blank lines': lambda size: '{"body":"' + '\\n' * (size // 2) + 'Disk full on db-1"}',
    'invisible lines': lambda size: '{"body":"' + '\\u200e\\n' * (size // 8) + '"}',
    'long list': lambda size: '{"alerts":[' + '{},' * (size // 3) + '{}],"title":"Disk full on db-1"}',
    'long list of a row': lambda size: ('{"receiver":"x","groupLabels":{},"alerts":[{"labels":{"alertname":"Disk full"}}'
                                        + ',{}' * (size // 3) + ']}'),
    'lists in lists': lambda size: ('{"alerts":' + '[{"events":' * 200 + '[' + '1,' * (size // 2) + '1]' + '}]' * 200
                                    + ',"title":"Disk full"}'),
    'objects of many keys': lambda size: '{' + in_each(INSIDE, members, size) + ',"title":"Disk full"}',
    'objects in objects': lambda size: '{' + in_each(
        DEEPER, lambda part: '{' + in_each(INSIDE, members, part) + '}', size) + '}',
    'texts': lambda size: '{' + in_each(INSIDE, lambda part: f'{{"title":"{"x" * part}"}}', size) + ',"summary":"\U0001f600"}',
    'dull texts': lambda size: '{' + in_each(DEEPER, lambda part: '{' + in_each(
        INSIDE, lambda rest: f'{{"title":"none","summary":"none","kind":"none","x":"{"y" * rest}"}}', part) + '}', size) + '}',
}


@pytest.mark.parametrize('size', [10_000, MIB // 2], ids=['ordinary', 'large'])
def test_the_time_to_name_and_date_an_event_grows_with_its_size(size: int) -> None:
    def read(source: str) -> str:
        each = event(source)
        return each.name() + each.occurred(NOW)

    each_grows_linearly(HOSTILE, read, size)


# Each is an event with a text of so many characters, of which at most 4,096 are read.
HOSTILE_TEXTS: dict[str, Callable[[int], str]] = {
    'kind of many words': lambda size: '{"type":"' + 'a.' * (size // 2) + ' x","title":"Disk full"}',
    'many addresses': lambda size: '{"title":"' + 'a@' * (size // 2) + ' x"}',
    'parts of words in two ways': lambda size: '{"title":"' + 'v1_1_' * (size // 5) + '!"}',
    'parts of versions in two ways': lambda size: '{"title":"' + 'v12.' * (size // 4) + '!"}',
    'separators behind a time': lambda size: '{"body":"2026-11-24T10:00:00Z' + ' -' * (size // 2) + '"}',
    'structured data': lambda size: '{"body":"<1>1 - db-1 sshd 7 - ' + '[a@b]' * (size // 5) + '"}',
    'brackets': lambda size: '{"body":"WARN ' + '[a] ' * (size // 4) + '"}',
    'quotes among pairs': lambda size: '{"body":"a=1 b=2 c=' + '\\"\'' * (size // 3) + 'x"}',
    'brackets without blanks': lambda size: '{"body":"WARN ' + '[a]' * (size // 3) + '"}',
    'program before JSON': lambda size: '{"body":"Nov 24 10:00:00 db-1 ' + 'a' * size + ' {\\""}',
}


@pytest.mark.parametrize('make', HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
def test_the_time_to_name_an_event_grows_with_its_texts(make: Callable[[int], str]) -> None:
    grows_linearly(make, lambda source: event(source).name(), 1000)


@pytest.mark.parametrize('make', HOSTILE.values(), ids=HOSTILE)
def test_the_name_of_a_large_event_takes_less_memory_than_the_event(make: Callable[[int], str]) -> None:
    large = make(8 * MIB).encode()
    tracemalloc.start()
    event(large).name()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(large)


@pytest.mark.parametrize('mark', [
    '\xad', '\u200b', '\u200e', '\u200f', '\u202a', '\u202e', '\u2060', '\u2064', '\u2066', '\u2069', '\ufeff', '\0', '\x08',
    '\x0e', '\x1b', '\x7f', '\x84', '\x86', '\x9f'])
def test_no_invisible_character_hides_the_token_in_a_name(mark: str) -> None:
    assert name({'title': f'Disk {TOKEN[:9]}{mark}{TOKEN[9:]} full', 'message': 'Disk full'}, token=TOKEN) == 'Disk full'


PRINTED_NAME = """
from shared.app import event_of
source = b'{"title": "Head of Sales", "firstname": "Al", "reason": "Fix the bug soon", "commit": "abc"}'
print(event_of(source).name())
"""


@pytest.mark.sockets
@pytest.mark.parametrize('seed', ['1', '2'])
def test_an_event_has_the_same_name_in_each_process(seed: str) -> None:
    environment = {**os.environ, 'PYTHONHASHSEED': seed, 'PYTHONPATH': os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, '-c', PRINTED_NAME], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == 'Fix the bug soon\n'
