// The list of incidents: which of them a search shows, in which order, and what is said of a search that cannot be read.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {readAddress} = await import('../../../../localxsoar/web/page/address.js');
const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');
const {startFilters} = await import('../../../../localxsoar/web/page/filters.js');
const {incidents, sortIncidents} = await import('../../../../localxsoar/web/page/incidents.js');
const {stateOf, titleOf, toneOf} = await import('../../../../localxsoar/web/page/lanes.js');
const $ = document.getElementById;

location.hash = '#/incidents';
readAddress(['incidents'], 'incidents');
startFilters();
const incident = (id, hour, more) => ({id, name: `name ${id}`, type: 'Host', owner: '', severity: 1, state: '', status: 0, dbotMirrorId: '', sourceInstance: 'left', occurred: `2026-11-30T0${hour}:00:00Z`, ...more});
const delivery = (number, sender, id, word) => ({number, sender, kind: 'created', incidents: [id], chain: [{word, incidents: [id], text: ''}], status: 200, target: '/', text: '', triage: ''});
deliveries.set([delivery(2, 'GitHub', '3', 'joined'), delivery(1, 'Acme', '1', 'created')]);
incidents.set([incident('4', 2, {state: 'resolved', severity: 4}), incident('3', 5, {severity: 3}), incident('2', 9, {status: 2, owner: 'kim'}), incident('1', 1, {dbotMirrorId: 'disk'})]);
incidents.isWhole = true;

for (const [search, sort, shown] of [
  ['', '', '4 3 2 1'], ['', 'severity', '3 1 4 2'], ['', 'occurred', '2 3 4 1'], ['host name', '', '4 3 2 1'], ['KIM', '', '2'], ['disk', '', '1'], ['github', '', '3'],
  ['high', '', '3'], ['status:open', '', '3 1'], ['status:over', '', '4 2'], ['status:closed,resolved', '', '4 2'], ['severity:low', 'occurred', '2 1'],
  ['sender:git', '', '3'], ['became:joined', '', '3'], ['became:created', '', '1'], ['after:2026-12-01', '', '']]) {
  test(`the search "${search}" in the order "${sort}" shows ${shown || 'none'}`, () => {
    $('search').value = search;
    $('sort').value = sort;
    sortIncidents();
    assert.equal(incidents.shown.map(({id}) => id).join(' '), shown);
  });
}

for (const [search, said] of [
  ['status:open', '2 of 4'], ['status:401', 'status:401 is not one of open, over, pending, active, closed, archived, ended, resolved'],
  ['severity:grave', 'severity:grave is not one of info, low, medium, high, critical, unknown'], ['after:noon', 'after:noon is not one of 15m, 2h, 3d, 14:30, 2026-11-30, 2026-11-30T14:30']]) {
  test(`of the search ${search} is said: ${said}`, () => {
    $('search').value = search;
    incidents.filter();
    incidents.describe();
    assert.deepEqual([$('shown-incidents').textContent, $('open-only').getAttribute('aria-pressed')], [said, String(search === 'status:open')]);
  });
}

for (const [search, sort, shown] of [['', '', '9 resolved, 8 ended, 7 pending'], ['status:open', '', '7 pending'], ['', 'severity', '7 pending, 8 ended, 9 resolved']]) {
  test(`after the end of a problem, the search "${search}" in the order "${sort}" shows ${shown}`, () => {
    $('search').value = search;
    $('sort').value = sort;
    sortIncidents();
    incidents.set([incident('8', 1, {dbotMirrorId: `${search} ${sort}`, severity: 3}), incident('7', 2)]);
    Object.assign(incidents, {height: 320, scrolled: null}).box.scrollTop = 0;
    incidents.render();
    incidents.add(incident('9', 3, {dbotMirrorId: `${search} ${sort}`, severity: 0.5, state: 'resolved'}));
    incidents.render();
    assert.equal(incidents.room.children.map((row) => ['.id', '.state-word'].map((part) => row.all(part)[0].textContent).join(' ')).join(', '), shown);
    incidents.height = 0;
  });
}

test('a lane is named by its problem or by what its events have in common', () => {
  const lanes = [{problem: 'k', name: 'Disk', isOpen: true, severity: 3}, {problem: 'k', name: 'Disk'}, {source: 'left'}, {sender: 'Acme'}, {}];
  assert.deepEqual(lanes.map(titleOf), ['Disk', 'Disk', 'Incidents without a problem key', 'Acme: without an incident', 'Unknown senders: without an incident']);
  assert.deepEqual(lanes.map(stateOf), ['open', 'ended', '', '', '']);
  assert.deepEqual(['created', 'end', 'lost', 'left'].map((kind) => [toneOf(kind, lanes[0]), toneOf(kind, lanes[3])]), [['severity high', ''], ['good', 'good'], ['bad', 'bad'], ['warn', 'warn']]);
});
