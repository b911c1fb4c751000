// One lane: what is said of each of its events, when they were, and how long its problem lasted; and its line among all lanes.
import assert from 'node:assert/strict';
import test from 'node:test';
import {passTime} from './document.mjs';

const {setActs} = await import('../../../../localxsoar/web/page/acts.js');
const {readAddress} = await import('../../../../localxsoar/web/page/address.js');
const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');
const {el} = await import('../../../../localxsoar/web/page/dom.js');
const {incidents} = await import('../../../../localxsoar/web/page/incidents.js');
const {openLane} = await import('../../../../localxsoar/web/page/lane.js');
const {lanes, noteChange} = await import('../../../../localxsoar/web/page/lanes.js');
const $ = document.getElementById;
el('div', {class: 'split'}, $('incident'));
$('axis').clientWidth = 1000;
$('lanes').scrollTop = 0;

const at = (day, hour, minute = 0) => new Date(2026, 10, day, hour, minute).getTime() / 1000;
const incident = (id, when, more) => ({id, sourceInstance: 'left', dbotMirrorId: 'disk', created: new Date(when * 1000).toISOString(), name: 'Disk full', type: '', owner: '',
  state: '', status: 0, severity: 3, ...more});
const step = (word, ids = [], more = {}) => ({word, text: '', said: word, incidents: ids, ...more});
const delivery = (number, started, steps, more) => ({number, started, sender: 'Acme', kind: 'created', status: 200, incidents: [], text: '', triage: '', target: '/', chain: steps, ...more});
const END = {state: 'resolved', first_state: 'resolved'};
const act = (word, number, when, text) => ({word, delivery: number, at: when, incident: '1', text, name: 'Disk fuller', dbotMirrorId: 'disk', sourceInstance: 'left'});

location.hash = '#/incidents?as=lanes';
readAddress(['incidents'], 'incidents');

// Show these as lanes.
function show(found, sent, acts = []) {
  incidents.set(found);
  deliveries.set(sent);
  setActs(acts);
  noteChange();
  passTime();
  lanes.filter();
}

const DELIVERIES = [
  delivery(9, at(2, 10), [step('created', ['2']), step('left')], {kind: 'gone'}), delivery(8, at(2, 9), [step('repeat', ['1'])], {kind: 'repeat'}), delivery(7, at(1, 12), []),
  delivery(5, at(1, 10, 30), [step('skipped', [], {text: 'skipped: severity low'})], {alike: 2}), delivery(4, at(1, 10), []), delivery(2, at(1, 9), [step('created', ['1'])], {alike: 2}),
  delivery(1, at(1, 8), [step('rejected')], {kind: 'rejected', status: 401, alike: 2}),
];
const ACTS = [act('joined', 4, at(1, 10), '1 high → critical'), act('dropped', 6, at(1, 11), ''), act('joined', 7, at(1, 12), '1'), act('ended', 99, at(1, 13), '1')];
const lane = () => $('incident').textContent;

test('a lane says what each event was, when it was, and with which delivery its own is compared', () => {
  show([incident('2', at(2, 12)), incident('1', at(1, 9))], DELIVERIES, ACTS);
  openLane('lane-1');
  assert.deepEqual($('incident').all('tbody')[0].children.map((row) => row.children.map((each) => each.textContent.trim()).join('; ')), [
    '2026-11-01 08:00:00; ✗ rejected: 401 (same body); delivery 1; ', '09:00:00 +1 h; → created; delivery 2 compare; incident 1',
    '10:00:00 +1 h; ↳ joined: high → critical; delivery 4 compare; incident 1 Disk fuller', '10:30:00 +30 min; ⊘ skipped: severity low (same body); delivery 5 compare; ',
    '11:00:00 +30 min; ⊘ dropped; delivery not known; incident 1 Disk fuller', '12:00:00 +1 h; ↳ joined; delivery 7 compare; incident 1 Disk fuller',
    '13:00:00 +1 h; ✓ ended; delivery not known; incident 1 Disk fuller', '2026-11-02 09:00:00 +20 h; ↺ repeat; delivery 8 compare; incident 1',
    '10:00:00 +1 h; ↯ sender left; delivery 9 compare; ', '12:00:00 +2 h; → created late; delivery 9 compare; incident 2']);
  assert.deepEqual($('incident').all('a').map((each) => each.attributes.href).filter((href) => href.includes('with')), [[2, 1], [4, 2], [5, 4], [7, 5], [8, 7], [9, 8], [9, 8]]
    .map(([one, other]) => `#/deliveries?open=${one}&tab=compare&with=${other}`));
  assert.match(lane(), /Disk fullproblem disk · source left · Acmeseverity highopen since 2026-11-02 12:00:00Events 10, oldest first/);
});

for (const [said, ...found] of [
  ['ended after 2 h', incident('1', at(1, 9)), incident('2', at(1, 11), END)],
  ['open since 2026-11-01 12:00:00', incident('1', at(1, 9)), incident('2', at(1, 11), END), incident('3', at(1, 12))],
  ['ended ', incident('1', at(1, 9), {status: 2, dbotMirrorId: 'fan'})],
]) {
  test(`of a problem of ${found.length} is said: ${said}`, () => {
    show(found.toReversed(), []);
    openLane('lane-1');
    assert.ok(lane().includes(`severity high${said}Events ${found.length},`), lane());
  });
}

test('a lane that is open is drawn again once its incident is closed by hand', () => {
  location.hash = '#/incidents?as=lanes&open=lane-1';
  readAddress(['incidents'], 'incidents');
  openLane('lane-1');
  for (const [status, said] of [[0, 'open since'], [2, 'ended']]) {
    show([incident('1', at(1, 9), {status, dbotMirrorId: 'fan'})], []);
    assert.ok(lane().includes(`severity high${said}`), lane());
  }
});

test('the latest hundred events of a lane are shown, and those before them on request', () => {
  show(Array.from({length: 230}, (_, place) => incident(String(230 - place), at(1, 0, 230 - place), {severity: 1})), []);
  openLane('lane-1');
  const [more] = $('incident').all('#earlier');
  for (const [label, rows, isHidden] of [['show 100 of 130 earlier', 100, false], ['show 30 of 30 earlier', 200, false], ['', 230, true]]) {
    if (label) assert.equal(more.textContent, label);
    assert.deepEqual([$('incident').all('tbody')[0].childElementCount, more.hidden], [rows, isHidden]);
    more.click();
  }
  assert.equal($('incident').all('tr')[1].children[0].textContent.trim(), '2026-11-01 00:01:00');
});

test('a line has the events of a lane on one line of time, and a search finds it by what it concerns', () => {
  const other = [delivery(20, at(1, 12), [step('rejected')], {kind: 'rejected', status: 401, sender: 'Other'}), delivery(21, at(1, 12), [step('rejected')], {kind: 'rejected', sender: 'Other'})];
  const none = incident('4', at(1, 11), {...END, dbotMirrorId: 'cpu', severity: 0.5, name: 'CPU'});
  show([none, incident('3', at(1, 11), {dbotMirrorId: '', severity: 4, name: 'Fan is off'}), incident('2', at(1, 10), END), incident('1', at(1, 9))],
    [...other, delivery(3, at(1, 11), [step('created', ['3'])]), delivery(2, at(1, 10), [step('created', ['2'])]), delivery(1, at(1, 9), [step('created', ['1'])])]);
  lanes.height = 320;
  const lefts = [0, 0, 1].map((hour) => {
    Date.now = () => at(2, hour) * 1000;
    lanes.render();
    return parseFloat(lanes.room.children[2].all('.sign')[0].style.left);
  });
  assert.ok(lefts[0] === lefts[1] && lefts[1] > lefts[2], `the line of time ends now: ${lefts}`);
  assert.deepEqual(lanes.room.children.map((row) => row.children.map((each) => each.textContent.trim()).join('; ')), [
    'info; ended; CPU cpu; created: the end, from 2026-11-01 11:00:00 to 2026-11-01 11:00:00; →', 'high; ended; Disk full disk; created, created: the end, from 2026-11-01 09:00:00 to 2026-11-01 10:00:00; →→',
    '; ; Other: without an incident; 2 × rejected, from 2026-11-01 12:00:00 to 2026-11-01 12:00:00; ✗2',
    '; ; Incidents without a problem key; created, from 2026-11-01 11:00:00 to 2026-11-01 11:00:00; →']);
  assert.deepEqual(lanes.room.all('.sign').map((each) => each.attributes.title), ['created: the end 2026-11-01 11:00:00', 'created 2026-11-01 09:00:00', 'created: the end 2026-11-01 10:00:00',
    '2 × rejected 2026-11-01 12:00:00 to 2026-11-01 12:00:00', 'created 2026-11-01 11:00:00']);
  const places = (search) => {
    $('search').value = search;
    lanes.filter();
    return lanes.shown.map((each) => lanes.all.indexOf(each)).join(' ');
  };
  assert.deepEqual(['', 'fan', 'OTHER', 'sender:acme', 'status:ended', 'status:over', 'severity:high', 'became:created', 'became:rejected', 'after:2026-11-01T10:00', 'after:2026-11-01T11:30'].map(places),
    ['0 1 2 3', '3', '2', '1 3', '0 1', '0 1 2 3', '1', '0 1 3', '2', '0 1 2 3', '2']);
  $('search').value = '';
});

test('the lane that is read stays where it is while another comes above it', () => {
  const found = ['3', '2', '1'].map((id) => incident(id, at(1, Number(id)), {dbotMirrorId: id}));
  show(found.slice(1), []);
  Object.assign(lanes, {scrolled: null, moved: 0}).box.scrollTop = 32;
  show(found, []);
  assert.deepEqual([lanes.shown.map(({key}) => key), lanes.moved], [['lane-3', 'lane-2', 'lane-1'], 32]);
});
