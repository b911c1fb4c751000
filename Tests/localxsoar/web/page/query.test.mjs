// The language of the search: how it is read and written, and what fits.
import assert from 'node:assert/strict';
import test from 'node:test';

process.env.TZ = 'Asia/Tokyo';  // the viewer's zone, in which a day begins at another time than in UTC
const {fits, moment, parse, valuesFor, withValues} = await import('../../../../localxsoar/web/page/query.js');

const FACTS = {sender: 'One, "two"', status: ['401', '4xx'], severity: ['high'], became: ['rejected', 'left'], after: Date.parse('2026-11-30T14:30')};
const fit = (text) => parse(text).terms.every((term) => fits(term, FACTS[term.name]));

test('words and terms are told apart, and what only looks like a term is a word', () => {
  const {words, terms} = parse('Disk  sender:git,"a b" http://x sender: nosuch:"Two words" became:"" :x');
  assert.deepEqual(words, ['disk', 'http://x', 'sender:', 'nosuch:"two', 'words"', ':x']);
  assert.deepEqual(terms.map(({name, values}) => [name, values]), [['sender', [{text: 'git'}, {text: 'a b', isExact: true}]], ['became', [{text: '', isExact: true}]]]);
});

test('all terms have to fit, and of the values of one any', () => {
  for (const text of ['status:401', 'status:200,4XX', 'severity:low,high became:lost,left', 'sender:ONE', 'sender:"One, \\"two\\""', 'after:2026-11-30', 'after:2026-11-30T14:30:00', '']) {
    assert.ok(fit(text), text);
  }
  for (const text of ['status:5xx', 'severity:high became:created', 'sender:"one"', 'sender:""', 'after:2026-12-01', 'after:yesterday']) assert.ok(!fit(text), text);
});

test('a moment is an age, a time of today or a date, and anything else is none', () => {
  assert.ok(moment('1d') < moment('2h') && moment('2h') < moment('30m'));
  assert.deepEqual(['14:30', '14:30:45'].map((text) => new Date(moment(text)).toTimeString().slice(0, 8)), ['14:30:00', '14:30:45']);
  assert.equal(moment('2026-11-30'), new Date(2026, 10, 30).getTime());
  assert.deepEqual(['yesterday', '2h30', '14', '24:00', '14:60', '2026-13-01', ''].map(moment), Array(7).fill(NaN));
});

test('what is clicked is written so that it is read again, beside what is typed', () => {
  const names = ['plain', 'a, "b" \\', ''];
  const text = withValues(parse('db-7 sender:old  status:401'), 'sender', names);
  assert.deepEqual([valuesFor(parse(text), 'sender'), parse(text).words, valuesFor(parse(text), 'status')], [names, ['db-7'], ['401']]);
  assert.equal(withValues(parse(text), 'sender', []), 'db-7 status:401');
});
