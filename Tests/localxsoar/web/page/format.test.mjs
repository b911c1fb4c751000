// How the page writes moments, numbers, sizes and durations.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {clock, day, duration, size, span, thousands} = await import('../../../../localxsoar/web/page/format.js');

test('a size or a duration has a unit that suits it, and the time between two events at most two', () => {
  assert.deepEqual([0, 999, 1000, 999_999, 1e6].map(size), ['0 B', '999 B', '1.0 KB', '976.6 KB', '1.0 MB']);
  assert.deepEqual([0.4, 1, 9999, 10_000].map(duration), ['<1 ms', '1 ms', '9999 ms', '10 s']);
  const longer = [60, 3600, 3601, 3660, 7805, 86_400 + 3660];
  assert.deepEqual([0.04, 1, ...longer].map((seconds) => span(seconds * 1000)),
    ['40 ms', '1 s', '1 min', '1 h', '1 h', '1 h 1 min', '2 h 10 min', '1 d 1 h']);
});

test('a moment is that of the viewer, to the second, and what is none stays as it came', () => {
  assert.deepEqual(['2026-01-02T03:04:05', 'yesterday', ''].map(day), ['2026-01-02 03:04:05', 'yesterday', '']);
  assert.equal(clock(new Date(2026, 0, 2, 3, 4, 5)).textContent, '03:04:05');
  assert.deepEqual([999, 1000, 1234567].map(thousands), ['999', '1,000', '1,234,567']);
});
