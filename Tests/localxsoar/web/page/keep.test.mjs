// What can be kept of a delivery as a file, and what is said of why it was rejected and sent again.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {drawChecks, drawCopies, drawOrigin} = await import('../../../../localxsoar/web/page/checks.js');
const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');
const {exportLink, recipeButton, shareLink} = await import('../../../../localxsoar/web/page/keep.js');

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
