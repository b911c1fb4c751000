// The only module of these tests that reads a clock: no verdict depends on the speed of the machine.
import assert from 'node:assert/strict';

const MOST_GROWTH = 10;  // for four times the work: quadratic work takes 16 times as long
const MEASURABLE_MS = 5;
const LARGEST_SIZE = 500_000;

function leastMs(work, subject) {
  const once = () => {
    const before = process.cpuUsage();
    work(subject);
    const {user, system} = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  return Math.min(once(), once(), once());
}

// Assert that the work on four times the size takes less than MOST_GROWTH times the CPU time. The size doubles until the work can be
// measured; work that cannot be measured at LARGEST_SIZE does not grow with the square.
export function growsLinearly(make, work, size) {
  const small = leastMs(work, make(size));
  if (small < MEASURABLE_MS) {
    if (size < LARGEST_SIZE) growsLinearly(make, work, 2 * size);
    return;
  }
  const large = leastMs(work, make(4 * size));
  assert.ok(large < MOST_GROWTH * small, `${size} took ${small} ms and ${4 * size} took ${large} ms of CPU`);
}
