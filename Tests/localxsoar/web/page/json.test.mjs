// JSON as its text has it, and formatted.
import assert from 'node:assert/strict';
import test from 'node:test';
import {formatJson, readJson} from '../../../../localxsoar/web/page/json.js';

// Return a value as nested pairs of names and sources, in their order.
const shape = (node) => (node.entries ? node.entries.map(([name, value]) => [name, shape(value)]) : node.text ?? node.source);

test('numbers keep their digits, and names their order, even those that repeat', () => {
  assert.deepEqual(shape(readJson('{"big": 12345678901234567890, "huge": 1e400, "one": 1.0, "b": {"z": -0.0, "10": 1, "9": 2, "9": 3}}')), [
    ['big', '12345678901234567890'], ['huge', '1e400'], ['one', '1.0'], ['b', [['z', '-0.0'], ['10', '1'], ['9', '2'], ['9', '3']]]]);
});

test('a string has its text beside its source', () => {
  assert.deepEqual(readJson('"a\\u00e9\\"\\\\, {"'), {source: '"a\\u00e9\\"\\\\, {"', text: 'aé"\\, {'});
  assert.deepEqual(readJson('"4"').text, '4');
  for (const text of ['4', '\ufeff4']) assert.deepEqual(readJson(text), {source: '4'});
});

test('a list counts its values, and an empty one or an empty name is one', () => {
  assert.deepEqual(shape(readJson('[[], {}, ["a", null], {"": true}]')), [['0', []], ['1', []], ['2', [['0', 'a'], ['1', 'null']]], ['3', [['', 'true']]]]);
  assert.deepEqual([readJson('[]').isArray, readJson('{}').isArray], [true, false]);
});

for (const text of ['', '{', '[1,]', "{'a': 1}", '01', 'nul', '"a\nb"']) {
  test(`${JSON.stringify(text)} is not JSON`, () => {
    assert.throws(() => readJson(text), SyntaxError);
    assert.throws(() => formatJson(text), SyntaxError);
  });
}

test('a formatted text has one entry on each line and no other change', () => {
  assert.equal(formatJson('{"a":12345678901234567890,"a":"x, y: {","b":[1,[ ],{ }],"c":{"d":[{}]}}'), `{
  "a": 12345678901234567890,
  "a": "x, y: {",
  "b": [
    1,
    [],
    {}
  ],
  "c": {
    "d": [
      {}
    ]
  }
}`);
});

for (const text of ['[]', '{}', '1', '"a"', 'null']) {
  test(`${text} is formatted already`, () => assert.equal(formatJson(` ${text}\n`), text));
}
