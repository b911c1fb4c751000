// The only module of these tests that reads a clock: no verdict depends on the speed of the machine.
import assert from 'node:assert/strict';

const MOST_GROWTH = 10;  // for four times the work: quadratic work takes 16 times as long
const MEASURABLE_MS = 5;
const LARGEST_SIZE = 500_000;
const MORE_ROUNDS = 8;  // where the first says otherwise: the collection of garbage may have fallen into it

function cpuMs(work, subject) {
  const before = process.cpuUsage();
  work(subject);
  const {user, system} = process.cpuUsage(before);
  return (user + system) / 1000;
}

// Assert that the work on four times the size takes less than MOST_GROWTH times the CPU time in the first round, or else in the median of
// more. The size doubles until the work can be measured; work that cannot be measured at LARGEST_SIZE does not grow with the square.
export function growsLinearly(make, work, size) {
  const subject = make(size);
  if (Math.min(...[1, 2, 3].map(() => cpuMs(work, subject))) < MEASURABLE_MS) {
    if (size < LARGEST_SIZE) growsLinearly(make, work, 2 * size);
    return;
  }
  const larger = make(4 * size);
  const growth = () => cpuMs(work, larger) / Math.max(cpuMs(work, subject), MEASURABLE_MS / 2);
  if (growth() < MOST_GROWTH) return;
  const rounds = Array.from({length: MORE_ROUNDS}, growth).sort((one, other) => one - other);
  assert.ok(rounds[MORE_ROUNDS / 2] < MOST_GROWTH, `from ${size} to ${4 * size}, the CPU time grows ${rounds.map((each) => each.toFixed(1))} times`);
}
