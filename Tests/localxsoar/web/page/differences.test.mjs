// The differences of two values: what is changed, added, removed or equal, by the keys of the source text.
import assert from 'node:assert/strict';
import test from 'node:test';
import {commonEnds, differencesOf, linesOf} from '../../../../localxsoar/web/page/differences.js';
import {readJson} from '../../../../localxsoar/web/page/json.js';

const SIGNS = {changed: '~', added: '+', removed: '-', same: '='};
const path = (keys) => keys.map(({key}) => key).join('.');
const shown = (value) => (value.entries ? (value.isArray ? '[…]' : '{…}') : value.source);
const draw = (row) => [SIGNS[row.kind], row.kind === 'same' ? row.parts.map(({keys}) => path(keys)).join(' ') : [path(row.keys), row.before, row.after]
  .map((each) => (typeof each === 'string' ? each : each && shown(each))).filter((each) => each !== undefined).join(' ')].join(' ');
const compare = (before, after) => differencesOf(readJson(before), readJson(after)).map(draw);

test('values differ as their sources do, whatever they mean', () => {
  assert.deepEqual(compare('{"a": 1, "b": "1", "c": 1.0, "d": null, "e": "A"}', '{"a": 1.0, "b": 1, "c": 1.0, "d": "null", "e": "\\u0041"}'),
    ['~ a 1 1.0', '~ b "1" 1', '= c', '~ d null "null"', '~ e "A" "\\u0041"']);
});

test('neither blanks nor the order of keys count', () => {
  assert.deepEqual(compare('{"a": {"x": 1, "y": [1, 2]}, "b": 2}', '{ "b":2,"a":{"y":[1,2],"x":1} }'), ['= ']);
});

test('keys are added and removed at their places, and what is equal between them is one part', () => {
  assert.deepEqual(compare('{"a": 1, "gone": [1], "b": {"c": 2, "d": 3}, "e": 4}', '{"a": 1, "b": {"c": 2, "d": 4}, "e": 4, "new": {"f": 5}}'),
    ['= a', '- gone […]', '= b.c', '~ b.d 3 4', '= e', '+ new {…}']);
  assert.deepEqual(compare('{"first": 1, "a": 2}', '{"a": 2}'), ['- first 1', '= a']);
});

test('a name that repeats is compared place by place', () => {
  assert.deepEqual(compare('{"a": 1, "a": 2}', '{"a": 1, "a": 3, "a": 4}'), ['= a', '~ a 2 3', '+ a 4']);
});

test('equal items of a list are found again, and the others are compared in their order', () => {
  assert.deepEqual(compare('[1, 2, 3]', '[0, 1, 2, 3]'), ['+ 0 0', '= 1 2 3']);
  assert.deepEqual(compare('[{"id": 1, "up": true}, {"id": 2}]', '[{"id": 1, "up": false}, {"id": 2}, {"id": 3}]'), ['= 0.id', '~ 0.up true false', '= 1', '+ 2 {…}']);
  assert.deepEqual(compare('[1, 2, 3, 4, 5]', '[9, 2, 4, 5]'), ['~ 0 1 9', '= 1', '- 2 3', '= 2 3']);
  assert.deepEqual(compare('[]', '[1]'), ['+ 0 1']);
  assert.deepEqual([compare('[1, 1]', '[1, 1, 1]'), compare('[1, 1, 1]', '[1, 1]')], [['= 0 1', '+ 2 1'], ['= 0 1', '- 2 1']]);
  assert.deepEqual(compare('[1]', '{"0": 1}'), ['~  […] {…}']);
});

test('every item and every key is in exactly one part', () => {
  const items = (seed) => Array.from({length: 30}, (_, at) => (at * at * seed + 7 * at) % 5);
  for (let seed = 1; seed < 40; seed += 1) {
    const [before, after] = [items(seed), items(seed + 1)];
    const rows = differencesOf(readJson(JSON.stringify(before)), readJson(JSON.stringify(after)));
    const parts = rows.flatMap((row) => (row.kind === 'same' ? row.parts.map(({value}) => [value.source, value.source]) : [[row.before?.source, row.after?.source]]));
    assert.deepEqual(parts.map(([old]) => old).filter(Boolean), before.map(String));
    assert.deepEqual(parts.map(([, other]) => other).filter(Boolean), after.map(String));
  }
});

test('texts are compared by lines', () => {
  assert.deepEqual(differencesOf(linesOf('a\nb\nc'), linesOf('a\nx\nb\nc')).map(draw), ['= 0', '+ 1 x', '= 2 3']);
});

test('the common ends of two texts overlap in neither and halve no character', () => {
  assert.deepEqual(commonEnds('host db-1 down', 'host db-22 down'), [8, 5]);
  assert.deepEqual([commonEnds('aa', 'aaa'), commonEnds('', 'a'), commonEnds('same', 'same')], [[2, 0], [0, 0], [4, 0]]);
  assert.deepEqual([commonEnds('\u{1f600}', '\u{1f601}'), commonEnds('x\u{1f600}', 'y\u{1f600}')], [[0, 0], [0, 2]]);
  assert.deepEqual([commonEnds('x\u{1f600}', 'y\u{1fa00}'), commonEnds('x\u{1f600}z', 'y\u{1fa00}z')], [[0, 0], [0, 1]]);
});
