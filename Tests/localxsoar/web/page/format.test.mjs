// Times as short texts.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {span} = await import('../../../../localxsoar/web/page/format.js');

test('a time between two events is in its two largest units, without one that is 0', () => {
  const [second, hour, day] = [1000, 3600e3, 24 * 3600e3];
  for (const [ms, text] of [[40, '40 ms'], [5 * second, '5 s'], [2 * hour + 600 * second, '2 h 10 min'], [day + hour, '1 d 1 h'], [day + 600 * second, '1 d'], [30 * day, '30 d']]) assert.equal(span(ms), text);
});
