// A preview: what deliveries became and would become, what they lack, and which of several previews is shown.
import assert from 'node:assert/strict';
import test from 'node:test';
import {reply} from './document.mjs';

const {askOnce, askPreview, drawOne, drawPreview, endPreview, hasNoSeverity, holdPreview, valuesSeen} = await import('../../../../localxsoar/web/page/preview.js');

const incident = (name, more) => ({name, severity: 0, state: '', dbotMirrorId: '', sourceInstance: 'webhook', occurred: '2026-11-24T09:00:00Z', ...more});
const row = (number, after) => ({number, before: {kind: 'created', text: 'one', incidents: [incident('before')]}, after: {kind: 'created', text: '', note: '', incidents: [], values: [], ...after}});
const ROWS = [
  row(5, {kind: 'repeat', repeats: 4, incidents: [incident('disk', {dbotMirrorId: 'url/a:1'})], values: [['db-1'], ['9']]}),
  row(4, {count: 5, incidents: Array(4).fill(incident('disk', {dbotMirrorId: 'url/a:1'})), values: [['db-1', null], ['9', '7']], note: 'name, part 1: nothing; key: none'}),
  row(3, {kind: 'rejected', text: 'no token'}),
  row(2, {kind: 'unsent', text: 'no body'}),
  row(1, {kind: 'none', text: '[]', note: 'name, part 1: nothing'}),
];
const texts = (box, wanted) => box.flatMap((each) => [...(each.is(wanted) ? [each] : []), ...each.all(wanted)]).map((each) => each.textContent);

test('each delivery has what it became and would become', () => {
  const drawn = drawPreview(ROWS, ['host', 'prio'], () => 0, false);
  assert.equal(drawn[0].textContent, 'Of the last 5 deliveries of this sender, 1 creates incidents, 1 is a repeat, 1 creates none, 1 is rejected, 1 cannot be sent.');
  assert.deepEqual(texts(drawn, '.remark'), ['1 of 5 lacks host', '1 of 5: key: none', '1 of 5: name, part 1: nothing']);
  const cells = texts(drawn, 'td');
  assert.match(cells[1], /^repeat of delivery 4: disk severity unknown .*problem url\/a:1, as 4 others$/);
  assert.match(cells[3], /and 2 more$/);
  assert.deepEqual([cells[0], ...cells.slice(4)], ['before severity unknown ', cells[0], 'rejected: no token', cells[0], 'not sent: no body', cells[0], 'no incident']);
  assert.deepEqual([[ROWS[1]], [ROWS[1], ROWS[1]]].map((rows) => drawPreview(rows, ['host'], () => 0, false)).map(([summary, remark]) => `${summary.textContent} ${remark.textContent}`),
    ['This delivery creates incidents. 1 of 1 lacks host', 'Of the last 2 deliveries of this sender, 2 create incidents. 2 of 2 lack host']);
  assert.ok(drawOne([row(1, {count: 4, incidents: Array(4).fill(incident('disk'))})], 1).at(-1).textContent.endsWith('and 1 more'));
  assert.equal(drawPreview(new Error('The preview has ended.'), [], () => 0, false)[0].textContent, 'The preview has ended.');
});

test('one delivery and the values of a path are told apart from the table', () => {
  const [before, result] = drawOne(ROWS, 3);
  assert.equal(before.textContent + result.textContent, 'It would become rejected: no token');
  assert.deepEqual(drawOne(ROWS, 9), []);
  assert.deepEqual([valuesSeen(ROWS, 0), valuesSeen(ROWS, 1), valuesSeen(ROWS, 2), valuesSeen(new Error('x'), 0)], ['Seen: db-1.', 'Seen: 9, 7.', '', '']);
});

test('a severity is missing where no incident but an end has one', () => {
  const made = (...severities) => [row(1, {incidents: [incident('end', {state: 'resolved', severity: 0.5}), ...severities.map((severity) => incident('a', {severity}))]})];
  assert.deepEqual([made(0, 0), made(0, 3), made(), []].map(hasNoSeverity), [true, false, false, false]);
});

test('of several previews that are asked for while one is made, the latest is made and shown', async () => {
  const shown = [];
  for (const number of [1, 2, 3]) askPreview({number}, (rows) => shown.push(rows));
  await new Promise(setImmediate);
  await reply('/localxsoar/preview/deliveries', ['first']);
  await reply('/localxsoar/preview/deliveries', ['last']);
  assert.deepEqual(shown, [['last']]);
});

test('one container of an instance does for all that is asked of it, and ends for another alone', async () => {
  const {fetch} = globalThis;
  const begun = [];
  globalThis.fetch = (path, options) => { if (path.includes('/preview?')) begun.push(path.split('?')[1]); return fetch(path, options); };
  const lost = [];
  for (const number of [1, 2]) askOnce('left', {number, target: '/'}, () => true);
  holdPreview('left', () => lost.push('left'));
  askOnce('left', {number: 3, target: '/'}, () => true);
  assert.deepEqual(begun, ['instance=left&join=true']);
  holdPreview('right', (reason) => lost.push(reason));
  await reply('/localxsoar/preview?instance=left&join=true', 'It has ended.');
  assert.deepEqual([begun.length, lost], [2, []]);
  await reply('/localxsoar/preview?instance=right', {error: 'It is full.'});
  assert.deepEqual(lost, ['It is full.']);
  endPreview();
});
