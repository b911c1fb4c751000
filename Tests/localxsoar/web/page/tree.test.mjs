// A folded tree: what is open at first, what opens, and the path and the text of each value.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';
import {readJson} from '../../../../localxsoar/web/page/json.js';

const {marked} = await import('../../../../localxsoar/web/page/visible.js');
const {drawTree} = await import('../../../../localxsoar/web/page/tree.js');
const draw = (content, pick) => drawTree(readJson(typeof content === 'string' ? content : JSON.stringify(content)), pick);
const leaves = (tree) => tree.all('.leaf').map((leaf) => leaf.textContent.replace(/(Copy)?(Map)?$/, ''));
const isOpen = (tree) => tree.all('.head').map((each) => each.getAttribute('aria-expanded') === 'true');
const titles = (tree) => tree.all('.leaf').map((leaf) => leaf.getAttribute('title'));

test('a value is shown after its key, as the text has it', () => {
  assert.deepEqual(leaves(draw('{"name": "exact", "big": 12345678901234567890, "one": 1.0, "": null, "4": "4"}')),
    ['name: "exact"', 'big: 12345678901234567890', 'one: 1.0', '"": null', '4: "4"']);
});

test('the class of a value tells a text from a number and from a word', () => {
  const tree = draw('["4", 4, -4, true]');
  assert.deepEqual(tree.all('.leaf').map((each) => each.children[1].getAttribute('class')), ['text', 'number', 'number', 'plain']);
  assert.deepEqual(leaves(tree), ['0: "4"', '1: 4', '2: -4', '3: true']);
});

test('blanks that could be overlooked, tabs and line breaks are marked, and a string is never like another value', () => {
  const shown = (value) => leaves(draw([value]))[0].slice(3);
  const values = ['true', true, 'null', null, '', ' ', '  ', 'a b', 'a  b', ' a', 'a ', 'a\tb', 'a\nb', 'a\r\n', '\u00a0', '\u3000', '·'];
  assert.deepEqual(values.map(shown), ['"true"', 'true', '"null"', 'null', '""', '"·"', '"··"', '"a b"', '"a··b"', '"·a"', '"a·"', '"a⇥\tb"', '"a↵\nb"', '"a␍↵\n"', '"⍽"', '"⟨U+3000⟩"', '"·"']);
  const marks = draw([' ', '·']).all('.leaf').map((each) => each.all('.mark').length);
  assert.deepEqual(marks, [1, 0]);
  assert.deepEqual(leaves(draw({' a': 1})), ['·a: 1']);
  const piece = (from, to) => marked(' a b  c', from, to).map((part) => part.textContent ?? part).join('');
  assert.deepEqual([piece(), piece(0, 3), piece(1, 3), piece(3, 5), piece(5)], ['·a b··c', '·a ', 'a ', 'b·', '·c']);
});

test('the title of a value is its path', () => {
  assert.deepEqual(titles(draw({a: [{b: 1}], c: 2})), ['a.0.b', 'c']);
});

test('an empty list and an empty object are there, with their counts', () => {
  assert.deepEqual(draw('{"list": [], "object": {}}').all('.head').map((each) => each.textContent), ['list: [0]', 'object: {0}']);
  assert.deepEqual(draw('[]').all('.head').map((each) => each.textContent), ['[0]']);
});

test('two levels are open, and the next is drawn when it is opened', () => {
  const tree = draw({a: {b: {c: ['deep']}}});
  assert.deepEqual(isOpen(tree), [true, true, false]);
  assert.deepEqual(leaves(tree), []);
  const [,, inner] = tree.all('.head');
  for (const open of [true, false, true]) {
    inner.click();
    assert.deepEqual([isOpen(tree)[2], leaves(tree)], [open, ['0: "deep"']]);
  }
});

test('a long list is closed at first, and so is what comes after many entries', () => {
  assert.deepEqual(isOpen(draw([Array(50).fill(1), Array(51).fill(1)])), [true, true, false]);
  assert.deepEqual(isOpen(draw(Object.fromEntries(Array.from({length: 10}, (_, at) => [`k${at}`, Array(50).fill(1)])))), [...Array(4).fill(true), ...Array(6).fill(false)]);
});

test('many entries are drawn piece by piece', () => {
  const tree = draw(Object.fromEntries(Array.from({length: 702}, (_, at) => [`key${at}`, at])));
  for (const [shown, label] of [[200, 'show 200 of 502 more'], [400, 'show 200 of 302 more'], [600, 'show 102 more']]) {
    assert.equal(leaves(tree).length, shown);
    const [more] = tree.all('.more');
    assert.equal(more.textContent, label);
    more.click();
    assert.equal(document.activeElement, tree.all('.leaf')[shown]);
  }
  assert.deepEqual([leaves(tree).length, tree.all('.more').length], [702, 0]);
});

test('one entry more than are drawn is shown on request', () => {
  const tree = draw(Object.fromEntries(Array.from({length: 201}, (_, at) => [`key${at}`, at])));
  assert.deepEqual([leaves(tree).length, tree.all('.more')[0].textContent], [200, 'show 1 more']);
});

test('a long text is cut until a button shows all of it', () => {
  const tree = draw({text: 'x'.repeat(601)});
  assert.deepEqual(leaves(tree), [`text: "${'x'.repeat(600)}…"show all`]);
  tree.all('.more')[0].click();
  assert.deepEqual(leaves(tree), [`text: "${'x'.repeat(601)}"`]);
});

test('a long key is cut in what a screen reader reads', () => {
  const tree = draw({['k'.repeat(500_000)]: {a: 1}});
  for (const each of [...tree.all('.head'), ...tree.all('.leaf'), ...tree.all('button')]) {
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

test('the whole tree is one tab stop, and its items have their levels', () => {
  const tree = draw({a: {b: [1, 'text']}, c: 2});
  const items = tree.all('.item');
  assert.deepEqual(items.map((each) => [each.getAttribute('aria-level'), each.getAttribute('tabindex')]), [['1', '0'], ['2', '-1'], ['3', '-1'], ['3', '-1'], ['1', '-1']]);
  assert.ok(tree.all('button').every((each) => each.getAttribute('tabindex') === '-1'));
});

test('a value that is to be used has no buttons of its own, and a click passes its keys, itself and its element', () => {
  const used = [];
  const tree = drawTree(readJson('{"hosts": ["db-1"], "a": 1}'), null, (...given) => used.push(given));
  assert.deepEqual(tree.all('button'), []);
  tree.all('.leaf')[0].click();
  const [[keys, value, leaf]] = used;
  assert.deepEqual([keys.map(({key}) => key), value.text, leaf], [['hosts', '0'], 'db-1', tree.all('.leaf')[0]]);
});

test('the keys move among what is seen, and Tab comes back to where they were', () => {
  const tree = draw({a: {b: [], c: 'text'}, d: 2});
  const [box] = tree.all('.tree');
  const items = tree.all('.item');
  items[0].focus();
  for (const [key, at, control] of [
    ['ArrowUp', 0], ['ArrowRight', 1], ['ArrowRight', 1], ['ArrowDown', 2], ['ArrowRight', 2, 'Copy'], ['Home', 2, 'Copy'], ['ArrowRight', 2, 'Copy'], ['ArrowLeft', 2], ['Enter', 2, 'Copy'], ['ArrowDown', 3],
    ['ArrowLeft', 3], ['Home', 0], ['ArrowLeft', 0], ['ArrowLeft', 0], ['ArrowDown', 3], ['ArrowUp', 0], [' ', 0], ['End', 3], ['ArrowUp', 2], ['ArrowLeft', 0]]) {
    box.send('keydown', {key, target: document.activeElement, currentTarget: box, preventDefault() {}, stopPropagation() {}});
    box.send('focusin', {target: document.activeElement});
    assert.equal(document.activeElement, control ? items[at].all('button')[0] : items[at], `${key} to ${at}`);
    assert.deepEqual(tree.all('[tabindex="0"]'), [items[at]]);
  }
});
