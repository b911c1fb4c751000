// The detail of a delivery: what it says, which parts it has, what of it can be downloaded, and when it is drawn again.
import assert from 'node:assert/strict';
import test from 'node:test';
import {asked, passTime, reply} from './document.mjs';

globalThis.matchMedia = () => ({matches: true});
globalThis.sessionStorage = {getItem: () => null, setItem() {}};
const {readAddress} = await import('../../../../localxsoar/web/page/address.js');
const {deliveries, tone} = await import('../../../../localxsoar/web/page/deliveries.js');
const {drawOpened, noteDelivery, noteLine, noteRemoval, noteWhole, openDelivery} = await import('../../../../localxsoar/web/page/delivery.js');
const {drawDetail} = await import('../../../../localxsoar/web/page/detail.js');
const {button, el} = await import('../../../../localxsoar/web/page/dom.js');
const detail = await import('../../../../localxsoar/web/page/opened.js');
const {setInstance} = await import('../../../../localxsoar/web/page/state.js');
const $ = document.getElementById;
el('div', {class: 'split'}, $('delivery'));

const STARTED = new Date(2026, 10, 30, 9, 0, 5).getTime() / 1000;
const MESSAGE = {headers: [{name: 'X-A', value: 'b', masked: false}], body: 'a', is_text: true, cut: false, fields: [], size: 1, kept: 1, decompressed: false};
const USUAL = {number: 7, started: STARTED, method: 'POST', target: '/a', sender: 'Acme', peer: '10.0.0.1', kind: 'answered', status: 200, reason: 'OK', text: 'no incident', note: '', triage: '',
  milliseconds: 12, size: 2048, missing: '', unsavable: '', uncopyable: '', unprovable: '', checks: [], changes: [], advice: '', origin: 0, chain: [], incidents: [], query: [], is_here: true,
  request: MESSAGE, response: MESSAGE};
const created = (...incidents) => [{word: 'created', sign: '→', text: incidents.join(', '), said: '', incidents}];

// Show the part of a delivery that the address names, and return the texts of what has a tab, a class or an id.
function draw(more, tab = '') {
  location.hash = `#/deliveries?open=7${tab && `&tab=${tab}`}`;
  readAddress(['deliveries'], 'deliveries');
  detail.setOpened({...USUAL, ...more});
  drawOpened();
  return (wanted) => $('delivery').all(wanted).map((each) => each.textContent);
}

for (const [more, meta, head, ...links] of [
  [{}, 'Acme at 10.0.0.1 · 12 ms · 2.0 KB · 2026-11-30 09:00:05', 'POST /a200 OK'],
  [{kind: 'waiting', status: null, sender: ''}, 'unknown sender at 10.0.0.1 · 2.0 KB · 2026-11-30 09:00:05', 'POST /a'],
  [{note: 'No list.'}, 'Acme at 10.0.0.1 · 12 ms · 2.0 KB · 2026-11-30 09:00:05', 'POST /a200 OK', 'Note: No list.'],
  [{peer: 'localxsoar'}, 'Acme · 12 ms · 2.0 KB · 2026-11-30 09:00:05 · sent from here', 'POST /a200 OK'],
  [{peer: 'localxsoar', origin: 3}, 'Acme · 12 ms · 2.0 KB · 2026-11-30 09:00:05', 'POST /a200 OK', 'Sent again: the original is delivery 3. '],
  [{chain: [{word: 'repeat', sign: '↺', text: '4', said: '', incidents: ['1'], delivery: 4}]}, 'Acme at 10.0.0.1 · 12 ms · 2.0 KB · 2026-11-30 09:00:05', 'POST /a200 OK', 'It repeats delivery 4.'],
]) {
  test(`of a delivery with ${JSON.stringify(more)} is said: ${meta}`, () => {
    const drawn = draw(more);
    assert.deepEqual([drawn('.meta')[0], drawn('header')[0], ...drawn('.links'), ...drawn('.note')], [meta, head, ...links]);
  });
}

for (const [more, tab, tabs, controls] of [
  [{}, '', 'Request* Response Log Compare', 'Text /localxsoar/deliveries/7/request.body'],
  [{}, 'response', 'Request Response* Log Compare', 'Text /localxsoar/deliveries/7/response.body'],
  [{}, 'incident', 'Request* Response Log Compare', 'Text /localxsoar/deliveries/7/request.body'],
  [{response: {...MESSAGE, size: 2}}, 'response', 'Request Response* Log Compare', 'Text'],
  [{chain: created('1'), log: [{}, {}]}, 'incident', 'Request Response Incident 1* Log 2 Compare', ''],
  [{chain: created('1', '2')}, 'incident', 'Request Response Incidents 2* Log Compare', ''],
  [{missing: 'It was removed.'}, '', 'Request* Response Log Compare', 'Text'],
  [{is_here: false}, '', 'Request* Response Log Compare', 'Text'],
  [{target: '/a?token=••••••'}, '', 'Request* Response Log Compare', 'Show secrets Text /localxsoar/deliveries/7/request.body'],
  [{request: {...MESSAGE, headers: [{...MESSAGE.headers[0], masked: true}]}}, '', 'Request* Response Log Compare', 'Show secrets Text /localxsoar/deliveries/7/request.body'],
  [{shows: true}, '', 'Request* Response Log Compare', 'Hide secrets Text /localxsoar/deliveries/7/request.body'],
  [{shows: true, isRemoved: true, missing: 'It is gone.'}, '', 'Request* Response Log Compare', 'Text'],
]) {
  test(`a delivery with ${JSON.stringify(more)} has, in the part ${tab || 'request'}, ${tabs} and ${controls || 'no control'}`, () => {
    draw(more, tab);
    const parts = $('delivery').all('.tabs')[0].children;
    assert.equal(parts.map((each) => `${each.textContent}${each.getAttribute('aria-current') ? '*' : ''}`).join(' '), tabs);
    const offered = $('delivery').all('.part').flatMap((part) => [...part.all('button'), ...part.all('a')]);
    assert.equal(offered.map((each) => each.attributes.href ?? each.textContent.replace('Copy', 'Text')).join(' '), controls);
  });
}

test('a delivery that is open is asked for again if what may change of it has changed, and its log as lines come', async () => {
  draw({});
  const path = '/localxsoar/deliveries/7';
  for (const [more, isAsked] of [[{}, false], [{number: 8, kind: 'gone'}, false], [{kind: 'gone'}, true], [{missing: 'It was removed.'}, true], [{incidents: ['1']}, true], [{chain: created('1')}, true]]) {
    noteDelivery({...USUAL, ...more});
    assert.equal(asked.has(path), isAsked);
    if (isAsked) await reply(path, USUAL);
  }
  openDelivery('7');
  noteDelivery({...USUAL, kind: 'gone'});  // it has changed meanwhile
  await reply(path, USUAL);
  await reply(path, {...USUAL, kind: 'gone'});
  assert.equal(detail.opened.kind, 'gone');
  for (const [numbers, paths] of [[[8], []], [[7, 7], [`${path}/log`]], [[7], [`${path}/log`]]]) {
    asked.clear();
    for (const delivery of numbers) noteLine({delivery});
    passTime();
    assert.deepEqual([...asked.keys()], paths);
  }
  await reply(`${path}/log`, [{time: '09:00:00', level: 'info', text: 'a line'}]);
  assert.equal($('part-log').textContent, 'Log 1');
  noteRemoval();
  assert.deepEqual([detail.opened.missing, detail.opened.uncopyable, detail.opened.unsavable], Array(3).fill('This delivery is no longer kept.'));
});

test('another delivery is shown from its beginning, and the one that is open stays where it is as it is drawn again', async () => {
  for (const [number, top] of [[7, 50], [8, 0]]) {
    draw({});
    $('delivery').scrollTop = 50;
    location.hash = `#/deliveries?open=${number}`;
    readAddress(['deliveries'], 'deliveries');
    openDelivery(number);
    await reply(`/localxsoar/deliveries/${number}`, {...USUAL, number});
    assert.equal($('delivery').scrollTop, top);
  }
});

test('nothing is said of earlier deliveries before all of them are loaded', () => {
  Object.assign(deliveries, {isWhole: false}).set([]);
  const said = draw({}, 'compare');
  assert.equal(said('.comparison')[0], 'Older deliveries are still being loaded.');
  deliveries.isWhole = true;
  noteWhole();
  assert.equal(said('.comparison')[0], 'No earlier delivery of Acme is kept here.');
});

test('what is edited stays although its delivery has changed', async () => {
  draw({});
  openDelivery(7);
  drawDetail('delivery', el('form'));
  await reply('/localxsoar/deliveries/7', {...USUAL, kind: 'gone'});
  assert.equal($('delivery').all('form').length, 1);
});

test('what was logged of a delivery is in its part, once it is known', () => {
  const said = (log) => draw({log}, 'log')('#delivery-log')[0];
  assert.deepEqual([undefined, [], [{time: '09:00:00', level: 'info', text: 'a line'}]].map(said), ['', 'Nothing was logged of this delivery.', 'What was logged of this delivery.09:00:00 info  a line']);
});

test('a line of the list has what a person looks for first, and its color', () => {
  setInstance({instance: 'a b'});
  const line = (more) => deliveries.draw({...USUAL, ...more}).children.map((each) => each.textContent).join('|');
  assert.equal(line({}), '09:00:05|POST|200|Acme|no incident|/a|12 ms|2.0 KB');
  assert.equal(line({kind: 'waiting', status: null, sender: '', size: 0}), '09:00:05|POST|…|—|waiting for the response…|/a||');
  assert.equal(line({kind: 'handshake', text: 'echoed', target: '/instance/execute/a%20b?c'}), '09:00:05|POST|200|Acme|handshake echoed|?c|12 ms|2.0 KB');
  const path = (target) => line({target}).split('|')[5];
  assert.deepEqual(['', '/', '/c', '?c', 'c', '/?c'].map((rest) => path(`/instance/execute/a%20b${rest}`)), ['', '', '/c', '?c', '/instance/execute/a%20bc', '/?c']);
  const colors = [{kind: 'waiting'}, {kind: 'gone'}, {kind: 'repeat'}, {kind: 'handshake'}, {status: null}, {status: 500}, {status: 400}, {status: 399}].map((more) => tone({...USUAL, ...more}));
  assert.deepEqual(colors, ['dim', 'warn', 'again', 'again', 'bad', 'bad', 'bad', 'good']);
});

test('a search knows the status, the severity, the time and what became of a delivery', () => {
  const chain = created('3');
  deliveries.set([{...USUAL, number: 5, kind: 'handshake', started: STARTED + 60}, {...USUAL, number: 4, status: null, kind: 'gone', method: 'PUT'}, {...USUAL, number: 3, chain: [{...chain[0], said: '→ 3 twice'}], incidents: ['3']},
    {...USUAL, number: 2, chain, incidents: ['2'], triage: 'gravest high'}, {...USUAL, number: 1, note: 'skip: none', target: '/elsewhere'}]);
  const shown = (text) => {
    $('search').value = text;
    deliveries.filter();
    return deliveries.shown.map(({number}) => number).join(' ');
  };
  assert.deepEqual(['status:none', 'status:2xx', 'status:200', 'severity:unknown', 'severity:high', 'became:handshake', 'became:other', 'became:created', 'after:2026-11-30T09:00:10', 'put', 'twice', 'none', 'elsewhere', 'acme 3'].map(shown),
    ['4', '5 3 2 1', '5 3 2 1', '3', '2', '5', '4 1', '3 2', '5', '4', '3', '1', '1', '3']);
  $('search').value = '';
});

test('a detail that is drawn again keeps the focus, in its control if that is there and can be pressed', () => {
  const drawn = (more) => { const made = button('Send', () => {}, {id: 'send', ...more}); drawDetail('delivery', made); return made; };
  drawn().focus();
  const again = drawn();
  assert.equal(document.activeElement, again);
  drawn({disabled: true});
  assert.equal(document.activeElement, $('delivery'));
  $('search').focus();
  drawn();
  assert.equal(document.activeElement, $('search'));
});
