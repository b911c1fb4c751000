// The editor of a delivery: what can be edited, and what of it is sent.
import assert from 'node:assert/strict';
import test from 'node:test';
import {reply, requested} from './document.mjs';

const kept = new Map();
globalThis.sessionStorage = {getItem: (name) => kept.get(name) ?? null, setItem: (name, text) => kept.set(name, text)};
const {el} = await import('../../../../localxsoar/web/page/dom.js');
const {closeEditor, edit, hasDraft} = await import('../../../../localxsoar/web/page/edit.js');
const {setOpened} = await import('../../../../localxsoar/web/page/opened.js');
const $ = document.getElementById;
el('div', {class: 'split'}, $('delivery'));

const REQUEST = {headers: [{name: 'Host', value: 'h'}, {name: 'Expect', value: '100-continue'}, {name: 'X-A', value: 'a:b'}, {name: 'Connection', value: 'close'}], body: '{"a": 1}', is_text: true, cut: false};
const delivery = (more, request) => ({number: 7, started: 1, target: '/a?b', missing: '', can_be_signed: false, unprovable: '', request: {...REQUEST, ...request}, ...more});

// Open the editor of a delivery, and return its fields by their ids and what its notes say.
function open(item) {
  setOpened(item);
  edit(() => {});
  const [form] = $('delivery').all('form');
  const fields = Object.fromEntries(['input', 'textarea'].flatMap((tag) => form.all(tag)).map((each) => [each.attributes.id.replace('edit-', ''), each]));
  return {form, fields, notes: form.all('.dim').map((each) => each.textContent).slice(1, -1)};
}
const submit = (form) => form.send('submit', {preventDefault() {}});

for (const [more, request, isFixed, isProved, notes] of [
  [{}, {}, false, false, []],
  [{can_be_signed: true}, {decompressed: true}, false, true, ['A body that is edited is sent as plain text.']],
  [{can_be_signed: true, unprovable: 'It has no token.'}, {cut: true}, true, false, ['The body is too long to be edited here, so it is sent as it came.']],
  [{}, {is_text: false}, true, false, ['The body is not text, so it is sent as it came.']],
  [{}, {body: 'a\nb\r\nc'}, true, false, ['The body mixes several kinds of line breaks, so it is sent as it came.']],
  [{missing: 'The body was removed.'}, {cut: true}, false, false, ['The body was removed.', 'What is written here is sent.']],
]) {
  test(`a delivery with ${JSON.stringify([more, request])} ${isFixed ? 'keeps its body' : 'can be edited'}`, () => {
    const {fields, notes: said} = open(delivery(more, request));
    assert.deepEqual([fields.target.value, fields.headers.value, fields.body.value], ['/a?b', 'X-A: a:b', isFixed || more.missing ? '' : '{"a": 1}']);
    assert.deepEqual([fields.body.disabled, said], [isFixed, notes]);
    assert.deepEqual([fields.proof.checked ?? fields.proof.attributes.checked === 'true', fields.proof.disabled], [isProved, Boolean(more.unprovable)]);
  });
}

for (const [request, more, change, sent] of [
  [{}, {}, {}, {target: '/a?b', proof: false}],
  [{}, {}, {target: '/c', headers: 'X-A : b\nnone\n : x'}, {target: '/c', proof: false, headers: [['X-A', 'b'], ['', 'x']]}],
  [{body: 'a\r\nb'}, {}, {body: 'a\nc'}, {target: '/a?b', proof: false, body: 'a\r\nc'}],
  [{body: 'a\rb'}, {}, {body: 'a\nc\n'}, {target: '/a?b', proof: false, body: 'a\rc\r'}],
  [{body: 'a'}, {}, {body: 'a\n'}, {target: '/a?b', proof: false, body: 'a\n'}],
  [{body: 'a'}, {missing: 'It was removed.'}, {}, {target: '/a?b', proof: false, body: 'a'}],
]) {
  test(`of ${JSON.stringify([request, more])} with ${JSON.stringify(change)} is sent: ${JSON.stringify(sent)}`, () => {
    const {form, fields} = open(delivery(more, request));
    for (const [name, text] of Object.entries(change)) fields[name].value = text;
    Object.assign(fields.proof, {checked: false});
    submit(form);
    assert.deepEqual(requested.pop(), sent);
  });
}

test('a draft is found again in its delivery alone, is dropped once it is sent, and with secrets is not kept for a reload', async () => {
  const type = (item, text) => {
    const {form, fields} = open(item);
    fields.body.value = text;
    form.send('input');
    return form;
  };
  const item = delivery();
  const form = type(item, '{"a": 2}');
  type(delivery({number: 8, shows: true}), 'a secret');
  assert.deepEqual([item, delivery({started: 2}), delivery({number: 8})].map(hasDraft), [true, false, true]);
  assert.deepEqual(JSON.parse(kept.get('drafts')), [['7 at 1', {target: '/a?b', headers: 'X-A: a:b', body: '{"a": 2}'}]]);
  assert.equal(open(item).fields.body.value, '{"a": 2}');
  type(delivery({number: 8}), 'b').all('button').find((each) => each.textContent === 'Discard').click();
  assert.equal(hasDraft(delivery({number: 8})), false);
  requested.length = 0;
  for (let press = 0; press < 2; press += 1) submit(form);
  assert.equal(requested.length, 1);
  await reply('/localxsoar/deliveries/7/send', {error: 'not now'});
  assert.deepEqual([form.all('.wrong').at(-1).textContent, hasDraft(item)], ['not now', true]);
  submit(form);
  await reply('/localxsoar/deliveries/7/send', {number: 9});
  assert.deepEqual([location.hash, hasDraft(item), kept.get('drafts')], ['#/deliveries?open=9', false, '[]']);
  for (const [hidden, focused] of [[false, 'edit'], [true, 'more-acts']]) {  // it is in a menu that is closed
    $('edit').hidden = hidden;
    closeEditor(() => {});
    assert.equal(document.activeElement, $(focused));
  }
});

test('Format puts each entry on its line, of JSON only, and a fault is said at once', () => {
  const {form, fields} = open(delivery({number: 10}));
  const [format] = form.all('button').filter((each) => each.textContent === 'Format');
  fields.body.dispatchEvent = ({type}) => fields.body.send(type);
  format.click();
  assert.equal(fields.body.value, '{\n  "a": 1\n}');
  for (const [text, isWrong] of [['{"a": }', true], ['plain', false], [' [1', true], ['{}', false]]) {
    fields.body.value = text;
    fields.body.send('input');
    if (isWrong) format.click();
    assert.deepEqual([form.all('#edit-fault')[0].textContent.startsWith('This is not JSON: '), fields.body.attributes['aria-invalid'] ?? '', fields.body.value], [isWrong, isWrong ? 'true' : '', text]);
  }
});
