// Marks on the line of time: none covers another, their order is that of the events, and each event is in one.
import assert from 'node:assert/strict';
import test from 'node:test';
import {marksOf, placeOf, spansOf, ticksOf} from '../../../../localxsoar/web/page/tracks.js';

const SCALE = {from: 0, to: 1000, width: 216};  // of which a mark takes 16
const events = (...all) => all.map(([kind, at]) => ({kind, at}));
const draw = (marks) => marks.map(({kind, left, events: {length}}) => `${kind} ${left}${length > 1 ? ` ×${length}` : ''}`);

test('a mark is where its time is, and gives way to its neighbours', () => {
  assert.deepEqual(draw(marksOf(events(['created', 0], ['repeat', 500], ['end', 1000]), SCALE)), ['created 0', 'repeat 100', 'end 200']);
  assert.deepEqual(draw(marksOf(events(['created', 500], ['end', 501]), SCALE)), ['created 100', 'end 116']);
  assert.deepEqual(draw(marksOf(events(['created', 999], ['end', 1000]), SCALE)), ['created 184', 'end 200']);
  assert.deepEqual(draw(marksOf(events(['created', 7]), {from: 7, to: 7, width: 216})), ['created 0']);
});

test('events of one kind that are close share a mark with their number', () => {
  assert.deepEqual(draw(marksOf(events(['created', 0], ['joined', 1], ['joined', 2], ['joined', 300], ['end', 301]), SCALE)), ['created 0', 'joined 16 ×2', 'joined 60', 'end 76']);
});

test('however many events there are, no mark covers another, and each event is in one', () => {
  const kinds = ['created', 'ended', 'joined', 'repeat'];
  for (const count of [1, 10, 100, 2000]) {
    const all = events(...Array.from({length: count}, (_, at) => [kinds[(at * 7) % 4], Math.floor(1000 * (at / count) ** 2)]));
    const marks = marksOf(all, SCALE);
    assert.deepEqual(marks.flatMap((mark) => mark.events), all);
    marks.reduce((end, {left, events: {length}}) => {
      assert.ok(left >= end && left <= 200);
      return left + 16 + (length > 1 ? 8 * String(length).length : 0);
    }, 0);
  }
});

test('a span leads from the beginning of a problem to its end, or to the edge', () => {
  const marks = marksOf(events(['rejected', 0], ['created', 200], ['joined', 300], ['ended', 500], ['created', 700]), SCALE);
  assert.deepEqual(spansOf(marks, true, 216), [[48, 108], [148, 216]]);
  assert.deepEqual(spansOf(marks, false, 216), [[48, 108]]);
});

test('ticks are at full units of time, far enough apart, and within the line', () => {
  for (const span of [0, 3e3, 6e4, 3.6e6, 8.64e7, 3e9, 4e11]) {
    const scale = {from: 1.7e12 + 123, to: 1.7e12 + 123 + span, width: 500};
    const {ticks} = ticksOf(scale);
    assert.ok(ticks.length <= 6);
    for (const {at, left} of ticks) assert.ok(at % 1000 === 0 && at >= scale.from && at <= scale.to && left === placeOf(at, scale));
  }
  for (let width = 100; width < 1000; width += 10) {
    const {ticks} = ticksOf({from: 1.7e12, to: 1.7e12 + 3.1e7 + width, width});
    ticks.reduce((one, other) => { assert.ok(other.left - one.left > 95.9); return other; }, {left: -100});
  }
  assert.deepEqual([6e4, 8.64e8].map((span) => ticksOf({from: 0, to: span, width: 500})).map(({isOfDays, isOfSeconds}) => [isOfDays, isOfSeconds]), [[false, true], [true, false]]);
});
