// Name by clicking: what a value offers, what a press on that chooses, the fields of what is chosen, and what is previewed of it.
import assert from 'node:assert/strict';
import test from 'node:test';
import {passTime, reply, requested} from './document.mjs';

const {drawChips} = await import('../../../../localxsoar/web/page/chips.js');
const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');
const {el} = await import('../../../../localxsoar/web/page/dom.js');
const {readJson} = await import('../../../../localxsoar/web/page/json.js');
const {noteForPreview, refresh} = await import('../../../../localxsoar/web/page/outcome.js');
const {offer, hasMask, removePart, setPanel, target} = await import('../../../../localxsoar/web/page/picking.js');
const $ = document.getElementById;

const KNOWN = Object.fromEntries(Object.entries({each: 'path', name: 'parts', occurred: 'part', severity: 'severity', problem: 'key', resolved: 'conditions', skip: 'conditions', expect: 'watch', type: 'text'})
  .map(([name, kind]) => [name, {kind, label: ['skip', 'type'].includes(name) ? '' : name.toUpperCase(), sentence: `It is the ${name}.`, ...(kind === 'severity' ? {scale: ['high', 'low']} : {})}]));
const BODY = '{"what": "Disk full", "at": null, "list": [{"id": "db,1", "x.y": 1}, {"id": "db-2"}], "one": [{"id": 7}], "a,b": 1}';
const delivery = (number, more) => ({number, kind: 'created', method: 'POST', sender: 'Acme Backup', target: '/in?x=1', started: number, ...more});
let panel;

// Show the panel of a delivery with these words.
function show(words = {}, more = {}) {
  panel = {item: delivery(9), root: readJson(BODY), known: KNOWN, words: new Map(Object.entries(words)), others: [], path: '/in', close() {}, change: drawChips, offers: null, buttons: [], seen: '', ...more};
  setPanel(panel);
  drawChips();
}
// Return what the value at a path offers, and its hint.
function offered(path) {
  let value = panel.root;
  const keys = path.split('.').map((key) => {
    const isIndex = value.isArray;
    [, value] = value.entries.find(([name]) => name === key);
    return {key, isIndex};
  });
  offer(keys, value, el('div'));
  return panel.offers.children.map((each) => each.textContent + (each.attributes['aria-pressed'] === 'true' ? '*' : '')).join(', ');
}
const press = (label) => panel.offers.all('button').find((each) => each.textContent === label).click();
const chips = () => $('chips').children.map((each) => each.textContent);

const SEVERAL = 'What is it? It is in the first of several items, so it tells neither which problem it is nor its end.';
for (const [path, words, says] of [
  ['what', {}, 'NAME, OCCURRED, SEVERITY, PROBLEM, RESOLVED = this, What is it?'],
  ['what', {name: 'at,what', severity: 'what:high=1', problem: 'acme:at', resolved: "what='Disk full'"}, 'NAME*, OCCURRED, SEVERITY*, PROBLEM, RESOLVED = this, What is it?'],
  ['what', {resolved: 'what=Disk full'}, 'NAME, OCCURRED, SEVERITY, PROBLEM, RESOLVED = this*, What is it?'],
  ['at', {}, 'NAME, OCCURRED, SEVERITY, PROBLEM, What is it?'],
  ['list.0.id', {}, `EACH: list, NAME, OCCURRED, SEVERITY, ${SEVERAL}`],
  ['list.0.id', {each: 'list'}, 'EACH: list*, NAME, OCCURRED, SEVERITY, PROBLEM, RESOLVED = this, What is it?'],
  ['one.0.id', {}, 'EACH: one, NAME, OCCURRED, SEVERITY, PROBLEM, RESOLVED = this, What is it?'],
  ['a,b', {}, 'A URL cannot name this key: it is empty, ends in a blank or a dot, or has a character such as , | * = or a quote.'],
]) {
  test(`the value at ${path} with ${JSON.stringify(words)} offers ${says}`, () => {
    show(words);
    assert.equal(offered(path), says);
  });
}

test('what is pressed is added and taken back, one of a kind or several', () => {
  show({name: 'at', occurred: 'at', problem: 'own:at'});
  offered('what');
  for (const label of ['NAME', 'OCCURRED', 'SEVERITY', 'PROBLEM', 'RESOLVED = this']) press(label);
  assert.deepEqual(Object.fromEntries(panel.words), {name: 'at,what', occurred: 'what', severity: 'what', problem: 'own:at,what', resolved: 'what=Disk full'});
  assert.equal($('announce').textContent, 'RESOLVED: added what=Disk full');
  for (const label of ['NAME', 'OCCURRED', 'SEVERITY', 'PROBLEM', 'RESOLVED = this']) press(label);
  assert.deepEqual(Object.fromEntries(panel.words), {name: 'at', problem: 'own:at'});
  panel.offers.all('button')[0].send('focus');
  assert.equal(panel.offers.all('p')[0].textContent, 'It is the name.');
});

test('as a list is chosen and left, the paths of the other words go into its items and out of them', () => {
  show({name: 'list.0.id'});
  offered('list.0.id');
  press('EACH: list');
  assert.deepEqual(Object.fromEntries(panel.words), {name: 'id', each: 'list'});
  press('RESOLVED = this');
  assert.deepEqual([target(), hasMask()], ["/in?name=id&each=list&resolved=id%3D%27db%2C1%27", false]);
  removePart('each', 0);
  assert.deepEqual([panel.words.get('name'), panel.words.get('resolved'), panel.words.has('each')], ['list.0.id', "list.0.id='db,1'", false]);
  show({type: 'Host'});
  removePart('type', 0);
  assert.equal(document.activeElement, $('naming-close'));
  show({each: 'list', name: 'id'});
  offered('one.0.id');
  press('EACH: one');
  assert.deepEqual(Object.fromEntries(panel.words), {each: 'one', name: 'list.0.id'});
});

test('a chip has the fields of its word, and what is typed there is in the URL', () => {
  show({name: 'what,at', severity: 'what:high=9', problem: 'own:what,at', expect: '1h:Nightly', type: 'Host'}, {others: ['token=••••••']});
  assert.deepEqual(chips(), ['NAME what×', 'NAME at×', 'SEVERITY whatscaleThe value that means each severity, or several with | between them; any other tells none. '
    + 'Numbers that rise with the severity mean “at least”. high low ×', 'PROBLEM what×', 'PROBLEM at×', 'EXPECT every  from ×', 'type Host×']);
  assert.deepEqual([hasMask(), $('chips').all('.prefix').map((each) => each.value)], [true, ['own']]);
  const isScaleOpen = () => $('chips').all('details')[0].attributes.open === 'true';
  assert.equal(isScaleOpen(), true);
  const typed = (found, text) => { Object.assign(found, {value: text}).send('input'); return found; };
  const [prefix] = $('chips').all('.prefix');
  assert.equal(typed(prefix, 'Acme Two').value, 'Acme Two');
  prefix.send('change');
  assert.equal(prefix.value, 'acme-two');
  typed($('chips').all('#scale-low')[0], '3|2');
  typed($('chips').all('input').find((each) => each.value === 'Nightly'), ' Backup ');
  assert.deepEqual(Object.fromEntries(panel.words), {name: 'what,at', severity: 'what:high=9,low=3|2', problem: 'acme-two:what,at', expect: '1h:Backup', type: 'Host'});
  show({severity: 'what'});
  assert.deepEqual(chips(), ['SEVERITY whatscaleThe value that means each severity, or several with | between them; any other tells none. Numbers that rise with the severity mean “at least”. high low ×', 'EXPECT…']);
  assert.equal(isScaleOpen(), false);
  $('chips').all('details')[0].send('toggle', {target: {open: true}});
  drawChips();
  assert.equal(isScaleOpen(), true);
  show();
  assert.deepEqual(chips(), ['Nothing yet.', 'EXPECT…']);
  $('chips').all('#add-expect')[0].click();
  assert.deepEqual([panel.words.get('expect'), document.activeElement], ['15m:Acme Backup', $('every-expect')]);
});

for (const [words, paths] of [
  [{name: 'what,none.x', severity: 'what:high=1', problem: "acme:at,@x,'b'", resolved: 'one=1'}, [['what'], ['none', 'x'], ['at']]],
  [{severity: 'high', occurred: 'at|what'}, []], [{severity: 'what'}, [['what']]], [{each: 'list', name: 'x.y'}, [['x.y']]], [{severity: 'none:high=1'}, [['none']]],
]) {
  test(`a preview of ${JSON.stringify(words)} asks for the latest events of the sender, and their values at ${JSON.stringify(paths)}`, async () => {
    deliveries.set([delivery(10, {sender: 'Other'}), delivery(8, {method: 'GET'}), delivery(7, {kind: 'handshake'}), delivery(6, {kind: 'waiting'}), delivery(5, {target: '/other'}), delivery(4, {kind: 'rejected', target: '/in'}),
      ...Array.from({length: 25}, (_, at) => delivery(-at))]);
    show(words);
    refresh();
    await new Promise(setImmediate);
    const {numbers, paths: asked} = requested.pop();
    assert.deepEqual([numbers.slice(0, 3), numbers.length, asked], [[9, 4, 0], 20, paths]);
    await reply('/localxsoar/preview/deliveries', []).catch(() => {});
  });
}

test('a preview is made again as deliveries of its sender end', async () => {
  show();
  for (const [about, isAsked] of [[delivery(30, {sender: 'Other'}), false], [delivery(31, {kind: 'waiting'}), false], [delivery(32), true], [undefined, true]]) {
    requested.length = 0;
    noteForPreview(about);
    passTime();
    await new Promise(setImmediate);
    assert.equal(requested.length > 0, isAsked);
    if (isAsked) await reply('/localxsoar/preview/deliveries', {error: 'The preview has ended.'});
  }
});

test('the scale of a severity that means nothing without one opens by itself, once', async () => {
  show({severity: 'what'});
  const [scale] = $('chips').all('details');
  for (const isOpen of [true, false]) {
    scale.open = false;
    refresh();
    await new Promise(setImmediate);
    const became = {kind: 'created', text: '', note: '', incidents: [], values: [['Disk full']]};
    await reply('/localxsoar/preview/deliveries', [{number: 9, before: became, after: {...became, incidents: [{name: 'a', severity: 0, state: '', dbotMirrorId: '', occurred: ''}]}}]);
    assert.deepEqual([scale.open, $('values-seen').textContent], [isOpen, 'Seen: Disk full.']);
  }
});
