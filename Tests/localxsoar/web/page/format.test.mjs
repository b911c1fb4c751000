// How the page writes sizes and durations.
import assert from 'node:assert/strict';
import test from 'node:test';

const {duration, size, span} = await import('../../../../localxsoar/web/page/format.js');

test('a size or a duration has a unit that suits it, and the time between two events at most two', () => {
  assert.deepEqual([0, 999, 1000, 999_999, 1e6].map(size), ['0 B', '999 B', '1.0 KB', '976.6 KB', '1.0 MB']);
  assert.deepEqual([0.4, 1, 9999, 10_000].map(duration), ['<1 ms', '1 ms', '9999 ms', '10 s']);
  const longer = [60, 3600, 3601, 3660, 7805, 86_400 + 3660];
  assert.deepEqual([0.04, 1, ...longer].map((seconds) => span(seconds * 1000)),
    ['40 ms', '1 s', '1 min', '1 h', '1 h', '1 h 1 min', '2 h 10 min', '1 d 1 h']);
});
