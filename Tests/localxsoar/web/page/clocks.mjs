// The only module of these tests that reads a clock: no verdict depends on the speed of the machine.
import assert from 'node:assert/strict';

const MOST_GROWTH = 10;  // for four times the work: quadratic work takes 16 times as long
const MEASURABLE_MS = 5;
const LARGEST_SIZE = 500_000;
const MOST_ROUNDS = 20;  // a round counts for nothing in which Node.js collects garbage, which it does beside the work or amid it

function cpuMs(work, subject) {
  const before = process.cpuUsage();
  work(subject);
  const {user, system} = process.cpuUsage(before);
  return (user + system) / 1000;
}

// Assert that the work on four times the size takes less than MOST_GROWTH times the CPU time, each at its least in one round after the
// other. The size doubles until the work can be measured; work that cannot be measured at LARGEST_SIZE does not grow with the square.
export function growsLinearly(make, work, size) {
  const subject = make(size);
  let small = Math.min(...[1, 2, 3].map(() => cpuMs(work, subject)));
  if (small < MEASURABLE_MS) {
    if (size < LARGEST_SIZE) growsLinearly(make, work, 2 * size);
    return;
  }
  const larger = make(4 * size);
  let large = Infinity;
  for (let round = 0; round < MOST_ROUNDS && large >= MOST_GROWTH * small; round += 1) {
    small = Math.min(small, cpuMs(work, subject));
    large = Math.min(large, cpuMs(work, larger));
  }
  assert.ok(large < MOST_GROWTH * small, `${size} took ${small} ms and ${4 * size} took ${large} ms of CPU`);
}
