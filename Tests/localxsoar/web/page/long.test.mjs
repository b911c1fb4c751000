// Long texts: what is cut, and that no part of them is lost when the rest is shown.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {el} = await import('../../../../localxsoar/web/page/dom.js');
const {cut, pieces, shortened} = await import('../../../../localxsoar/web/page/long.js');

test('a text is cut beyond the limit only', () => {
  assert.deepEqual([cut('x'.repeat(200)), cut('x'.repeat(201)), cut('abc', 2)], ['x'.repeat(200), `${'x'.repeat(200)}…`, 'ab…']);
});

test('a text of several pieces is shown whole by its buttons, and no character is halved', () => {
  const text = `💥${'x'.repeat(99_997)}${'💥'.repeat(60_000)}`;
  const box = el('pre', {}, pieces(text));
  const before = [];
  for (let [more] = box.all('.more'); more; [more] = box.all('.more')) {
    before.push(more.textContent);
    more.click();
  }
  assert.deepEqual(before, ['show more (120k characters)', 'show more (20k characters)']);
  assert.equal(box.textContent, text);  // a half would be shown by its number
});

test('a short text has no button, and a long one shows its end on request', () => {
  assert.deepEqual(shortened('x'.repeat(300)).map((part) => part.html), [`<bdi>${'x'.repeat(300)}</bdi>`]);
  const box = el('p', {}, shortened('x'.repeat(301)));
  assert.equal(box.textContent, `${'x'.repeat(300)}… show all`);
  box.all('.more')[0].click();
  assert.equal(box.textContent, 'x'.repeat(301));
});
