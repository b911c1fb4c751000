// The runs of commands after a reload: what is shown of the one that was shown last, and whether it can be run with its traceback.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {setInstance} = await import('../../../../localxsoar/web/page/state.js');
const kept = new Map();
globalThis.sessionStorage = {getItem: (name) => kept.get(name) ?? null, setItem: (name, text) => kept.set(name, text)};
setInstance({instance: 'left'});

const error = {type: 4, canBeTraced: true, contents: {text: 'no'}, outputs: {text: ''}};
const run = (more, ...entries) => ({command: 'a', args: {}, line: '!a', of: 'left', started: 0, isShown: true, result: {milliseconds: 2, entries: entries.length ? entries : [error]}, ...more});

let count = 0;
for (const [one, state, controls, title = '!a'] of [
  [run({}), 'failed', 'Copy, Run again with its traceback'],
  [run({args: {'': '7'}}), 'failed', 'Copy, Run again with its traceback', '!a in incident 7'],
  [run({line: '!a b=••••••'}), 'failed', 'Copy', '!a b=••••••'],
  [run({of: 'right'}), 'failed', 'Copy'],
  [run({args: {'debug-mode': 'true'}}), 'failed', 'Copy'],
  [run({}, {...error, canBeTraced: false}), 'failed', 'Copy'],
  [run({command: '', line: 'Test'}), 'failed', '', 'Test'],
  [run({}, {...error, type: 1, format: 'text', markdown: {text: 'yes'}}), 'done', 'Copy'],
]) {
  test(`${title} of ${one.of || 'left'} ${JSON.stringify(one.args)}, which has ${state}, offers ${controls || 'nothing'}`, async () => {
    kept.set('runs', JSON.stringify([one]));
    await import(`../../../../localxsoar/web/page/runs.js?${count += 1}`);
    const [result, runs] = ['result', 'runs'].map((id) => document.getElementById(id));
    assert.deepEqual([result.all('h3')[0].textContent, result.all('button').map((each) => each.textContent).join(', '), runs.children[0].children[1].textContent], [title, controls, state]);
  });
}
