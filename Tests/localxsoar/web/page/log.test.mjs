// The log: which lines each level and a search show, and what is said if none is shown.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {readAddress} = await import('../../../../localxsoar/web/page/address.js');
const {addLine, drawLog, setLines} = await import('../../../../localxsoar/web/page/log.js');
const {setInstance} = await import('../../../../localxsoar/web/page/state.js');
const $ = document.getElementById;

location.hash = '#/log';
readAddress(['log'], 'log');
setLines(['debug', 'info', 'error', 'print'].map((level) => ({level, time: '09:00:00.000', text: `2026-11-30T14:30:05.123456Z A ${level}`})));

for (const [level, search, shown] of [['', '', 'debug info error print'], ['info', '', 'info error print'], ['error', '', 'error'], ['', 'a INFO', 'info'], ['error', 'debug', '']]) {
  test(`the level ${level || 'all'} shows, of "${search}", the lines ${shown || 'none'}`, () => {
    Object.assign($('level'), {value: level});
    Object.assign($('search'), {value: search});
    drawLog();
    assert.deepEqual($('log').children.map((line) => line.textContent.replace(/^\d\d:30:05\.123 (\S+) +A \1$/, '$1')).join(' '), shown);
    assert.equal($('log').dataset.none, '0 of 4 lines match.');
  });
}

test('the log follows its end unless someone reads above it', () => {
  const frames = [];
  globalThis.requestAnimationFrame = (act) => frames.push(act);
  for (const [top, shown] of [[961, 1100], [900, 900]]) {
    Object.assign($('log'), {scrollTop: top, scrollHeight: 1100, clientHeight: 100});
    addLine({level: 'error', time: '', text: 'a debug'});
    frames.pop()();
    assert.equal($('log').scrollTop, shown);
  }
});

test('a line of another instance is not kept, and of too many the oldest goes', () => {
  setInstance({instance: 'left'});
  Object.assign($('level'), {value: ''});
  Object.assign($('search'), {value: ''});
  const lines = [];
  setLines(lines);
  for (const instance of ['left', 'right', undefined]) addLine({level: 'info', time: '', text: `of ${instance}`, instance});
  assert.deepEqual(lines.map(({text}) => text), ['of left', 'of undefined']);
  for (let at = 0; at < 2000; at += 1) addLine({level: 'info', time: '', text: 'a', instance: 'left'});
  assert.deepEqual([lines.length, lines[0].text], [2000, 'a']);
});
