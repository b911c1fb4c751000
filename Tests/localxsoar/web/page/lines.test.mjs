// A list: how many lines came above what is read, and what a line says.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {becameWithNote, deliveries, incidentsOf, ownOf} = await import('../../../../localxsoar/web/page/deliveries.js');
const $ = document.getElementById;

const step = (word, sign, text, incidents = []) => ({word, sign, text, said: `${sign} ${text}`, incidents});
const CREATED = step('created', '→', '7', ['7']);
const LEFT = step('left', '↯', 'left');
const delivery = (number, more) => ({number, kind: 'created', sender: '', text: 'a', method: 'POST', target: '/', status: 200, incidents: ['7'], triage: '', chain: [CREATED], ...more});
const said = (more) => becameWithNote(delivery(1, more)).map((part) => part.textContent ?? part).join('');

test('the pill counts lines that came above what is read as long as they are there', () => {
  deliveries.set([delivery(1)]);
  assert.equal($('pill-deliveries').hidden, undefined);
  $('deliveries').scrollTop = 100;
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

test('a new line is above those that are equal to it in their order', () => {
  deliveries.set([delivery(1), delivery(2, {sender: 'a'})]);
  deliveries.sort((one, other) => (one.sender < other.sender) - (one.sender > other.sender));
  deliveries.add(delivery(3));
  assert.deepEqual(deliveries.shown.map(({number}) => number), [2, 3, 1]);
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
