// The commands of an instance: their list, the form of one, and what of it is kept and sent.
import assert from 'node:assert/strict';
import test from 'node:test';
import {asked, passTime, reply, requested} from './document.mjs';

const kept = new Map();
globalThis.sessionStorage = {getItem: (name) => kept.get(name) ?? null, setItem: (name, text) => kept.set(name, text)};
const wide = {matches: true};
globalThis.matchMedia = () => wide;
const {readAddress} = await import('../../../../localxsoar/web/page/address.js');
const {drawChoices, openCommand, refresh, setCommands} = await import('../../../../localxsoar/web/page/commands.js');
const {drawKept} = await import('../../../../localxsoar/web/page/kept.js');
const {setInstance} = await import('../../../../localxsoar/web/page/state.js');
const $ = document.getElementById;

const argument = (name, more) => ({name, description: '', required: false, value: '', isArray: false, options: [], secret: false, deprecated: false, ...more});
const command = (name, more, ...its) => ({name, description: `It does ${name}.`, deprecated: false, dangerous: false, arguments: its, ...more});
const instance = (name, fetches, commands) => ({name, integration: 'Echo', hasPort: false, fetches, commands});
const DO = command('do it', {dangerous: true, deprecated: true}, argument('a', {required: true, description: 'The first.'}), argument('b', {required: true, value: '5', deprecated: true}), argument('c', {options: ['x', 'y'], value: 'y'}),
  argument('d', {options: ['x', 'y'], isArray: true}), argument('e', {isArray: true}), argument('f', {options: ['x']}), argument('g', {secret: true}));
const LISTED = {instances: [instance('left hand', true, [DO, command('other')]), instance('right', false, [])], scripts: [command('Greet', {}, argument('who'))], server: [command('Print')]};

setInstance({instance: 'left hand'});
location.hash = '#/commands';
readAddress(['commands'], 'commands');
setCommands(LISTED);
const inputs = () => ['input', 'select'].flatMap((tag) => $('command').all(tag));
document.querySelectorAll = (wanted) => (wanted.startsWith('#command') ? inputs().map((each) => Object.assign(each, {dataset: {argument: each.attributes['data-argument']}})) : []);

for (const [search, said] of [['', 'Commands: do it, other; Scripts: Greet; Server: Print'], ['does OTHER', 'Commands: other'], ['greet', 'Scripts: Greet'], ['no such', '0 of 4 match.']]) {
  test(`the search "${search}" shows ${said}`, () => {
    $('search').value = search;
    drawChoices();
    const titles = $('choices').all('h2').map((each) => each.textContent);
    const lists = $('choices').all('ul').map((each) => each.children.map((one) => one.textContent).join(', '));
    assert.equal(titles.length ? titles.map((title, at) => `${title}: ${lists[at]}`).join('; ') : $('choices').textContent, said);
    $('search').value = '';
  });
}

test('a form has a field for each argument, with what it takes, and warns of what it may do', () => {
  openCommand('do%20it');
  const fields = $('command').all('.field').map((field) => field.textContent);
  assert.deepEqual(fields, ['a *The first.', 'b *Deprecated.', 'cy (default)xy', 'dSeveral values with commas. Of: x, y.', 'eSeveral values with commas.', 'fx', 'g']);
  assert.deepEqual(inputs().map(({attributes}) => [attributes.type ?? '', attributes.placeholder ?? '', attributes.required].join(' ').trim()), ['text  true', 'text 5 false', 'text  false', 'text  false', 'password  false', 'false', 'false']);
  assert.deepEqual($('command').all('.warn').map((each) => each.textContent), ['potentially harmful', 'deprecated']);
  assert.deepEqual($('instance-acts').all('button').map((each) => each.textContent), ['Test', 'Fetch now']);
  assert.equal($('choices').all('a').find((each) => each.attributes['aria-current'] === 'true').textContent, 'do it');
});

test('what is typed is kept for a reload but for secrets, and sent as the arguments that have a value', async () => {
  const [a, b, , , g] = inputs();
  Object.assign(a, {value: '1'});
  Object.assign(g, {value: 'hush'});
  const [form] = $('command').all('form');
  form.send('input');
  assert.deepEqual(JSON.parse(kept.get('typed'))['do it'], Object.fromEntries(inputs().filter((each) => each !== g).map((each) => [each.dataset.argument, each.value])));
  form.send('submit', {preventDefault() {}});
  passTime();
  assert.equal($('running').textContent, 'Running !do it a=1 g=•••••• using="left hand" …');
  await new Promise(setImmediate);
  assert.deepEqual(requested.pop(), {instance: 'left hand', command: 'do it', args: {a: '1', g: 'hush'}, incident: 'playground'});
  assert.equal(b.value, '');
  form.send('keydown', {key: 'ArrowUp', target: {matches: () => false}, preventDefault: assert.fail});  // in a choice it is the browser's
  await reply('/localxsoar/commands', {milliseconds: 1, entries: []});
  assert.deepEqual(JSON.parse(kept.get('runs')).map(({args}) => args), [{a: '1'}]);
  Object.assign(a, {value: '2'});
  for (const [key, value] of [['ArrowUp', '1'], ['ArrowUp', '1'], ['ArrowDown', '2']]) {
    form.send('keydown', {key, target: a, preventDefault() {}});
    assert.equal(a.value, value);
  }
});

test('a run is done once, and its result is shown unless the form of another command was opened meanwhile', async () => {
  const said = () => [$('result').hidden, ...$('result').all('h3').map((each) => each.textContent), ...$('result').all('.bad').map((each) => each.textContent)];
  const [form] = $('command').all('form');
  requested.length = 0;
  for (let press = 0; press < 2; press += 1) form.send('submit', {preventDefault() {}});
  const end = asked.get('/localxsoar/commands');
  openCommand('Greet');
  assert.deepEqual([requested.length, $('command').all('#run')[0].disabled], [1, true]);
  end({milliseconds: 1, entries: []});
  await new Promise(setImmediate);
  assert.equal($('result').hidden, true);
  for (const [body, meanwhile, kept] of [[{milliseconds: 1, entries: [], kept: [{name: 'Context', text: ''}]}, 'left hand', 'Context: empty'], ...Array(50).fill([{milliseconds: 1, entries: [], kept: []}, 'right', 'Context: empty']), [{error: 'Not now.'}, 'left hand', 'Context: empty']]) {
    openCommand('do%20it');
    $('instance-acts').all('button')[0].click();
    setInstance({instance: meanwhile});
    await reply('/localxsoar/commands/test', body);
    setInstance({instance: 'left hand'});
    openCommand('Greet');  // the result of Test is of no form
    assert.deepEqual([...said().slice(0, 2), said()[2]?.includes('Not now.'), $('kept').textContent], [false, 'Test', body.error ? true : undefined, kept]);
  }
  $('runs').send('keydown', {key: 'Escape'});
  assert.deepEqual([document.activeElement, $('runs').childElementCount], [inputs()[0], 50]);
});

test('what an instance keeps is shown unless another one was chosen meanwhile', async () => {
  const [list] = $('choices').all('ul');
  for (const [meanwhile, shown] of [['left hand', 'Context: empty'], ['right', '']]) {
    setInstance({instance: 'left hand'});
    $('kept').replaceChildren();
    refresh();
    setInstance({instance: meanwhile});
    for (const [path, body] of [['commands', LISTED], ['commands/kept?instance=left hand', [{name: 'Context', text: ''}]]]) await reply(`/localxsoar/${path}`, body);
    assert.deepEqual([$('kept').textContent, $('choices').all('ul')[0] === list], [shown, true]);  // the focus may be in the list
  }
  setInstance({instance: 'left hand'});
  const drawn = () => { drawKept([{name: 'Context', text: '7'}]); return $('kept').all('details')[0]; };
  Object.assign(drawn(), {open: true}).send('toggle');
  assert.equal(drawn().open, true);
});

test('a script runs in an incident or in the playground, and a name that nothing has says so', () => {
  wide.matches = false;
  openCommand('');
  assert.match($('command').textContent, /^Choose a command/);  // a phone shows the list
  wide.matches = true;
  openCommand('Print');
  assert.deepEqual($('command').all('label').map((each) => each.textContent), ['Run in incident']);
  openCommand('Greet');
  assert.deepEqual([$('command').all('label').map((each) => each.textContent), $('command').all('.help').at(-1).textContent], [['who', 'Run in incident'], 'The number of an incident. If it is empty, the script runs in the playground.']);
  for (const name of ['nothing', '%']) {
    openCommand(name);
    assert.ok($('command').textContent.endsWith(`Neither the instance nor its pack has ${name}.`));
  }
  setInstance({instance: 'right'});
  setCommands({instances: [instance('right', false, [])], scripts: [], server: []});
  openCommand('');
  assert.deepEqual([$('command').textContent, $('choices').textContent, $('instance-acts').textContent], ['Choose a command, or press Test to try the parameters of the instance.', 'The pack has no commands.', 'Test']);
});
