// What can be kept of a delivery as a file, and what is said of why it was rejected and sent again.
import assert from 'node:assert/strict';
import test from 'node:test';
import {asked, reply} from './document.mjs';

const {drawChecks, drawCopies, drawOrigin} = await import('../../../../localxsoar/web/page/checks.js');
const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');
const {exportLink, listButtons, offerSending, recipeButton, shareLink} = await import('../../../../localxsoar/web/page/keep.js');
const {setPaused} = await import('../../../../localxsoar/web/page/state.js');

const USUAL = {number: 7, kind: 'created', method: 'POST', checks: [], unsavable: '', missing: ''};

for (const [more, offered] of [
  [{}, 'Save as recipe, Export, Share'],
  [{kind: 'waiting', unsavable: 'It still arrives.'}, 'Save as recipe'],
  [{method: '?', unsavable: 'It is no HTTP.'}, 'Save as recipe, It is no HTTP., Share'],
  [{isRemoved: true, missing: 'It is gone.', unsavable: 'It is gone.'}, 'Save as recipe'],
  [{checks: [{}], unsavable: 'It was rejected.'}, 'Export, Share'],
]) {
  test(`of a delivery with ${JSON.stringify(more)} is offered: ${offered}`, () => {
    const item = {...USUAL, ...more};
    const drawn = [...recipeButton(item), exportLink(item), shareLink(item)].filter((each) => each?.textContent);
    assert.equal(drawn.map((each) => each.textContent).join(', '), offered);
    assert.equal(drawn[0].tag === 'button', Boolean(item.unsavable) && !item.checks.length);
  });
}

test('a rejection is a list of what fits and what does not, each in words too', () => {
  const checks = ['good', 'bad', 'warn', ''].map((state) => ({state, title: 'Token', text: 'x'}));
  assert.deepEqual(drawChecks({checks}).all('li').map((each) => each.textContent), ['✓fits: Tokenx', '✗does not fit: Tokenx', '!note: Tokenx', '·Tokenx']);
  assert.equal(drawChecks({checks: []}), null);
});

test('a delivery that was sent again leads to its original, and that to its latest copies', () => {
  assert.equal(drawOrigin({origin: 4, changes: ['A.', 'B.'], advice: 'Set it.'}).textContent, 'Sent again: the original is delivery 4. A. B.Set it.');
  assert.equal(drawOrigin({origin: 0, changes: [], advice: ''}), null);
  deliveries.set([9, 8, 7, 6, 5, 4, 3].map((number) => ({number, origin: number === 8 ? 2 : 1, status: number === 9 ? 0 : 200})));
  assert.equal(drawCopies({number: 1}).textContent, 'Sent again as delivery 9, delivery 7 (200), delivery 6 (200), delivery 5 (200), delivery 4 (200)');
  assert.equal(drawCopies({number: 3}), null);
});

const $ = document.getElementById;
const sent = (number, more) => ({number, kind: 'created', missing: '', method: 'POST', target: '/', status: 200, sender: '', text: '', triage: '', incidents: [], chain: [], ...more});
const listed = listButtons();
const [clear, again] = ['clear', 'send-shown'].map((id) => listed.find((each) => each.attributes.id === id));
const press = (made, detail = 1) => { made.send('click', {detail}); return made.textContent; };

test('a press asks first, in words that say what will be done, and forgets it with the focus or Escape', () => {
  const asks = (items, isWhole = true) => {
    Object.assign(deliveries, {isWhole}).set(items);
    const text = press(clear);
    clear.send('blur');
    assert.equal(clear.textContent, 'Clear');
    return text;
  };
  assert.deepEqual([asks([sent(1)]), asks([sent(2), sent(1)]), asks([sent(1)], false)], ['Delete the delivery? Incidents stay', 'Delete 2 deliveries? Incidents stay', 'Delete all deliveries? Incidents stay']);
  assert.equal($('announce').textContent, 'Delete all deliveries? Incidents stay. Press again to delete.');
  assert.equal(press(clear, 2), 'Clear');  // the second half of a double click
  press(clear);
  let isOver = false;
  clear.send('keydown', {key: 'Escape', stopPropagation: () => { isOver = true; }});
  assert.deepEqual([isOver, clear.textContent], [true, 'Clear']);
  clear.send('keydown', {key: 'Enter', repeat: true, preventDefault: () => { isOver = false; }});
  assert.equal(isOver, false);
});

test('deliveries that were deleted are not shown by a paused list, which then goes on', async () => {
  let gone = 0;
  $('pause').addEventListener('click', () => { gone += 1; });
  for (const [isPaused, error, expected] of [[false, undefined, 0], [true, 'no', 0], [true, undefined, 1]]) {
    setPaused(isPaused);
    for (const detail of [1, 1]) press(clear, detail);
    await reply('/localxsoar/deliveries', {error});
    assert.equal(gone, expected);
  }
  setPaused(false);
});

test('what is shown is sent again from the oldest on, as far as it is kept, until it is stopped or fails', async () => {
  Object.assign(deliveries, {isWhole: true}).set([sent(4, {kind: 'waiting'}), sent(3), sent(2, {missing: 'It is gone.'}), sent(1)]);
  assert.equal(press(again), 'Send 2 deliveries again?');
  assert.equal(press(again), 'Stop (0 of 2 sent)');
  assert.ok(asked.has('/localxsoar/deliveries/1/send'));
  await reply('/localxsoar/deliveries/1/send', {number: 5});
  assert.equal(again.textContent, 'Stop (1 of 2 sent)');
  await reply('/localxsoar/deliveries/3/send', {error: 'Not now.'});
  assert.deepEqual([again.textContent, $('sent').textContent], ['Send again', 'Not now. 1 of 2 sent again']);
  for (let at = 0; at < 2; at += 1) press(again);
  await reply('/localxsoar/deliveries/1/send', {error: 'Not now.'});
  assert.deepEqual([asked.has('/localxsoar/deliveries/3/send'), $('sent').textContent], [false, 'Not now. 0 of 2 sent again']);
  for (let at = 0; at < 3; at += 1) press(again);  // the third stops it
  await reply('/localxsoar/deliveries/1/send', {number: 6});
  assert.deepEqual([asked.has('/localxsoar/deliveries/3/send'), $('sent').textContent], [false, '1 of 2 sent again']);
  deliveries.set([sent(2, {missing: 'It is gone.'})]);
  assert.deepEqual([press(again), $('sent').textContent], ['Send again', 'None of them is kept as it came']);
  for (const [search, count, isHidden, isDisabled] of [['', 1, true, false], ['x', 1, false, false], ['x', 0, false, true], ['x', 100, false, false], ['x', 101, false, true]]) {
    $('search').value = search;
    deliveries.shown = Array.from({length: count}, (_, at) => sent(at));
    offerSending();
    assert.deepEqual([$('send-shown').hidden, $('send-shown').disabled, $('send-shown').title.startsWith('At most 100')], [isHidden, isDisabled, count > 100]);
  }
});
