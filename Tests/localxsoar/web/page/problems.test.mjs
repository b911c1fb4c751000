// Lanes of problems: which events each has, in which order, and which lanes come first.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {lanesOf} = await import('../../../../localxsoar/web/page/problems.js');
const {noteEnd} = await import('../../../../localxsoar/web/page/triage.js');

const at = (minute) => 1.7e9 + 60 * minute;
const incident = (id, dbotMirrorId, minute, more) => ({id: String(id), sourceInstance: 'webhook', dbotMirrorId, created: new Date(at(minute) * 1000).toISOString(), name: `name ${id}`,
  state: '', status: 0, severity: 2, ...more});
const step = (word, incidents = [], more = {}) => ({word, text: '', incidents, ...more});
const delivery = (number, minute, own, {steps = [], ...more} = {}) => ({number, started: at(minute), sender: 'GitHub', kind: 'created', ...more,
  chain: [...(own.length ? [step('created', own)] : []), ...steps]});
const END = {state: 'resolved', first_state: 'resolved'};
const REPEAT = (...ids) => ({kind: 'repeat', steps: [step('repeat', ids)]});
const [GONE, REJECTED] = [{kind: 'gone', steps: [step('left')]}, {kind: 'rejected', steps: [step('rejected')]}];
const act = (word, delivery, minute, incident, dbotMirrorId, more) => ({word, delivery, at: at(minute), incident, dbotMirrorId, sourceInstance: 'webhook', name: 'joined', text: '', ...more});

// Each lane as its key and its events: the kind and the minute, with the numbers of the delivery and of the incident.
function drawn(incidents, deliveries, acts = []) {
  incidents.forEach(noteEnd);
  return lanesOf(incidents, deliveries, acts).map(({key, isOpen, events}) => [key, isOpen ? 'open' : '', ...events.map((each) =>
    `${each.kind} ${Math.round((each.at / 1000 - at(0)) / 60)} ${each.delivery?.number ?? '-'} ${each.incident?.id ?? '-'}`)]);
}

test('a lane has the events of its problem as they were, and begins anew after an end', () => {
  const incidents = [incident(1, 'a', 1), incident(2, 'a', 2), incident(3, 'a', 4, END), incident(4, 'a', 5)];
  const deliveries = [delivery(5, 5, ['4']), delivery(4, 4, ['3']), delivery(3, 3, [], REPEAT('2')), delivery(2, 2, ['2']), delivery(1, 1, ['1'])];
  assert.deepEqual(drawn(incidents, deliveries), [['lane-1', 'open', 'created 1 1 1', 'created 2 2 2', 'repeat 3 3 2', 'end 4 4 3', 'created 5 5 4']]);
});

test('what was rejected, and whose sender left, is in the lane of the same body, and its late incident after it', () => {
  const incidents = [incident(11, 'b', 3), incident(12, 'c', 8)];
  const deliveries = [delivery(14, 6, ['12'], {...GONE, alike: 14}), delivery(13, 4, [], {...GONE, alike: 11}), delivery(12, 3, ['11'], {alike: 11}),
    delivery(11, 1, [], {...REJECTED, alike: 11})];
  assert.deepEqual(drawn(incidents, deliveries), [['lane-12', 'open', 'left 6 14 -', 'created 8 14 12'],
    ['lane-11', 'open', 'rejected 1 11 -', 'created 3 12 11', 'left 4 13 -']]);
});

test('open problems come first, then those with the latest events, then what belongs to no problem', () => {
  const incidents = [incident(21, 'ended', 9), incident(22, 'ended', 10, END), incident(23, 'old', 1), incident(24, 'new', 2), incident(25, '', 30), incident(26, '', 31)];
  const deliveries = [delivery(21, 40, [], {...REJECTED, sender: 'one'}), delivery(22, 41, [], {...REJECTED, sender: 'one'}), delivery(23, 41, [], {kind: 'answered'})];
  assert.deepEqual(drawn(incidents, deliveries).map(([key, open, ...events]) => [key, open, events.length]),
    [['lane-24', 'open', 1], ['lane-23', 'open', 1], ['lane-21', '', 2], ['lane-of-21', '', 2], ['lane-25', '', 2]]);
});

test('of events at one time a repeat comes before the end, and what has created nothing first', () => {
  const incidents = [incident(51, 'o', 1), incident(52, 'o', 1, END)];
  const deliveries = [delivery(55, 1, ['52']), delivery(54, 1, [], REPEAT('51')), delivery(53, 1, ['51'], {alike: 51}),
    delivery(52, 1, [], {...REJECTED, alike: 51}), delivery(51, 1, [], {...GONE, alike: 51})];
  const events = ['left 1 51 -', 'rejected 1 52 -', 'created 1 53 51', 'repeat 1 54 51', 'end 1 55 52'];
  assert.deepEqual([drawn(incidents, deliveries), drawn(incidents, deliveries.toReversed())], [[['lane-51', '', ...events]], [['lane-51', '', ...events]]]);
});

test('the events of one delivery are in the order in which the server handled them', () => {
  const incidents = [incident(56, 'r', 2, END), incident(57, 'r', 3)];
  assert.deepEqual(drawn(incidents, [delivery(56, 1, ['56', '57'])]), [['lane-56', 'open', 'end 1 56 56', 'created 1 56 57']]);
});

test('a lane of several senders names none of them', () => {
  const deliveries = [delivery(28, 2, ['28'], {sender: 'one'}), delivery(27, 1, ['27'], {sender: 'two'})];
  const [both, single] = [[incident(27, '', 1), incident(28, '', 2)], [incident(28, '', 2)]].map((all) => lanesOf(all, deliveries, []));
  assert.deepEqual([both[0].sender, single[0].sender], ['2 senders', 'one']);
});

test('one delivery is in the lane of each of its problems, and a key of another instance is another problem', () => {
  const incidents = [incident(31, 'x', 1), incident(32, 'y', 1), incident(33, 'x', 2, {sourceInstance: 'other'})];
  const deliveries = [delivery(32, 2, [], REPEAT('31', '32')), delivery(31, 1, ['31', '32'])];
  assert.deepEqual(drawn(incidents, deliveries).map(([, , ...events]) => events), [['created 1 31 31', 'repeat 2 32 31'], ['created 1 31 32', 'repeat 2 32 32'], ['created 2 - 33']]);
});

test('what the rule did is in the lane of its incident or problem at the time of the delivery, whatever the incident is now', () => {
  const now = {first_state: '', state: 'resolved', status: 2, severity: 4};
  const deliveries = [delivery(64, 5, []), delivery(63, 3, [], GONE), delivery(62, 2, []), delivery(61, 1, ['61'])];
  const acts = [act('joined', 62, 2.5, '61', 'k', {text: 'high → critical'}), act('ended', 63, 4, '61', 'k'), act('dropped', 64, 5, '', 'only dropped'), act('dropped', 7, 6, '', '')];
  assert.deepEqual(drawn([incident(61, 'k', 1, now)], deliveries, acts), [['lane-of-64', '', 'dropped 5 64 -'], ['lane-61', '', 'created 1 61 61', 'joined 2 62 61', 'left 3 63 -', 'ended 4 63 61'],
    [`lane-of-${at(6) * 1000}`, '', 'dropped 6 - -']]);
});

test('a repeat of what was joined is in the lane of that, and what was skipped or lost in one of its sender', () => {
  const deliveries = [delivery(74, 4, [], {steps: [step('lost')], sender: 'two'}), delivery(73, 3, [], {steps: [step('skipped')], sender: 'two'}),
    delivery(72, 2, [], {steps: [step('repeat', [], {delivery: 71})]}), delivery(71, 1, [])];
  assert.deepEqual(drawn([incident(71, 'm', 0, {created: new Date(at(0) * 1000).toISOString()})], deliveries, [act('joined', 71, 1, '71', 'm')]), [
    ['lane-71', 'open', 'created 0 - 71', 'joined 1 71 71', 'repeat 2 72 -'], ['lane-of-73', '', 'skipped 3 73 -', 'lost 4 74 -']]);
});

test('of open problems the gravest come first', () => {
  const incidents = [incident(81, 'p', 1, {severity: 4}), incident(82, 'q', 2, {severity: 1}), incident(83, 'r', 3, {severity: 3})];
  assert.deepEqual(drawn(incidents, []).map(([key]) => key), ['lane-81', 'lane-83', 'lane-82']);
});

test('a lane is as severe as the gravest of its open incidents, and is named by the latest that is no end', () => {
  const incidents = [incident(41, 'z', 1, {severity: 4, status: 2}), incident(42, 'z', 2, {severity: 3}), incident(43, 'z', 3, {severity: 1})];
  const [lane] = lanesOf(incidents, [], []);
  assert.deepEqual([lane.severity, lane.name, lane.isOpen], [3, 'name 43', true]);
  const ended = [...incidents, incident(44, 'z', 4, {...END, severity: 0.5})];
  ended.forEach(noteEnd);
  assert.deepEqual(lanesOf(ended, [], []).map((each) => [each.severity, each.name, each.isOpen]), [[4, 'name 43', false]]);
});
