// The preview of a mapping: the path as a mapper writes it, and the incidents that it is filled from.
import assert from 'node:assert/strict';
import test from 'node:test';
import {asked, reply} from './document.mjs';

const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');
const {el} = await import('../../../../localxsoar/web/page/dom.js');
const {incidents} = await import('../../../../localxsoar/web/page/incidents.js');
const {mapperPath, preview} = await import('../../../../localxsoar/web/page/mapping.js');

const KEYS = [{key: 'hosts', isIndex: false}, {key: '0', isIndex: true}, {key: 'name', isIndex: false}];

test('an index of a path is in brackets', () => {
  assert.equal(mapperPath(KEYS), 'hosts.[0].name');
  assert.equal(mapperPath([{key: '0', isIndex: false}]), '0');
});

const delivery = (number, kind, sender, ids) => ({number, kind, sender, incidents: ids, method: 'POST', target: '/', status: 200, triage: '', text: ''});

// Draw a preview, reply with these values, and return it with the ids that were asked for.
async function draw(id, values, keys = KEYS) {
  const leaf = el('div', {}, el('button', {class: 'map'}));
  document.body.replaceChildren(el('div', {class: 'values'}, leaf));
  preview(id, keys, leaf);
  const [path] = asked.keys();
  const query = new URL(path, 'http://page').searchParams;
  assert.deepEqual(JSON.parse(query.get('path')), keys.map(({key}) => key));
  const ids = query.get('ids').split(',');
  await reply(path, ids.map((each, at) => ({id: each, value: values[at] ?? null})));
  return {ids, leaf, box: document.body.all('.mapping')[0]};
}
const says = (box) => box.all('p').map((each) => each.textContent);

test('it is filled from the latest incidents that the same sender created', async () => {
  incidents.set([]);
  deliveries.set([delivery(4, 'created', 'mapper', ['7', '8']), delivery(3, 'repeat', 'mapper', ['4']), delivery(2, 'created', 'another', ['6']), delivery(1, 'created', 'mapper', ['5'])]);
  const {ids, box} = await draw('5', ['db-3', '', 'db-1']);
  assert.deepEqual(ids, ['8', '7', '5']);
  assert.deepEqual(says(box), ['It has a value in 2 of the last 3 incidents of mapper.']);
  assert.deepEqual(box.all('td').map((each) => each.textContent), ['db-3', '', 'db-1']);
});

test('where the delivery is not kept it is filled from the same instance', async () => {
  deliveries.set([]);
  incidents.set(['left', 'right', 'left'].map((sourceInstance, at) => ({id: String(3 - at), sourceInstance})));
  const {ids, box} = await draw('1', ['a']);
  assert.deepEqual(ids, ['3', '1']);
  assert.deepEqual(says(box), ['It has a value in 1 of the last 2 incidents of left.']);
  assert.equal(box.all('td')[1].textContent, 'nothing at this path, or too large to read');
});

test('an incident alone is not counted', async () => {
  incidents.set([]);
  assert.deepEqual(says((await draw('1', ['a'])).box), ['It has a value in this incident.']);
  assert.deepEqual(says((await draw('1', [])).box), ['It has no value in this incident.']);
});

for (const key of ['a.b', 'a b', 'a[0]', 'a=b', '(a)', '']) {
  test(`a key ${JSON.stringify(key)} comes with a warning`, async () => {
    assert.match(says((await draw('1', ['x'], [{key, isIndex: false}])).box)[0], /^A key in this path has characters that a path cannot hold/);
  });
}

test('another preview takes its place, and when it is closed the focus goes back', async () => {
  const {box, leaf} = await draw('1', ['a']);
  assert.equal(document.activeElement, box.all('#copy-path')[0]);
  preview('1', KEYS, leaf);
  await reply([...asked.keys()][0], [{id: '1', value: 'a'}]);
  assert.equal(document.body.all('.mapping').length, 1);
  const [last] = document.body.all('.mapping');
  last.all('button').find((each) => each.textContent === 'Close').click();
  assert.equal(document.body.all('.mapping').length, 0);
  assert.equal(document.activeElement, leaf.all('.map')[0]);
});
