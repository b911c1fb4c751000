// What the server sends while the page is open: what it changes, what waits for a pause or for what is still loaded, and what is said of it.
import assert from 'node:assert/strict';
import test from 'node:test';
import {asked, passTime, reply} from './document.mjs';

globalThis.matchMedia = () => ({matches: true});
globalThis.sessionStorage = {getItem: () => null, setItem() {}};
globalThis.EventSource = class {
  static last;
  listeners = {};
  constructor() { EventSource.last = this; }
  addEventListener(name, handle) { this.listeners[name] = handle; }
};
EventSource.CLOSED = 2;
const {acts} = await import('../../../../localxsoar/web/page/acts.js');
const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');
const {el} = await import('../../../../localxsoar/web/page/dom.js');
const {startFilters} = await import('../../../../localxsoar/web/page/filters.js');
const {incidents} = await import('../../../../localxsoar/web/page/incidents.js');
const {listen, pause} = await import('../../../../localxsoar/web/page/live.js');
const {drawLog} = await import('../../../../localxsoar/web/page/log.js');
const {setOpened} = await import('../../../../localxsoar/web/page/opened.js');
const {chooseView} = await import('../../../../localxsoar/web/page/views.js');
const $ = document.getElementById;
el('p', {}, $('address'));
for (const id of ['delivery', 'incident']) el('div', {class: 'split'}, $(id));
document.activeElement = document.body;
document.documentElement = {dataset: {home: 'deliveries'}};
document.hidden = true;  // it takes all events in one task, however slow the machine is
startFilters();
const visit = (hash) => { location.hash = hash; chooseView(); };
visit('#/deliveries');

const delivery = (number, more) => ({number, started: number, sender: 'Acme', method: 'POST', target: '/', kind: 'created', status: 200, text: `name ${number}`, triage: '', note: '', chain: [], incidents: [], size: 1, milliseconds: 1, ...more});
const incident = (id, more) => ({id, name: `name ${id}`, sourceInstance: 'left', dbotMirrorId: '', state: '', status: 0, severity: 1, occurred: '', created: '2026-11-30T09:00:00Z', owner: '', type: '', ...more});
const DESCRIBED = {instance: 'left', enabled: true, ready: true, longRunning: true, port: 1, restarts: 0, health: {}, fields: []};
const numbers = () => deliveries.all.map(({number}) => number).join(' ');
const send = (kind, data) => EventSource.last.listeners[kind]({data: JSON.stringify(data)});
const settle = async () => { for (let round = 0; round < 5; round += 1) { passTime(); await new Promise(setImmediate); } };

// Reply to what the page asks for once it is connected: the part for the latest deliveries, or that for what is older.
async function answer(parts) {
  for (const [path, body] of Object.entries(parts)) {
    await reply(`/localxsoar/${path}`, body);
    await settle();
  }
}
const FIRST = (some, removed = 0, about = '') => ({[`instance${about}`]: DESCRIBED, 'deliveries?limit=100': some, commands: {instances: [{name: 'left', hasPort: true, commands: []}], scripts: [], server: []}, [`log${about}`]: [], [`senders${about}`]: [], 'deliveries/removed': {removed}});

test('what is newer than what is loaded waits for it, and all of it is counted', async () => {
  listen();
  EventSource.last.listeners.hello();
  const latest = Array.from({length: 100}, (_, at) => delivery(200 - at));
  send('delivery', delivery(150, {text: 'changed meanwhile'}));
  send('delivery', delivery(201));
  send('incident', incident('2', {name: 'changed meanwhile'}));
  const lines = [1, 2].map((second) => ({time: `00:00:0${second}`, level: 'info', text: 'a line'}));
  for (const line of lines) send('log', line);
  await settle();
  assert.equal(numbers(), '');
  await answer({...FIRST(latest, 3), log: lines.slice(0, 1)});  // the other one was logged since
  assert.deepEqual([deliveries.all.length, deliveries.all.find(({number}) => number === 150).text, $('count-deliveries').textContent], [101, 'changed meanwhile', '101…']);
  send('delivery', delivery(99, {text: 'older, changed'}));
  await settle();
  assert.equal(deliveries.all.length, 101);
  await answer({'deliveries?before=101&limit=1000': [delivery(100), delivery(99)]});
  assert.deepEqual([deliveries.all.length, deliveries.all.at(-1).text, incidents.all.length], [103, 'older, changed', 0]);
  await answer({'incidents/list': [incident('2'), incident('1')], 'incidents/acts': [{incident: '1'}]});
  assert.deepEqual([incidents.all.map(({name}) => name), acts.length], [['changed meanwhile', 'name 1'], 1]);
  assert.deepEqual([$('count-deliveries').textContent, $('count-incidents').textContent, $('no-incidents').hidden, $('removed-deliveries').hidden, $('removed-deliveries').textContent],
    ['103', '2', true, false, '103 kept, 3 older removed']);
  visit('#/log');
  drawLog();
  assert.deepEqual($('log').children.map((line) => line.textContent.slice(0, 8)), ['00:00:01', '00:00:02']);
  visit('#/deliveries');
});

test('events change what they are about, and of another instance nothing', async () => {
  send('delivery', delivery(202));
  await settle();
  assert.deepEqual([numbers().slice(0, 7), $('announce').textContent], ['202 201', '1 new delivery']);
  send('removed', {number: 202, removed: 1204});
  send('state', {instance: 'right', enabled: false});
  send('incident', incident('3'));
  send('act', {incident: '1', word: 'joined'});
  await settle();
  assert.deepEqual([numbers().slice(0, 7), $('removed-deliveries').textContent, $('health').textContent, incidents.all.length, acts.length], ['201 200', '103 kept, 1,204 older removed', 'Healthy', 3, 2]);
  send('state', {instance: 'left', enabled: false});
  visit('#/deliveries?open=200');
  setOpened({number: 200});
  send('cleared', {});
  await settle();
  assert.equal(location.hash, '#/deliveries');
  setOpened(null);
  assert.deepEqual([numbers(), $('health').textContent, $('removed-deliveries').hidden, $('count-deliveries').textContent, incidents.all.length], ['', 'disabled', true, '', 3]);
});

test('while the page is paused only the state changes, and the rest comes after it, or is loaded if it is too much', async () => {
  pause();
  assert.deepEqual([$('pause').textContent, $('pause').attributes['aria-pressed']], ['Resume', 'true']);
  for (const number of [210, 211, 210]) send('delivery', delivery(number));
  send('incident', incident('4'));
  send('state', {instance: 'left', enabled: true});
  await settle();
  assert.deepEqual([numbers(), $('pause').textContent, $('health').textContent, $('empty').hidden], ['', 'Resume (2)', 'Healthy', true]);
  for (const view of ['try', 'deliveries']) {
    visit(`#/${view}`);
    assert.equal($('pause').hidden, false);
  }
  send('delivery', delivery(210, {text: 'the latest'}));
  pause();
  await settle();
  assert.deepEqual([numbers(), deliveries.all[1].text, $('pause').textContent, $('announce').textContent], ['211 210', 'the latest', 'Pause', '2 new deliveries']);
  pause();
  for (let at = 0; at < 5001; at += 1) send('log', {time: '', level: 'info', text: 'a line'});
  for (let left = 5001; left; left -= 1) if (left % 1000 === 0) await settle();
  assert.equal($('pause').textContent, 'Resume');
  pause();
  const {'deliveries?limit=100': some, ...others} = FIRST([], 0, '?instance=left');
  await answer({...others, deliveries: some});
  await answer({'incidents/list': Array.from({length: 10_000}, (_, at) => incident(String(10_000 - at))), 'incidents/acts': []});
  send('incident', incident('10001'));
  await settle();
  assert.deepEqual([numbers(), incidents.all.length, incidents.all[0].id, incidents.all.at(-1).id], ['', 10_000, '10001', '2']);
});

test('a connection that is lost is said, and opened again if the browser gives up', async () => {
  const before = EventSource.last;
  before.onerror();
  assert.deepEqual([$('lost').hidden, $('health').textContent], [false, 'state unknown']);
  passTime();
  assert.equal(EventSource.last, before);
  before.readyState = EventSource.CLOSED;
  before.onerror();
  passTime();
  assert.notEqual(EventSource.last, before);
  asked.clear();
  visit('#/incidents?open=lane-1');
  EventSource.last.listeners.hello();
  const {'deliveries?limit=100': some, ...others} = FIRST([], 0, '?instance=left');
  for (const meanwhile of [() => send('cleared', {}), EventSource.last.listeners.reset, () => {}]) {  // what was asked for may be stale then
    meanwhile();
    await settle();
    await answer({...others, deliveries: some, 'incidents/list': [incident('1')], 'incidents/acts': []});
  }
  assert.match($('incident').textContent, /Events 1/);
  EventSource.last.listeners.hello();
  assert.deepEqual([...asked.keys()], []);
});
