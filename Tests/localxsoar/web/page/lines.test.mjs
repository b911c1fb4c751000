// A list: how many lines came above what is read, and what a line says.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {becameWithNote, deliveries, incidentsOf, ownOf} = await import('../../../../localxsoar/web/page/deliveries.js');
const $ = document.getElementById;

const step = (word, sign, text, incidents = []) => ({word, sign, text, said: `${sign} ${text}`, incidents});
const CREATED = step('created', '→', '7', ['7']);
const LEFT = step('left', '↯', 'left');
const delivery = (number, more) => ({number, started: 0, milliseconds: 1, size: 1, kind: 'created', sender: '', text: 'a', method: 'POST', target: '/', status: 200, incidents: ['7'], triage: '', chain: [CREATED], ...more});
const said = (more) => becameWithNote(delivery(1, more)).map((part) => part.textContent ?? part).join('');

test('the pill counts lines that came above what is read as long as they are there', () => {
  deliveries.set([delivery(1)]);
  assert.equal($('pill-deliveries').hidden, undefined);
  $('deliveries').scrollTop = 10;
  for (const number of [2, 3, 4]) deliveries.add(delivery(number));
  assert.deepEqual([$('pill-deliveries').textContent, $('pill-deliveries').hidden], ['3 new', false]);
  deliveries.remove(1);
  deliveries.remove(2);
  assert.equal($('pill-deliveries').textContent, '2 new');
  deliveries.remove(3);
  deliveries.remove(4);
  assert.equal($('pill-deliveries').hidden, true);
});

test('a page keeps one of the lines that were seen, and moves by one at least', () => {
  assert.deepEqual([320, 351, 64, 10].map((height) => Object.assign(deliveries, {height}).page()), [9, 9, 1, 1]);
  deliveries.height = 0;
});

test('a new line is above those that are equal to it in their order, and moves as it changes', () => {
  deliveries.set([delivery(1), delivery(2, {sender: 'a'})]);
  deliveries.sort((one, other) => (one.sender < other.sender) - (one.sender > other.sender));
  deliveries.add(delivery(3));
  assert.deepEqual(deliveries.shown.map(({number}) => number), [2, 3, 1]);
  deliveries.add(delivery(1, {sender: 'b'}));
  assert.deepEqual(deliveries.shown.map(({number}) => number), [1, 2, 3]);
  deliveries.sort(null);
});

test('a line says what a delivery became, step by step, and what the receiver notes', () => {
  assert.equal(said({}), '→ incident 7 a');
  assert.equal(said({kind: 'repeat', triage: 'info resolved', chain: [step('repeat', '↺', '3', ['7'])]}), '↺ delivery 3 repeat of info resolved · a');
  assert.equal(said({triage: 'gravest critical', chain: [step('created', '→', '7, 8', ['7', '8'])]}), '→ incidents 7, 8 gravest critical · a');
  assert.equal(said({kind: 'answered', chain: [step('joined', '↳', '7 high → critical', ['7']), step('dropped', '⊘', 'dropped')]}), '↳ joined incident 7 high → critical · ⊘ dropped a');
  assert.equal(said({kind: 'answered', text: 'nothing was created', chain: [step('skipped', '⊘', 'skipped: severity low')]}), '⊘ skipped: severity low ');
  assert.equal(said({kind: 'gone', triage: 'high', chain: [CREATED, LEFT]}), '→ incident 7 · ↯ left high · a');
  assert.equal(said({kind: 'rejected', text: 'cut', chain: [CREATED, step('rejected', '', 'cut')]}), '→ incident 7 · cut ');
  assert.equal(said({kind: 'answered', text: 'no incident', note: 'skip: resolved', chain: []}), 'no incident · skip: resolved');
});

test('a delivery has the incidents that it created, and those that it changed or repeated, each once', () => {
  const chain = [CREATED, step('joined', '↳', '5, 7', ['5', '7'])];
  assert.deepEqual([ownOf({chain}), incidentsOf({chain}), ownOf({chain: [LEFT]})], [['7'], ['7', '5'], []]);
});

test('the list scrolls to what is selected, no further, and moves from it or from the top', () => {
  deliveries.set(Array.from({length: 30}, (_, at) => delivery(30 - at)));
  Object.assign($('deliveries'), {scrollTop: 64, clientHeight: 96});
  deliveries.select(null);
  for (const [by, number, top] of [[1, 30, 0], [-1, 30, 0], [2, 28, 0], [1, 27, 32], [Infinity, 1, 864], [-3, 4, 832], [-Infinity, 30, 0]]) {
    assert.deepEqual([deliveries.move(by).number, deliveries.current().number, $('deliveries').scrollTop], [number, number, top]);
  }
  deliveries.select(null);
  assert.equal(deliveries.move(-1).number, 30);
  deliveries.set(deliveries.all.slice(0, 20));
  deliveries.select(1);
  assert.equal($('deliveries').scrollTop, 0);
  deliveries.append([delivery(2), delivery(1)]);  // what is open was loaded after the others
  assert.equal($('deliveries').scrollTop, 608);
});

test('only the rows that are seen are in the document, with their places, and a pressed one stays until it is let go', () => {
  deliveries.set(Array.from({length: 30}, (_, at) => delivery(30 - at)));
  deliveries.select(29);
  Object.assign(deliveries, {height: 64, scrolled: null}).box.scrollTop = 0;
  deliveries.render();
  const rows = () => deliveries.room.children;
  assert.deepEqual([rows().length, rows()[1].id, rows()[1].style.top, ...['aria-setsize', 'aria-posinset', 'aria-selected'].map((name) => rows()[1].attributes[name]), deliveries.box.attributes['aria-activedescendant']],
    [10, 'deliveries-29', '32px', '30', '2', 'true', 'deliveries-29']);
  for (const [end, number] of [['pointerup', 31], ['pointercancel', 32]]) {
    deliveries.box.send('pointerdown', {target: rows()[0]});
    deliveries.add(delivery(number));
    deliveries.render();
    assert.equal(rows()[0].id, `deliveries-${number - 1}`);
    deliveries.planned = false;
    document.body.send(end);
    assert.equal(deliveries.planned, true);
    deliveries.box.send('pointerdown');  // beside the rows
    deliveries.render();
    assert.equal(rows()[0].id, `deliveries-${number}`);
  }
  const opened = [];
  Object.assign(deliveries, {open: ({number}) => opened.push(number)});
  deliveries.box.send('click', {target: rows()[3].children[0]});
  deliveries.select(null);
  deliveries.render();
  assert.deepEqual([opened, deliveries.box.attributes['aria-activedescendant']], [[29], undefined]);
  deliveries.height = 0;
});

test('what is read stays where it is while lines above it are added, replaced and removed', () => {
  deliveries.set(Array.from({length: 30}, (_, at) => delivery(30 - at)));
  Object.assign(deliveries, {scrolled: null, moved: 0}).box.scrollTop = 320;
  deliveries.add(delivery(31));
  assert.equal(deliveries.moved, 32);
  deliveries.add(delivery(31, {text: 'again'}));
  deliveries.remove(5);
  assert.equal(deliveries.moved, 32);
  deliveries.remove(30);
  assert.deepEqual([deliveries.moved, deliveries.shown.length, deliveries.shown[0].text], [0, 29, 'again']);
});
