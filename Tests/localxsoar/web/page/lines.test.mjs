// A list: how many lines came above what is read, and what a line says.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {becameWithNote, deliveries, ownOf} = await import('../../../../localxsoar/web/page/deliveries.js');
const $ = document.getElementById;

const delivery = (number, more) => ({number, kind: 'created', sender: '', text: 'a', method: 'POST', target: '/', status: 200, incidents: ['7'], own: ['7'], triage: '', ...more});
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

test('a new line is above those that are equal to it in their order', () => {
  deliveries.set([delivery(1), delivery(2, {sender: 'a'})]);
  deliveries.sort((one, other) => (one.sender < other.sender) - (one.sender > other.sender));
  deliveries.add(delivery(3));
  assert.deepEqual(deliveries.shown.map(({number}) => number), [2, 3, 1]);
  deliveries.sort(null);
});

test('a line says what a delivery became, of several incidents the gravest, and what the receiver notes', () => {
  assert.equal(said({}), '→ incident 7 a');
  assert.equal(said({kind: 'repeat', triage: 'info resolved'}), '↺ incident 7 info resolved · repeat of a');
  assert.equal(said({incidents: ['7', '8'], triage: 'gravest critical'}), '→ 2 incidents gravest critical · a');
  assert.equal(said({kind: 'gone', triage: 'high'}), '→ incident 7 high · a · the sender had left');
  assert.equal(said({kind: 'gone', incidents: []}), 'a');
  assert.equal(said({kind: 'rejected', text: 'cut'}), 'cut · but created incident 7');
  assert.equal(said({kind: 'answered', incidents: [], text: 'no incident', note: 'skip: resolved'}), 'no incident · skip: resolved');
});

test('a delivery that an earlier version recorded created its incidents unless it is a repeat', () => {
  assert.deepEqual([ownOf(delivery(1, {own: undefined})), ownOf(delivery(1, {own: undefined, kind: 'repeat'})), ownOf(delivery(1, {own: []}))], [['7'], [], []]);
});
