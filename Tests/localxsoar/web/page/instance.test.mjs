// The instance: what is said of its state, of its fetches and of its health, and what its form hands over.
import assert from 'node:assert/strict';
import test from 'node:test';
import {reply, requested} from './document.mjs';

const {el} = await import('../../../../localxsoar/web/page/dom.js');
const {drawState, refreshInstance, setLost} = await import('../../../../localxsoar/web/page/instance.js');
const {setInstance} = await import('../../../../localxsoar/web/page/state.js');
const $ = document.getElementById;

el('p', {}, $('address'));
const AT = new Date(2026, 10, 30, 9, 0, 5).getTime() / 1000;
const USUAL = {instance: 'left one', enabled: true, ready: true, longRunning: true, port: 8001, pid: 7, restarts: 0, health: {}, schedule: {}, fields: [], pack: 'Echo 1.0', description: ''};
const FETCHES = {longRunning: false, port: 0, ready: true};
const ENDING = {how: 'exit code 1', reason: 'It has no token.', traceback: 'Trace', time: AT};

// Draw the view of an instance, and return the parts of it that have a tag, a class or an id.
function draw(more) {
  setInstance({...USUAL, ...more});
  refreshInstance();
  drawState();
  return (wanted) => $('view-instance').all(wanted).map((each) => each.textContent);
}

for (const [more, health, color, state, isLost = false] of [
  [{}, 'Healthy', 'good', 'listening'],
  [{ready: false}, 'starting', '', 'starting'],
  [{port: 0}, 'Healthy', 'good', 'running'],
  [{restarts: 1}, 'Healthy · 1 restart', 'good', 'listening'],
  [{restarts: 2, health: {isError: true, error: 'no disk'}}, 'no disk · 2 restarts', 'bad', 'listening'],
  [{enabled: false, restarts: 2, ending: ENDING}, 'disabled · 2 restarts', '', 'disabled'],
  [{ending: {...ENDING, delay: null}, health: {isError: true, error: 'no disk'}}, 'crashed', 'bad', 'crashed; it is not started again'],
  [{ending: {...ENDING, delay: 0}}, 'crashed', 'bad', 'crashed; it is started again'],
  [FETCHES, 'Ready', 'good', 'enabled'],
  [{...FETCHES, schedule: {'fetch-incidents': 60, 'fetch-indicators': 900}}, 'Ready', 'good', 'enabled; fetches incidents every minute and indicators every 15 min'],
  [{instance: ''}, 'loading…', '', 'listening'],
  [{restarts: 2}, 'state unknown', 'lost', 'unknown (connection lost)', true],
]) {
  test(`an instance with ${JSON.stringify(more)}${isLost ? ', whose server is lost,' : ''} is ${health}, and its state ${state}`, () => {
    setLost(isLost);
    const drawn = draw(more);
    assert.deepEqual([$('health').textContent, $('state').attributes.class, drawn('dd')[0]], [health, `state ${color}`, state]);
    setLost(false);
  });
}

test('the facts are those that the instance has', () => {
  const facts = (more) => draw(more)('dd').slice(1);
  assert.deepEqual(facts({restarts: 3}), ['http://127.0.0.1:8080/instance/execute/left%20one', '8001', '7', '3']);
  assert.deepEqual(facts({pid: null, port: 0}), ['—', '0']);
  assert.deepEqual(facts({...FETCHES, fetch: {time: AT * 1000, pulled: 2}}), ['09:00:05 2 new']);
  assert.deepEqual(facts({...FETCHES, fetch: {time: AT * 1000, error: 'no route\nto it', traceback: 'Trace\n'}}), ['09:00:05 failed: no routeTracebackTrace\nno route\nto it']);
  assert.equal(draw({ending: ENDING})('#facts')[0].split('State')[0], 'The container ended (exit code 1) at 09:00:05It has no token.Trace');
});

test('equal reports of health are one, with their number and since when', () => {
  const report = (second, error = '') => ({time: AT + second, error, isError: Boolean(error)});
  assert.deepEqual(draw({healthHistory: [report(0), report(1), report(2, 'no disk'), report(3)]})('li'), ['09:00:08 Healthy', '09:00:07 no disk', '09:00:06 Healthy × 2 since 09:00:05']);
  assert.deepEqual([draw({healthHistory: [report(0)]})('li'), draw({})('#history')], [['09:00:05 Healthy'], ['No health has been reported.']]);
});

const field = (name, kind, more) => ({name, label: name, kind, options: [], value: '', ...more});
const FIELDS = [field('flag', 8, {value: true}), field('port', 1, {value: 80, required: true}), field('token', 4, {secret: true, set: true, required: true}), field('key', 9, {hidesUser: true, set: true}),
  field('login', 9, {value: 'kim', password: 'Password'}), field('levels', 16, {options: ['low', 'high'], value: ['low']}), field('color', 15, {options: ['red'], help: 'Its color.'}), field('text', 12)];

test('a field is drawn as its kind is, and a secret is never required again', () => {
  const drawn = draw({fields: FIELDS})('.field');
  assert.deepEqual(drawn.map((each) => each.replace(/ \*/, ' (required)')), ['flag', 'port (required)', 'token (required)', 'key', 'login', 'levelslowhigh', 'colorredIts color.', 'text']);
  const inputs = ['input', 'select', 'textarea'].flatMap((tag) => $('view-instance').all(tag));
  const facts = (one) => ['name', 'type', 'value', 'placeholder', 'required', 'checked', 'multiple'].map((name) => one.attributes[name] ?? one[name] ?? '').filter((each) => !['', 'undefined'].includes(each)).join(' ');
  assert.deepEqual(inputs.map(facts), ['flag checkbox false true', 'port text 80 true', 'token password Saved. Leave empty to keep it. false', 'key password Saved. Leave empty to keep it.', 'login kim user',
    'login:password password', 'levels true', 'color', 'text']);
});

const TYPED = {flag: {checked: true}, port: {value: '80'}, token: {value: ''}, key: {value: ''}, login: {value: 'kim'}, 'login:password': {value: ''},
  levels: {multiple: true, selectedOptions: [{value: 'high'}]}, color: {value: ''}, text: {value: 'a'}};
const GIVEN = {flag: true, port: '80', levels: ['high'], color: '', text: 'a'};
for (const [name, typed, given, said, described, before = {}] of [
  ['test', {}, GIVEN, 'The test succeeded.', {said: 'ok'}],
  ['test', {token: {value: 't'}, key: {value: 'k'}}, {...GIVEN, token: 't', key: {identifier: '', password: 'k'}}, 'One user.', {said: 'One user.'}],
  ['save', {login: {value: 'lee'}}, {...GIVEN, login: {identifier: 'lee', password: ''}}, 'Saved. The container restarts.', {}],
  ['save', {'login:password': {value: 'p'}}, {...GIVEN, login: {identifier: 'kim', password: 'p'}}, 'Saved.', {enabled: false}],
  ['save', {}, GIVEN, 'Saved.', {longRunning: false}],
  ['fetch', {}, {}, '2 new.', {fetch: {time: AT * 1000, pulled: 2}}],
  ['disable', {}, {}, 'Disabled.', {enabled: false}],
  ['enable', {}, {}, 'Enabled.', {}, {enabled: false}],
  ['enable', {}, {}, 'It is still disabled.', {enabled: false}, {enabled: false}],
  ['test', {}, GIVEN, 'no\nroute', {error: 'no\nroute'}],
  ['test', {}, GIVEN, 'Testing…', {instance: 'another', said: 'ok'}],
]) {
  test(`after ${name} of an instance with ${JSON.stringify(before)} is said: ${said}`, async () => {
    draw({fields: FIELDS, fetches: true, ...before});
    const view = $('view-instance');
    $('form').elements = {...TYPED, ...typed};
    $('form').replaceChildren(el('p', {class: 'wrong'}, 'of an earlier failure'));
    if (name === 'save') view.all('form')[0].send('submit', {preventDefault() {}});
    else view.all(`#${name.replace('dis', 'en')}`)[0].click();
    assert.deepEqual([$('action-status').attributes.class, $('form').textContent], ['dim', '']);
    await reply(`/localxsoar/instance/${name}?instance=left one`, {...USUAL, fields: FIELDS, ...described});
    assert.deepEqual([requested.pop(), $('action-status').textContent], [given, said.replace('\n', '')]);
  });
}

test('the form is drawn as the server describes it, unless something was typed or its form has the focus', async () => {
  for (const [isTyped, hasFocus] of [[false, false], [false, true], [true, false]]) {
    draw({});
    const [form] = $('view-instance').all('form');
    $('form').replaceChildren(el('input'));
    (hasFocus ? $('form').children[0] : $('search')).focus();
    if (isTyped) { form.send('input'); refreshInstance(); }
    await reply('/localxsoar/instance?instance=left one', USUAL);
    assert.equal($('view-instance').all('form')[0] === form, isTyped || hasFocus);
  }
});
