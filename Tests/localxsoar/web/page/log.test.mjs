// The log: which lines each level and a search show, and what is said if none is shown.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {readAddress} = await import('../../../../localxsoar/web/page/address.js');
const {drawLog, setLines} = await import('../../../../localxsoar/web/page/log.js');
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
