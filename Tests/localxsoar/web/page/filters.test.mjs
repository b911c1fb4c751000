// Filters: which deliveries they show, how many each would show, and what a search finds on the server.
import assert from 'node:assert/strict';
import test from 'node:test';
import {asked, passTime, reply} from './document.mjs';

const {readAddress} = await import('../../../../localxsoar/web/page/address.js');
const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');
const {incidents} = await import('../../../../localxsoar/web/page/incidents.js');
const {searchBodies, startFilters} = await import('../../../../localxsoar/web/page/filters.js');
const $ = document.getElementById;

const delivery = (number, kind, sender, text = '', words = [kind]) => ({number, kind, sender, text, method: 'POST', target: '/', status: 200, incidents: [], triage: '',
  chain: words.map((word) => ({word, said: word, text: '', incidents: []}))});
const DELIVERIES = [delivery(5, 'rejected', 'one'), delivery(4, 'repeat', 'two', 'twice'), delivery(3, 'created', 'two', 'twice'), delivery(2, 'created', 'one'), delivery(1, 'answered', '', '', [])];

location.hash = '#/deliveries';
readAddress(['deliveries'], 'deliveries');
startFilters();

function search() {
  searchBodies();
  deliveries.filter();
}

const shown = () => deliveries.shown.map((item) => item.number);
const kinds = () => $('kinds').children.filter((each) => !each.hidden).map((each) => each.textContent);
const senders = () => $('sender').children.map((each) => each.textContent);
const press = (kind) => { $('kinds').children.find((each) => each.dataset.kind === kind).click(); deliveries.describe(); };
function choose(place) {
  $('sender').value = place;
  $('sender').send('change');
  deliveries.describe();
}
function type(text) {
  $('search').value = text;
  search();
  passTime();
}

test.beforeEach(() => {
  deliveries.isWhole = true;
  deliveries.set([...DELIVERIES]);
  deliveries.describe();
});

test('without a filter all are shown, with the number of each kind and sender', () => {
  assert.deepEqual(shown(), [5, 4, 3, 2, 1]);
  assert.deepEqual(kinds(), ['created 2', 'repeat 1', 'rejected 1', 'other 1']);
  assert.deepEqual(senders(), ['all senders', '— (1)', 'one (2)', 'two (2)']);
  assert.equal($('shown-deliveries').textContent, '');
  deliveries.isWhole = false;
  deliveries.describe();
  assert.equal($('shown-deliveries').textContent, 'loading…');
});

test('kinds add up, a sender takes away, and each count is what pressing it would show', () => {
  press('rejected');
  assert.deepEqual([shown(), $('shown-deliveries').textContent], [[5], '1 of 5']);
  press('repeat');
  assert.deepEqual(shown(), [5, 4]);
  assert.deepEqual(senders(), ['all senders', '— (0)', 'one (1)', 'two (1)']);
  choose('1');
  assert.deepEqual([shown(), kinds()], [[5], ['created 1', 'repeat 0', 'rejected 1']]);
  choose('');
  for (const kind of ['rejected', 'repeat']) press(kind);
  assert.deepEqual(shown(), [5, 4, 3, 2, 1]);
});

test('those without a sender are chosen like a sender, and a list of senders that may be open stays as it is', () => {
  choose('0');
  assert.deepEqual([shown(), $('search').value, $('sender').value], [[1], 'sender:""', '0']);
  choose('');
  const before = senders();
  $('sender').focus();
  press('rejected');
  assert.deepEqual(senders(), before);
  $('search').focus();
  press('rejected');
});

test('a chosen sender stays although none of its deliveries is left', () => {
  choose('2');
  deliveries.set([delivery(9, 'created', 'one')]);
  deliveries.describe();
  assert.deepEqual([shown(), senders()], [[], ['all senders', 'one (1)', 'two (0)']]);
  assert.equal($('none-deliveries').hidden, false);
  $('none-deliveries').all('button')[0].click();
  assert.deepEqual([shown(), document.activeElement], [[9], $('deliveries')]);
});

test('nothing is said of filters where there is nothing', () => {
  deliveries.set([]);
  deliveries.describe();
  assert.deepEqual([$('none-deliveries').hidden, $('filters').hidden, $('shown-deliveries').textContent], [true, true, '']);
  incidents.describe();
  assert.equal($('none-incidents').hidden, true);
});

test('what is pressed and typed is one text, and a term that cannot be read is said', () => {
  press('rejected');
  choose('2');
  assert.equal($('search').value, 'became:rejected sender:"two"');
  type('became:rejected,REPEAT status:2xx');
  deliveries.describe();
  assert.deepEqual([shown(), $('kinds').children.filter((each) => each.getAttribute('aria-pressed') === 'true').map((each) => each.dataset.kind)], [[5, 4], ['repeat', 'rejected']]);
  for (const [status, isWrong] of [['1xx', true], ['600', true], ['4x', true], ['none', false], ['many', true]]) {
    type(`status:${status}`);
    deliveries.describe();
    assert.equal($('shown-deliveries').textContent.startsWith(`status:${status} is not one of 401, 4xx`), isWrong);
  }
  assert.equal($('none-deliveries').hidden, true);
  type('');
});

test('a search shows what a line has at once, and what a body has when the server has found it', async () => {
  type('TWICE');
  deliveries.describe();
  assert.deepEqual([shown(), $('shown-deliveries').textContent, $('none-deliveries').hidden], [[4, 3], 'searching…', true]);
  await reply('/localxsoar/deliveries/search?text=twice', [1]);
  assert.deepEqual(shown(), [4, 3, 1]);
  type('');
  assert.deepEqual(shown(), [5, 4, 3, 2, 1]);
});

test('the reply to an earlier search that comes late shows nothing', async () => {
  type('early');
  type('late');
  await reply('/localxsoar/deliveries/search?text=late', [2]);
  assert.deepEqual(shown(), [2]);
  await reply('/localxsoar/deliveries/search?text=early', [1, 5]);
  assert.deepEqual(shown(), [2]);
  type('');
});

test('only the last of several texts that are typed quickly is searched for', async () => {
  for (const text of ['q', 'qu', 'quick']) {
    $('search').value = text;
    search();
  }
  passTime();
  assert.deepEqual([...asked.keys()].filter((path) => path.includes('search')), ['/localxsoar/deliveries/search?text=quick']);
  await reply('/localxsoar/deliveries/search?text=quick', []);
  type('');
});

test('long bodies are searched to their ends on request, which is offered while there are some', async () => {
  const ends = () => [$('filters').all('#search-ends')[0].hidden, $('search-ends').hidden, $('search-ends').textContent];
  for (const [cut, hidden, label] of [[[1], false, 'Search the end of a long body'], [[2, 1], false, 'Search the ends of 2 long bodies'], [[], true, '']]) {
    type(`cut ${cut.length}`);
    await reply(`/localxsoar/deliveries/search?text=cut ${cut.length}`, []);
    await reply('/localxsoar/deliveries/cut', cut);
    assert.deepEqual(ends().slice(1, label ? 3 : 2), [hidden, ...(label ? [label] : [])]);
  }
  searchBodies();
  passTime();
  $('filters').all('#search-ends')[0].click();
  await reply('/localxsoar/deliveries/search?text=cut 0&to=end', [3]);
  await reply('/localxsoar/deliveries/search?text=cut 0', []);  // of the search before
  deliveries.filter();
  assert.deepEqual(shown(), [3]);
  type('lost');
  await reply('/localxsoar/deliveries/search?text=lost', {error: 'no'});
  deliveries.describe();
  assert.equal($('shown-deliveries').textContent, 'headers and bodies not searched: no connection');
  type('');
});
