// The state of an incident: what it says itself, and what a later incident of the same problem says.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {drawState, isOpen, noteEnd, problem, severity, state} = await import('../../../../localxsoar/web/page/triage.js');
let id = 0;
const incident = (more) => ({id: String(id += 1), sourceInstance: 'left', dbotMirrorId: '', state: '', status: 0, ...more});

test('an end closes the earlier incidents of its problem, and no later one', () => {
  const [begins, other, ends, again] = [{dbotMirrorId: 'a'}, {dbotMirrorId: 'b'}, {dbotMirrorId: 'a', state: 'resolved'}, {dbotMirrorId: 'a'}].map(incident);
  assert.deepEqual([begins, other, ends].map(noteEnd), [false, false, true]);
  assert.deepEqual([begins, other, ends, again].map(state), ['ended', 'pending', 'resolved', 'pending']);
  assert.deepEqual([begins, other, ends, again].map(isOpen), [false, true, false, true]);
  assert.deepEqual([begins, other, ends].map((each) => [drawState(each).attributes.class, drawState(each).attributes.title ?? '']), [['state-word good', `Incident ${ends.id} reports the end of its problem.`], ['state-word dim', ''], ['state-word good', '']]);
});

test('an earlier end changes nothing where a later one is known', () => {
  const [begins, first, last] = [{}, {state: 'resolved'}, {state: 'resolved'}].map((more) => incident({dbotMirrorId: 'twice', ...more}));
  assert.deepEqual([last, first].map(noteEnd), [true, false]);
  assert.deepEqual([begins, first, last].map(state), ['ended', 'resolved', 'resolved']);
});

test('an end of one instance leaves the same key of another instance open', () => {
  const [left, right] = ['left', 'right'].map((sourceInstance) => incident({sourceInstance, dbotMirrorId: 'same'}));
  noteEnd(incident({dbotMirrorId: 'same', state: 'resolved'}));
  assert.deepEqual([state(left), state(right)], ['ended', 'pending']);
  assert.notEqual(problem(left), problem(right));
});

test('incidents without a key share no problem', () => {
  const one = incident({});
  assert.equal(noteEnd(incident({state: 'resolved'})), false);
  assert.deepEqual([problem(one), isOpen(one)], ['', true]);
});

test('a status of the server closes an incident whatever its sender says', () => {
  assert.deepEqual([0, 1, 2, 3].map((status) => state(incident({status}))), ['pending', 'active', 'closed', 'archived']);
  assert.deepEqual([0, 1, 2, 3].map((status) => isOpen(incident({status, state: 'firing'}))), [true, true, false, false]);
});

test('a severity that XSOAR does not have is unknown', () => {
  assert.deepEqual([0.5, 1, 2, 3, 4, 0, 5, undefined].map((level) => severity({severity: level})),
    ['info', 'low', 'medium', 'high', 'critical', 'unknown', 'unknown', 'unknown']);
});
