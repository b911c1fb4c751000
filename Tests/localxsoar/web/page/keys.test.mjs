// The whole page with its keys and controls: what a key does where, and what it leaves to the browser and to what a person types into.
import assert from 'node:assert/strict';
import test from 'node:test';
import {asked, reply} from './document.mjs';

const $ = document.getElementById;
const VIEWS = ['deliveries', 'incidents', 'try', 'commands', 'instance', 'log'];
const named = (id, parent) => { Object.assign($(id), {id}); parent?.append($(id)); return $(id); };
const links = VIEWS.map((view) => { const link = document.createElement('a'); link.setAttribute('href', `#/${view}`); return link; });
const sections = VIEWS.map((view) => named(`view-${view}`));
for (const [at, id] of ['delivery', 'incident'].entries()) {
  sections[at].className = 'split';
  named(id, sections[at]).className = 'detail';
}
for (const id of ['deliveries', 'search', 'address', 'edit']) named(id, document.createElement('p'));
const ticking = new Set();  // what is drawn again while time passes
Object.assign(globalThis, {window: document, matchMedia: () => ({matches: true}), sessionStorage: {getItem: () => null, setItem() {}}, EventSource: class { addEventListener() {} }, NodeFilter: {}, setInterval: (act) => ticking.add(act) && act, clearInterval: (act) => ticking.delete(act)});
Object.assign(document, {documentElement: {dataset: {home: 'deliveries'}}, createTreeWalker: () => ({nextNode: () => false}),
  querySelectorAll: (wanted) => ({'main > section': sections, 'nav a': links, 'nav a:not([hidden])': links})[wanted] ?? []});
location.hash = '#/deliveries';
await import('../../../../localxsoar/web/page/script.js');
const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');
const {setLines} = await import('../../../../localxsoar/web/page/log.js');
const {incidents} = await import('../../../../localxsoar/web/page/incidents.js');

const MESSAGE = {headers: [], body: '', is_text: true, cut: false, fields: [], size: 0, kept: 0, decompressed: false};
const delivery = (number) => ({number, started: 0, method: 'POST', target: '/', sender: 'Acme', peer: '10.0.0.1', kind: 'answered', status: 200, reason: 'OK', text: ['', 'one', 'two', 'three'][number], note: '', triage: '', milliseconds: 1, size: 1,
  missing: '', unsavable: '', uncopyable: '', unprovable: '', checks: [], changes: [], advice: '', origin: 0, chain: [], incidents: [], query: [], request: MESSAGE, response: MESSAGE});
deliveries.isWhole = true;
deliveries.set([3, 2, 1].map(delivery));
deliveries.height = 96;  // of two rows and a part

// Press a key, and return where the page is then: its address, the selected delivery and what has the focus.
async function press(key, target = document.activeElement, more = {}) {
  document.body.send('keydown', {key, target, preventDefault() {}, ...more});
  for (const number of [3, 2, 1]) if (asked.has(`/localxsoar/deliveries/${number}`)) await reply(`/localxsoar/deliveries/${number}`, delivery(number));
  return `${location.hash.slice(2)} ${deliveries.current()?.number} ${document.activeElement.id}${ticking.size ? ' and ticks' : ''}`.trim();
}
async function visit(hash) {
  location.hash = hash;
  document.body.send('hashchange');
  await press('');
}

test('keys move in the list, open, compare and leave a delivery, and lead to the views', async () => {
  for (const [key, where] of [
    ['j', 'deliveries 3'], ['ArrowDown', 'deliveries 2'], ['k', 'deliveries 3'], ['End', 'deliveries 1'], ['ArrowUp', 'deliveries 2'], ['Home', 'deliveries 3'], ['PageDown', 'deliveries 1'], ['PageUp', 'deliveries 3'], ['Enter', 'deliveries?open=3 3 delivery'],
    ['j', 'deliveries?open=2 2 delivery'], ['ArrowDown', 'deliveries?open=2 2 delivery'], ['d', 'deliveries?open=2&tab=compare 2 delivery'], ['d', 'deliveries?open=2 2 delivery'], ['e', 'deliveries?open=2 2 edit-body'],
    ['Escape', 'deliveries?open=2 2 edit'], ...['6', 'r', 'e', 'c', 'd', 'l'].map((key) => [key, 'log 2 edit']), ['1', 'deliveries 2 edit'], ['Escape', 'deliveries 2 deliveries'],
    ['d', 'deliveries 2 deliveries'], ['2', 'incidents 2 deliveries'], ['l', 'incidents?as=lanes 2 deliveries and ticks'], ['l', 'incidents 2 deliveries'], ['7', 'incidents 2 deliveries'], ['1', 'deliveries 2 deliveries'], ['/', 'deliveries 2 search'], ['1', 'deliveries 2 search'], ['Escape', 'deliveries 2 deliveries']]) assert.equal(await press(key), where, key);
  assert.equal(asked.has('/localxsoar/deliveries/2/send'), false);
});

test('in a view without a list the keys of a page scroll', async () => {
  await visit('#/try');
  const scrolled = [];
  Object.assign($('view-try'), {clientHeight: 100, scrollBy: (x, y) => scrolled.push(y)});
  for (const key of ['PageDown', 'PageUp', 'End', 'Home', 'j']) await press(key);
  assert.deepEqual(scrolled, [90, -90, 100000, -100000]);
});

test('a comparison with a delivery that was chosen gives way to that with the previous one', async () => {
  await visit('#/deliveries?open=3&with=1');
  assert.equal(await press('d'), 'deliveries?open=3&tab=compare 3 deliveries');
});

test('what a person types, and what is pressed with another key, is left to the browser', async () => {
  await visit('#/deliveries');
  const kinds = [{ctrlKey: true}, {metaKey: true}, {altKey: true}].map((more) => ['div', more]);
  for (const [tag, more] of [...kinds, ['input'], ['textarea'], ['select'], ['dialog']]) assert.equal(await press('6', document.createElement(tag), {...more, preventDefault: assert.fail}), 'deliveries 3 deliveries');
});

test('what is searched for is in the address, and is found once the field is left', async () => {
  Object.assign($('search'), {value: 'two'}).send('input');
  assert.deepEqual([location.hash, deliveries.shown.length], ['#/deliveries?q=two', 3]);
  $('search').send('change');
  assert.equal(deliveries.shown.length, 1);
  assert.equal(await press('ArrowDown', $('search')), 'deliveries?q=two 2 deliveries');
  assert.equal(await press('Enter', $('search')), 'deliveries?q=two&open=2 2 delivery');
  assert.equal(await press('Escape', $('search')), 'deliveries?open=2 2 deliveries');
  assert.equal(deliveries.shown.length, 3);
  await visit('#/log');
  Object.assign($('level'), {value: 'error'}).send('change');
  assert.equal(location.hash, '#/log?level=error');
  setLines([{level: 'error', time: '', text: 'a line'}]);
  for (const event of ['input', 'change']) Object.assign($('search'), {value: 'another'}).send(event);
  assert.equal($('log').dataset.none, '0 of 1 lines match.');
});

test('the focus goes to what Enter opens, and with a link in a detail to what that leads to in another view', async () => {
  const open = () => reply('/localxsoar/incidents/1', {error: 'There is no incident 1.'}).then(() => document.activeElement.id);
  await visit('#/incidents');
  for (const key of ['j', 'k', 'Enter', 'End', 'Home', 'PageUp', 'PageDown']) assert.equal(await press(key), 'incidents 2 deliveries');  // there is none
  incidents.set([{id: '1', name: 'one', type: '', owner: '', severity: 1, state: '', status: 0, dbotMirrorId: '', sourceInstance: 'left', occurred: ''}]);
  assert.equal(await press('Enter'), 'incidents?open=1 2 deliveries');
  assert.equal(await open(), 'incident');
  await visit('#/deliveries?open=3');
  $('delivery').children[0].focus();
  await visit('#/incidents?open=1');
  assert.equal(await open(), 'incident');
});
