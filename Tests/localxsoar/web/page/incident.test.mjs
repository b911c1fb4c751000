// One incident: what led to it, what it says, and the table of a delivery's incidents.
import assert from 'node:assert/strict';
import test from 'node:test';
import {asked, reply} from './document.mjs';

const {setActs} = await import('../../../../localxsoar/web/page/acts.js');
const {readAddress} = await import('../../../../localxsoar/web/page/address.js');
const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');
const {el} = await import('../../../../localxsoar/web/page/dom.js');
const {drawIncidentTable, linkIncident, noteAct, openIncident} = await import('../../../../localxsoar/web/page/incident.js');
const {incidents} = await import('../../../../localxsoar/web/page/incidents.js');
const {setPorts} = await import('../../../../localxsoar/web/page/state.js');
const $ = document.getElementById;
el('div', {class: 'split'}, $('incident'));
setPorts([{name: 'left', hasPort: true}, {name: 'right'}]);

const AT = new Date(2026, 10, 30, 9, 0, 5).getTime() / 1000;
const incident = (id, more) => ({id, name: `name ${id}`, type: 'Host', occurred: '2026-11-30T09:00:00', sourceInstance: 'left', severity: 3, state: '', status: 0, owner: '', dbotMirrorId: 'disk', entries: [], labels: [],
  fields: [], rawJSON: '{"a": 1}', ...more});
const delivery = (number, own, more) => ({number, sender: 'Acme', started: AT, size: 1, kind: 'created', target: '/', incidents: ['1'], chain: own.length ? [{word: 'created', incidents: own}] : [], ...more});

// Open an incident, and return what is said of its deliveries and of its problem.
async function open(item, sent = [], others = [], acts = [], isWhole = true) {
  deliveries.set(sent);
  deliveries.isWhole = isWhole;
  incidents.set([...others, item]);
  setActs(acts);
  location.hash = `#/incidents?open=${item.id}`;
  readAddress(['incidents'], 'incidents');
  openIncident(item.id);
  await reply(`/localxsoar/incidents/${item.id}`, item);
  return $('incident').all('.links')[0].all('p').map((each) => each.textContent);
}
const WHEN = 'Acme, 2026-11-30 09:00:05)';
const act = (word, number, text = '') => ({word, incident: '1', delivery: number, at: AT, text});

test('an act without an incident opens none', () => {
  location.hash = '#/incidents';
  readAddress(['incidents'], 'incidents');
  noteAct({incident: ''});
  assert.equal(asked.size, 0);
});

test('an incident says who created, joined, ended and repeated it, as far as that is known', async () => {
  const sent = [delivery(4, [], {sender: ''}), delivery(3, []), delivery(1, ['1'])];
  assert.deepEqual(await open(incident('1'), sent, [incident('2', {dbotMirrorId: 'other'}), incident('3', {status: 2}), incident('4', {sourceInstance: 'right'})], [act('joined', 3, 'high → critical'), act('ended', 9), act('ended', 0), act('dropped', 3), {...act('joined', 3), incident: '3'}]), [
    `Created by delivery 1 (${WHEN}`, `Joined by delivery 3 (${WHEN}: high → critical`, 'Ended by delivery 9 (2026-11-30 09:00:05), no known delivery (2026-11-30 09:00:05)',
    `Repeated by delivery 3 (${WHEN}, delivery 4 (unknown sender, 2026-11-30 09:00:05)`, 'Same problem: incident 3 (high, closed)']);
  const none = [];
  for (const [more, isWhole] of [[{}, true], [{}, false], [{sourceInstance: 'right'}, true]]) none.push(await open(incident('1', {...more, dbotMirrorId: ''}), [], [incident('2', {dbotMirrorId: ''})], [], isWhole));
  assert.deepEqual(none, [['Which delivery it came from is not known: it is no longer kept, or its sender had left.'], ['Older deliveries are still being loaded.'], []]);
  const [, many] = await open(incident('1'), Array.from({length: 22}, (_, at) => delivery(22 - at, at === 20 ? ['1'] : [])));
  assert.match(many, /^Repeated by delivery 1 .*, delivery 21 .* and 1 more$/);
});

test('an incident shows what it has, and nothing of what it has not', async () => {
  const parts = () => $('incident').all('h3').map((each) => each.textContent).join(', ');
  await open(incident('1', {dbotMirrorId: ''}));
  assert.deepEqual([$('incident').all('.meta')[0].textContent, $('incident').all('.triage')[0].textContent, parts()],
    ['incident 1 · Host · occurred 2026-11-30 09:00:00 · source left', 'severity highstate pending', 'Raw details 8 B']);
  await open(incident('1', {owner: 'kim', entries: ['a note'], labels: [{name: 'Brand', value: 'Acme'}], fields: [{name: 'x', value: '1'}, {name: 'y', value: '2'}]}));
  assert.deepEqual([$('incident').all('.triage')[0].textContent, parts()], ['severity highstate pendingowner kimproblem disk', 'War Room 1, Labels 1, Raw details 8 B, Fields 2']);
  assert.equal($('incident').all('#lane')[0].attributes.href, '#/incidents/lane-1');
  openIncident('1');
  await reply('/localxsoar/incidents/1', {error: 'There is no incident 1.'});
  assert.equal($('incident').textContent, '‹ BackThere is no incident 1.');
});

test('an incident that is open is drawn again as acts change it, and gains the links of deliveries that end', async () => {
  await open(incident('1'));
  const isAsked = (about) => { asked.clear(); noteAct(about); return asked.has('/localxsoar/incidents/1'); };
  assert.deepEqual([{incident: '2'}, {incident: ''}, {incident: '1'}].map(isAsked), [false, false, true]);
  await reply('/localxsoar/incidents/1', incident('1'));
  $('search').value = 'sender:acme';
  incidents.set([incident('1')]);
  assert.deepEqual(incidents.shown, []);
  deliveries.set([delivery(5, ['1'])]);
  for (const [ids, said] of [[['2'], 'Which delivery'], [['1'], 'Created by delivery 5']]) {
    linkIncident(delivery(5, ['1'], {incidents: ids}));
    assert.ok($('incident').all('.links')[0].textContent.startsWith(said));
  }
  assert.deepEqual(incidents.shown.map(({id}) => id), ['1']);
  $('search').value = '';
});

test('of a delivery with many incidents a hundred are shown, and all of them on request', () => {
  incidents.set([incident('1')]);
  const [box, small] = [el('div'), el('div')];
  drawIncidentTable(['1'], small);
  assert.deepEqual(small.all('button'), []);
  drawIncidentTable(Array.from({length: 102}, (_, at) => String(at + 1)), box);
  const rows = () => box.all('tbody')[0].children.map((row) => row.children.map((each) => each.textContent).join('|'));
  assert.deepEqual([rows().length, rows()[0], rows()[1], box.all('button').map((each) => each.textContent)], [100, '1|high|pending|name 1', '2|||', ['show 2 more']]);
  box.all('button')[0].click();
  assert.deepEqual([rows().length, box.all('button')], [102, []]);
});
