// Name by clicking: which bodies have names to click, and which instance a delivery is for.
import assert from 'node:assert/strict';
import test from 'node:test';
import {reply} from './document.mjs';

const {readAddress} = await import('../../../../localxsoar/web/page/address.js');
const {el} = await import('../../../../localxsoar/web/page/dom.js');
const {drawNaming, instanceOf, nameButton, rootOf} = await import('../../../../localxsoar/web/page/naming.js');
const {setParts} = await import('../../../../localxsoar/web/page/picking.js');
const {setPorts} = await import('../../../../localxsoar/web/page/state.js');
const $ = document.getElementById;
const USUAL = {is_text: true, cut: false, body: '[{"a": 1}]'};
const item = (sender, more) => ({number: 9, sender, target: '/instance/execute/a', method: 'POST', kind: 'created', missing: '', request: USUAL, ...more});

// Open the panel of a delivery.
async function open(delivery) {
  nameButton(delivery, () => {}).click();
  await new Promise(setImmediate);
}

for (const [request, missing, isThere] of [[{}, '', true], [{}, 'The body was removed.', false], [{is_text: false}, '', false], [{cut: true}, '', false], [{body: '7'}, '', false], [{body: '{'}, '', false]]) {
  test(`a body has ${isThere ? '' : 'no '}names to click: ${JSON.stringify(request)} ${missing}`, () => {
    assert.equal(rootOf({missing, request: {...USUAL, ...request}}) !== null, isThere);
  });
}

test('the instance is in the path of a delivery', () => {
  assert.deepEqual(['/instance/execute/a%20b/c?d', '/instance/execute/a?b/c', '/instance/execute/%', '/other/a'].map((target) => instanceOf({target})), ['a b', 'a', '', '']);
});

test('the words of a panel that was closed are there again for its sender and for no other', async () => {
  el('div', {class: 'split'}, $('delivery'));
  setPorts([{name: 'a', hasPort: true}]);
  location.hash = '#/deliveries/9';
  readAddress(['deliveries'], 'deliveries');
  const urls = [];
  for (const sender of ['Acme', 'Other', 'Acme']) {
    open(item(sender));
    if (!urls.length) await reply('/localxsoar/url-words?instance=a', {name: {kind: 'parts', label: 'Name', sentence: ''}});
    await new Promise(setImmediate);
    urls.push($('finished-url').textContent.split('?')[1]);
    if (sender === 'Acme') setParts('name', '', ['a']);
    $('delivery').all('#naming-close')[0].click();
  }
  assert.deepEqual(urls, [undefined, undefined, 'name=a']);
});

test('in the panel the keys of the page do nothing but lead to the search and to the help', async () => {
  await open(item('Acme'));
  const isStopped = (key, more) => {
    let isOver = false;
    $('delivery').all('.naming')[0].send('keydown', {key, stopPropagation: () => { isOver = true; }, preventDefault() {}, ...more});
    return isOver;
  };
  assert.deepEqual([...['r', 'Enter', '/', '?', 'Tab'].map((key) => isStopped(key)), isStopped('r', {ctrlKey: true}), isStopped('Escape')], [true, true, false, false, false, false, true]);
  assert.ok(!location.hash.includes('words'), location.hash);  // it is closed
});

test('a URL is copied with what is masked in it or, if that is not known here, says so', async () => {
  const copied = [];
  Object.defineProperty(globalThis, 'navigator', {value: {clipboard: {writeText: async (text) => copied.push(text)}}, configurable: true});
  const target = '/instance/execute/a?token=';
  for (const [isHere, token, isSaid] of [[true, 'hush', false], [false, '••••••', true]]) {
    await open(item('Other', {target: `${target}••••••`, is_here: isHere}));
    const [panel] = $('delivery').all('.naming');
    await drawNaming(item('Other'), () => {});
    assert.equal($('delivery').all('.naming')[0], panel);  // it is there already
    $('delivery').all('#copy-url')[0].click();
    if (isHere) await reply('/localxsoar/deliveries/9?secrets=show', {target: target + token});
    await new Promise(setImmediate);
    assert.deepEqual([copied.pop(), $('url-note').textContent.startsWith('What is masked was copied masked')], [location.origin + target + token, isSaid]);
    $('delivery').all('#naming-close')[0].click();
  }
});

test('an address with words for a body without names shows the delivery', async () => {
  location.hash = '#/deliveries?open=9&words=?name=a';
  readAddress(['deliveries'], 'deliveries');
  let drawn = 0;
  await drawNaming(item('Acme', {request: {...USUAL, body: '7'}}), () => { drawn += 1; });
  assert.deepEqual([drawn, location.hash], [1, '#/deliveries?open=9']);
});
