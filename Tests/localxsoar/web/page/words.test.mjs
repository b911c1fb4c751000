// The words of a URL: parts, quotes and paths, also of keys that are hostile.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';
import {readJson} from '../../../../localxsoar/web/page/json.js';

const {follow, listAround, moveInto, pathIn, pathTo, prefixOf, quoted, readQuery, readScale, split, writeQuery, writeScale} = await import('../../../../localxsoar/web/page/words.js');
const KNOWN = {each: {kind: 'path'}, name: {kind: 'parts'}, occurred: {kind: 'part'}, severity: {kind: 'severity'}, problem: {kind: 'key'}, resolved: {kind: 'conditions'}, type: {kind: 'text'}};

// Return the path to the value at some keys of a JSON text.
function path(text, keys, each) {
  const root = readJson(text);
  const found = [];
  let node = root;
  for (const key of keys) {
    found.push({key: String(key), isIndex: node.isArray});
    node = typeof key === 'number' && node.isArray ? node.entries[key][1] : node.entries.find(([name]) => name === String(key))[1];
  }
  return pathTo(root, found, node, each);
}

test('a value has the path that leads to it', () => {
  for (const [text, keys, expected, each] of [
    ['{"evt": {"what": 1}}', ['evt', 'what'], 'evt.what'], ['{"a": [{"b": 1}]}', ['a', 0, 'b'], 'a.0.b'], ['{"0": 1}', ['0'], '0'],
    ['{"a.b": {"c.d": 1}}', ['a.b', 'c.d'], 'a.b.c.d'], ['{"@timestamp": 1}', ['@timestamp'], '@timestamp'], ['{"a:b": 1}', ['a:b'], 'a:b'], ['{"größe": 1}', ['größe'], 'größe'],
    [`${'{"a":'.repeat(16)}1${'}'.repeat(16)}`, Array(16).fill('a'), Array(16).fill('a').join('.')], ['[{"a": 1}, {"b": 2}]', [1, 'b'], 'b'],  // each item of a payload that is a list is an event
    ['{"a": [{"b": {"c": 1}}, {"b": {"c": 2}}]}', ['a', 1, 'b', 'c'], 'b.c', 'a'], ['{"a": [{"b": 1}], "c": {"a": 2}}', ['a', 0, 'b'], 'a.0.b', 'c.none'],
  ]) assert.equal(path(text, keys, each).text, expected);
  assert.deepEqual(path('{"a.b": {"c.d": 1}}', ['a.b', 'c.d']).keys, ['a.b', 'c.d']);
  const isOfSeveral = (text, each) => path(text, ['a', 0, 'b'], each).isOfSeveral;
  assert.deepEqual([isOfSeveral('{"a": [{"b": 1}]}'), isOfSeveral('{"a": [{"b": 1}, 2]}'), isOfSeveral('{"a": [{"b": 1}, 2]}', 'a')], [false, true, false]);
});

test('a value that no path can name has a reason instead', () => {
  const deep = `${'{"a":'.repeat(300)}1${'}'.repeat(300)}`;
  for (const [text, keys, reason, each] of [
    ...['a,b', 'a|b', "it's", '*', 'a=b', ' a', 'a ', '', '.a', 'a.', 'a..b', '!a', '@', '@.a', '\ufffd', '\ud800'].map((key) => [JSON.stringify({[key]: 1}), [key], /cannot name/]),
    ['{"a": {"b": 1}, "a.b": 2}', ['a', 'b'], /same path/], ['{"a": 1, "a": 2}', ['a'], /same path/], ['{"a.b": {"c": 1}, "a": {"b.c": 2}}', ['a', 'b.c'], /same path/],
    ['{"a": [1, 2]}', ['a', 1], /first item/], [deep, Array(300).fill('a'), /at most 16/], ['{"••••••": 1}', ['••••••'], /masked/],
    ['{"a": [{"b": 1}], "c": 2}', ['c'], /no item of a/, 'a'], ['[1, 2]', [1], /cannot name/],
  ]) assert.match(path(text, keys, each).reason, reason);
});

test('of many keys one is found', () => {
  const keys = Object.fromEntries(Array.from({length: 10_000}, (_, at) => [`key${at}`, at]));
  assert.equal(path(JSON.stringify(keys), ['key9999']).text, 'key9999');
});

test('the text of a condition is quoted where it must be, and some can be none', () => {
  for (const [text, expected] of [['closed', 'closed'], ['a,b', "'a,b'"], ['a|b', "'a|b'"], ['a=b', "'a=b'"], [' a', "' a'"], ['!a', "'!a'"], ['1.50', '1.50'], ['a b', 'a b'],
    ["it's", null], ['', null], ['null', null], ['\ufffd', null], ['x'.repeat(300), 'x'.repeat(300)], ['x'.repeat(301), null], ['••••••', null]]) assert.equal(quoted(text), expected);
});

test('parts are split outside of quotes', () => {
  assert.deepEqual(split("a, 'b,c' ,d"), ['a', "'b,c'", 'd']);
  assert.deepEqual(split("a,'b"), ["a,'b"]);
  assert.deepEqual(split(''), []);
});

test('a query is read and written again, and what is no word stays as it is', () => {
  const {words, others} = readQuery("token=%7Ca&name=a%2Cb&severity=&x&toString=1&type=••••••&resolved=s%3D'a%7Cb'", KNOWN);
  assert.deepEqual([[...words], others], [[['name', 'a,b'], ['resolved', "s='a|b'"]], ['token=%7Ca', 'x', 'toString=1', 'type=••••••']]);
  const written = writeQuery(words, others);
  assert.equal(written, 'token=%7Ca&x&toString=1&type=••••••&name=a%2Cb&resolved=s%3D%27a%7Cb%27');
  assert.deepEqual([...readQuery(written, KNOWN).words], [...words]);
  assert.equal(writeQuery(new Map([['name', "(*)!é \u{1f600}"]])), 'name=%28%2A%29%21%C3%A9%20%F0%9F%98%80');
});

test('a part has its path and what follows', () => {
  assert.deepEqual(pathIn('severity', 'a:b:high=1'), ['a:b', ':high=1']);
  assert.deepEqual(pathIn('severity', 'a:b'), ['a:b', '']);
  assert.deepEqual(pathIn('conditions', 'a=b=c'), ['a', '=b=c']);
  assert.deepEqual(pathIn('parts', 'a=b'), ['a=b', '']);
});

test('a scale is read and written', () => {
  assert.deepEqual([...readScale(":critical=9,high='a|b'|c")], [['critical', '9'], ['high', "'a|b'|c"]]);
  assert.equal(writeScale(new Map([['critical', '9'], ['high', "'a|b'|c, d"], ['low', ' '], ['medium', "it's"]])), ":critical=9,high='a|b'|'c, d'");
  assert.equal(writeScale(new Map()), '');
});

test('a list of objects around a value is offered, and paths move into its items and out of them', () => {
  const root = readJson('{"a": {"b": [{"c": [{"d": 1}]}]}, "tags": ["x"]}');
  const keys = (...all) => all.map((key) => ({key: String(key), isIndex: typeof key === 'number'}));
  assert.deepEqual([listAround(root, keys('a', 'b', 0, 'c', 0, 'd')), listAround(root, keys('tags', 0)), listAround(root, keys('a'))], ['a.b', '', '']);
  const words = new Map(Object.entries({name: "a.b.0.c,@x-host,'b'", occurred: 'a.b.0.t', severity: 'a.b.0.p:high=1', problem: 'x:a.b.0.r,z', resolved: 'a.b.0.s=x', type: 'a.b.0.t'}));
  const before = [...words];
  moveInto(words, KNOWN, '', 'a.b');
  assert.deepEqual(Object.fromEntries(words), {name: "c,@x-host,'b'", occurred: 't', severity: 'p:high=1', problem: 'x:r,z', resolved: 's=x', type: 'a.b.0.t'});
  moveInto(words, KNOWN, 'a.b', '');
  assert.deepEqual([...words], before.map(([name, text]) => [name, name === 'problem' ? 'x:a.b.0.r,a.b.0.z' : text]));
});

test('a prefix is made of the name of a sender', () => {
  assert.deepEqual(['Acme Backup/2', '', 'ß', 'x'.repeat(50)].map(prefixOf), ['acme-backup-2', 'sender', 'sender', 'x'.repeat(40)]);
  assert.deepEqual(follow(readJson('{"a": null}'), 'a.b'), null);
});
