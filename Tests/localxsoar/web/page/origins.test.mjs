// Where the values of an incident are from: what is said of each, and the link that names it by clicking.
import assert from 'node:assert/strict';
import test from 'node:test';
import {asked, passTime, reply, requested} from './document.mjs';

const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');
const {el} = await import('../../../../localxsoar/web/page/dom.js');
const {drawOrigins} = await import('../../../../localxsoar/web/page/origins.js');
const {setPorts} = await import('../../../../localxsoar/web/page/state.js');
setPorts([{name: 'left', hasPort: true}]);

const WORDS = Object.fromEntries([['name', 'parts', 'Name'], ['severity', 'severity', 'Severity'], ['problem', 'key', 'Key'], ['resolved', 'conditions', 'Ends when'], ['occurred', 'part', 'Time']]
  .map(([name, kind, label]) => [name, {kind, label, sentence: `It is the ${name}.`}]));
const TARGET = '/instance/execute/left?name=what&x=1';
const delivery = (number, ids, more) => ({number, sender: 'Acme Backup', target: TARGET, size: 10, chain: [{word: 'created', incidents: ids}], ...more});
const incident = (name, origins, severity = 3) => ({name, origins, severity});
const ORIGINS = {name: {at: [['what', 'Disk'], ["'at'", 'at']], by: 'the URL'}, severity: {at: [['prio', 'P2'], ['level', '2']], by: 'the general rule'}, problem: {at: [], why: 'nothing says it'},
  resolved: {at: [['state', 'a,b']], why: 'it is no end'}, occurred: {at: [], by: 'the moment'}};

// Draw the origins of an incident, reply to what is asked for, and return the rows: what is said, and where the link leads.
async function draw(item, sent, found, {body = '{"what": 1}', isKnown = false, isNone = false, isLeft = false} = {}) {
  deliveries.set([sent]);
  const table = drawOrigins(item, isNone ? null : sent);
  const box = el('div', {}, table);
  if (!isLeft) document.body.append(box);
  passTime();
  await new Promise(setImmediate);
  if (asked.has('/localxsoar/url-words?instance=left')) await reply('/localxsoar/url-words?instance=left', WORDS);
  if (asked.has('/localxsoar/preview?instance=left&join=true')) await reply('/localxsoar/preview?instance=left&join=true', '');
  if (!isKnown && asked.has('/localxsoar/preview/deliveries')) {
    assert.deepEqual(requested.pop(), {numbers: [sent.number], target: TARGET});
    await reply('/localxsoar/preview/deliveries', [{after: {count: found.length, incidents: found}}]);
    if (asked.has(`/localxsoar/deliveries/${sent.number}`)) await reply(`/localxsoar/deliveries/${sent.number}`, {...sent, missing: '', request: {is_text: true, cut: false, body}});
  }
  const words = (link) => new URLSearchParams(link.attributes.href.split('?').slice(1).join('?')).get('words');
  return table.hidden !== false ? null : table.all('tr').map((row) => [row.textContent, ...row.all('a').map(words)]);
}

test('each value has where it is from, or why there is none, and a link that says it in the URL', async () => {
  assert.deepEqual(await draw({id: '7', name: 'Disk', severity: 4}, delivery(1, ['7']), [incident('Disk', ORIGINS)]), [
    ["Namewhat, 'at', by the URL. Change… Name", '?name=what'],
    ['Severityprio is P2, level is 2, by the general rule. It has become critical since. Change… Severity', '?name=what&severity=prio'],
    ['Keynone: nothing says it. Say it… Key', '?name=what'],
    ['Ends whenstate is a,b: it is no end. Use it… Ends when', "?name=what&resolved=state%3D%27a%2Cb%27"],
    ['Timeby the moment. Change… Time', '?name=what']]);
  assert.equal((await draw({id: '7', name: 'Disk', severity: 3}, delivery(1, ['7']), [], {isKnown: true}))[1][0], 'Severityprio is P2, level is 2, by the general rule. Change… Severity');
});

test('of several incidents the one is meant that is at its place or, if a rule dropped some, has its name', async () => {
  const found = [incident('a', {name: {at: [], why: 'first'}, resolved: {at: [['state', 'over']], by: 'the URL'}}), incident('b', {name: {at: [], why: 'second'}})];
  assert.deepEqual(await draw({id: '9', name: 'x'}, delivery(2, ['8', '9']), found, {body: '7'}), [['Namenone: second.']]);
  assert.deepEqual(await draw({id: '10', name: 'a'}, delivery(3, ['10']), found), [['Namenone: first. Say it… Name', '?name=what'], ['Ends whenstate is over, by the URL. Change… Ends when', '?name=what&resolved=state%3Dover']]);
  for (const [item, rows] of [[{id: '11', name: 'c'}, found], [{id: '12', name: 'a'}, [...found, incident('a', {})]], [{id: '13', name: 'a'}, [incident('a')]]]) assert.equal(await draw(item, delivery(4, [item.id]), rows), null);
});

test('nothing is asked of what is not known, for another instance or too large, or once its incident is left', async () => {
  assert.equal(await draw({id: '15'}, delivery(8, ['15']), [], {isKnown: true, isLeft: true}), null);
  assert.equal(asked.has('/localxsoar/preview/deliveries'), false);
  for (const sent of [null, delivery(5, ['14'], {target: '/instance/execute/right'}), delivery(6, ['14'], {size: 1024 * 1024 + 1})]) {
    asked.clear();
    assert.equal(await draw({id: '14'}, sent ?? delivery(7, []), [], {isKnown: true, isNone: !sent}), null);
    assert.equal(asked.size, 0);
  }
});
