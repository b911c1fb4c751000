// Name by clicking: which bodies have names to click, and which instance a delivery is for.
import assert from 'node:assert/strict';
import test from 'node:test';
import {reply} from './document.mjs';

const {readAddress} = await import('../../../../localxsoar/web/page/address.js');
const {el} = await import('../../../../localxsoar/web/page/dom.js');
const {instanceOf, nameButton, rootOf} = await import('../../../../localxsoar/web/page/naming.js');
const {setParts} = await import('../../../../localxsoar/web/page/picking.js');
const {setPorts} = await import('../../../../localxsoar/web/page/state.js');
const $ = document.getElementById;
const USUAL = {is_text: true, cut: false, body: '[{"a": 1}]'};

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
  const item = (sender) => ({number: 9, sender, target: '/instance/execute/a', method: 'POST', kind: 'created', missing: '', request: USUAL});
  const urls = [];
  for (const sender of ['Acme', 'Other', 'Acme']) {
    const made = nameButton(item(sender), () => {});
    if (!urls.length) await reply('/localxsoar/url-words?instance=a', {name: {kind: 'parts', label: 'Name', sentence: ''}});
    made.click();
    await new Promise(setImmediate);
    urls.push($('finished-url').textContent.split('?')[1]);
    if (sender === 'Acme') setParts('name', '', ['a']);
    $('delivery').all('#naming-close')[0].click();
  }
  assert.deepEqual(urls, [undefined, undefined, 'name=a']);
});
