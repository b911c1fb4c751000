// A folded tree: what is open at first, what opens, and the path and the text of each value.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';
import {readJson} from '../../../../localxsoar/web/page/json.js';

const {drawTree} = await import('../../../../localxsoar/web/page/tree.js');
const draw = (content, pick) => drawTree(readJson(typeof content === 'string' ? content : JSON.stringify(content)), pick);
const leaves = (tree) => tree.all('.leaf').map((leaf) => leaf.textContent.replace(/(Copy)?(Map)?$/, ''));
const titles = (tree) => tree.all('.leaf').map((leaf) => leaf.getAttribute('title'));

test('a value is shown after its key, as the text has it', () => {
  assert.deepEqual(leaves(draw('{"name": "exact", "big": 12345678901234567890, "one": 1.0, "": null, "4": "4"}')),
    ['name: exact', 'big: 12345678901234567890', 'one: 1.0', '"": null', '4: 4']);
});

test('the class of a value tells a text from a number and from a word', () => {
  const tree = draw('["4", 4, -4, true]');
  assert.deepEqual(tree.all('bdi').filter((each) => !each.is('.key')).map((each) => each.getAttribute('class')), ['text', 'number', 'number', 'plain']);
});

test('the title of a value is its path', () => {
  assert.deepEqual(titles(draw({a: [{b: 1}], c: 2})), ['a.0.b', 'c']);
});

test('an empty list and an empty object are there, with their counts', () => {
  assert.deepEqual(draw('{"list": [], "object": {}}').all('summary').map((each) => each.textContent), ['list: [0]', 'object: {0}']);
  assert.deepEqual(draw('[]').all('summary').map((each) => each.textContent), ['[0]']);
});

test('two levels are open, and the next is drawn when it is opened', () => {
  const tree = draw({a: {b: {c: ['deep']}}});
  assert.deepEqual(tree.all('details').map((each) => Boolean(each.attributes.open ?? each.open)), [true, true, false]);
  assert.deepEqual(leaves(tree), []);
  const inner = tree.all('details')[2];
  inner.open = true;
  inner.send('toggle');
  inner.send('toggle');
  assert.deepEqual(leaves(tree), ['0: deep']);
});

test('a long list is closed at first, and so is what comes after many entries', () => {
  const isOpen = (tree) => tree.all('details').map((each) => each.open === true);
  assert.deepEqual(isOpen(draw([Array(50).fill(1), Array(51).fill(1)])), [true, true, false]);
  assert.deepEqual(isOpen(draw(Object.fromEntries(Array.from({length: 10}, (_, at) => [`k${at}`, Array(50).fill(1)])))), [...Array(8).fill(true), false, false]);
});

test('many entries are drawn piece by piece', () => {
  const tree = draw(Object.fromEntries(Array.from({length: 702}, (_, at) => [`key${at}`, at])));
  for (const [shown, label] of [[200, 'show 200 of 502 more'], [400, 'show 200 of 302 more'], [600, 'show 102 more']]) {
    assert.equal(leaves(tree).length, shown);
    const [more] = tree.all('.more');
    assert.equal(more.textContent, label);
    more.click();
    assert.equal(document.activeElement, tree.all('.leaf')[shown].querySelector('button'));
  }
  assert.deepEqual([leaves(tree).length, tree.all('.more').length], [702, 0]);
});

test('a long text is cut until a button shows all of it', () => {
  const tree = draw({text: 'x'.repeat(601)});
  assert.deepEqual(leaves(tree), [`text: ${'x'.repeat(600)}… show all`]);
  tree.all('.more')[0].click();
  assert.deepEqual(leaves(tree), [`text: ${'x'.repeat(601)}`]);
});

test('a long key is cut in what a screen reader reads', () => {
  const tree = draw({['k'.repeat(500_000)]: {a: 1}});
  for (const each of [...tree.all('summary'), ...tree.all('.leaf'), ...tree.all('button')]) {
    assert.ok((each.getAttribute('title') ?? '').length + (each.getAttribute('aria-label') ?? '').length < 3000);
  }
});

test('the mapping of a value is asked for with the keys of its path', () => {
  const picked = [];
  const tree = draw({hosts: ['db-1'], a: 1}, (keys, leaf) => picked.push([keys, leaf]));
  tree.all('.map')[0].click();
  const [[keys, leaf]] = picked;
  assert.deepEqual(keys, [{key: 'hosts', isIndex: false}, {key: '0', isIndex: true}]);
  assert.equal(leaf, tree.all('.leaf')[0]);
});
