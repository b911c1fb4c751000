// What the page asks the server, what it keeps for a reload, and work that is done once or not too often.
import assert from 'node:assert/strict';
import test from 'node:test';
import {passTime} from './document.mjs';

const {ask} = await import('../../../../localxsoar/web/page/server.js');
const {load, save, saveFirst} = await import('../../../../localxsoar/web/page/session.js');
const {hasPort, hasPorts, isOneOfSeveral, own, setInstance, setPorts} = await import('../../../../localxsoar/web/page/state.js');
const {afterLast, paced} = await import('../../../../localxsoar/web/page/pace.js');
const {once} = await import('../../../../localxsoar/web/page/once.js');
const {button, copy} = await import('../../../../localxsoar/web/page/dom.js');

for (const [response, result] of [
  [{ok: true, body: '{"a": 1}'}, {a: 1}], [{ok: true, body: 'a line'}, null], [{body: '{"error": "no", "field": "port"}'}, 'no (port)'], [{body: 'a line'}, 'a line'], [{body: '', statusText: 'Bad Gateway'}, 'Bad Gateway'],
  [null, 'The local XSOAR does not respond. Try again once it is back.'],
]) {
  test(`the response ${JSON.stringify(response)} is read as ${JSON.stringify(result)}`, async () => {
    const given = [];
    globalThis.fetch = async (...all) => {
      given.push(...all);
      if (!response) throw new TypeError('refused');
      return {ok: false, ...response, text: async () => response.body};
    };
    const found = await ask('POST', 'a', response?.ok ? {b: 1} : undefined).catch(({message, field}) => (field ? `${message} (${field})` : message));
    assert.deepEqual([found, given[0], given[1].method, given[1].body, given[1].headers], [result, '/localxsoar/a', 'POST', response?.ok ? '{"b":1}' : undefined, response?.ok ? {'Content-Type': 'application/json'} : {}]);
  });
}

test('as many of the first values are kept for a reload as there is room for, and a browser may forbid it', () => {
  const kept = new Map();
  globalThis.sessionStorage = {getItem: (name) => kept.get(name) ?? null, setItem: (name, text) => kept.set(name, text)};
  saveFirst('some', ['a'.repeat(1_200_000), 'b'.repeat(900_000), 'c']);
  assert.deepEqual([load('some', []).map((each) => each[0]), load('none', 7)], [['a'], 7]);
  save('one', {a: 1});
  assert.deepEqual(load('one'), {a: 1});
  globalThis.sessionStorage = {getItem() { throw new Error('forbidden'); }, setItem() { throw new Error('forbidden'); }};
  save('one', 2);
  assert.equal(load('one', 3), 3);
});

test('a request is about the chosen instance, and what is for senders is shown if any instance has a port', () => {
  assert.deepEqual([hasPorts(), isOneOfSeveral(), own('log')], [undefined, false, 'log']);
  setPorts([{name: 'a b', hasPort: false}]);
  setInstance({instance: 'a b'});
  assert.deepEqual([hasPorts(), isOneOfSeveral(), own('log'), hasPort('a b')], [false, false, 'log?instance=a%20b', false]);
  setPorts([{name: 'a b', hasPort: false}, {name: 'c', hasPort: true}]);
  assert.deepEqual([hasPorts(), isOneOfSeveral(), hasPort('a b'), hasPort('c')], [true, true, false, true]);
  setInstance({});
  assert.equal(isOneOfSeveral(), false);
});

test('work is done after the last call, at once on request, or at once and then once in each pause', () => {
  const done = [];
  const soon = afterLast(() => done.push('soon'), 100);
  soon.now();
  soon();
  soon();
  soon.now();
  passTime();
  soon();
  passTime();
  assert.deepEqual(done.splice(0), ['soon', 'soon']);
  const often = paced(() => done.push('often'), 100);
  for (const rounds of [1, 3, 0, 1]) {
    for (let round = 0; round < rounds; round += 1) often();
    passTime();
  }
  assert.equal(done.length, 4);
});

test('a press works once, says so if it is slow, and lets go of its buttons however it ends', async () => {
  const [pressed, other, disabled] = ['Send', 'Other', 'No'].map((label) => button(label, () => {}));
  disabled.disabled = true;
  document.body.append(pressed);
  pressed.focus();
  let end;
  let count = 0;
  const work = () => { count += 1; return new Promise((_, fail) => { end = fail; }); };
  const working = once(pressed, [pressed, other, null, disabled], work).catch(({message}) => message);
  once(pressed, [], work);
  assert.deepEqual([count, pressed.textContent, pressed.disabled, other.disabled], [1, 'Send', true, true]);
  passTime();
  assert.deepEqual([pressed.textContent, document.getElementById('announce').textContent], ['Sending…', 'Sending…']);
  end(new Error('no'));
  assert.deepEqual([await working, pressed.textContent, pressed.disabled, other.disabled, disabled.disabled, document.activeElement], ['no', 'Send', false, false, true, pressed]);
});

test('a button says for a moment that it has copied, however often it is pressed', async () => {
  const texts = [];
  Object.defineProperty(globalThis, 'navigator', {value: {clipboard: {writeText: async (text) => texts.push(text)}}, configurable: true});
  const pressed = button('Copy', () => {});
  await copy('a', pressed);
  await copy('b', pressed);
  assert.deepEqual([texts, pressed.textContent], [['a', 'b'], 'Copied']);
  passTime();
  assert.equal(pressed.textContent, 'Copy');
  navigator.clipboard.writeText = async () => { throw new Error('forbidden'); };
  document.execCommand = () => texts.push(document.activeElement.value);
  await copy('c');
  assert.deepEqual([texts.at(-1), document.body.all('textarea')], ['c', []]);
});
