// The part of the faults: how many are on, how each is set, and what is sent.
import assert from 'node:assert/strict';
import test from 'node:test';
import {asked, reply, requested} from './document.mjs';

const {drawFaults} = await import('../../../../localxsoar/web/page/faults.js');

const FAULTS = [{name: 'slow', value: 0, off: 0, options: [], meaning: 'waits `N` seconds'},
  {name: 'deny', value: '', off: '', options: [], meaning: 'refuses'}, {name: 'refuse', value: false, off: false, options: [], meaning: 'closes'},
  {name: 'as', value: 'tenant', off: 'tenant', options: ['tenant', 'engine'], meaning: 'is'}];
const KNOWN = '/localxsoar/faults/known';

test('only a fault that differs from its own off is on, is counted, opens the part, and can be switched off', async () => {
  const part = drawFaults();
  await reply(KNOWN, FAULTS);
  const count = () => part.all('.warn')[0].textContent;
  assert.deepEqual([count(), Boolean(part.open), part.all('#faults-off')[0].disabled], ['', false, true]);
  const [slow] = part.all('#fault-slow');
  slow.value = '';
  slow.focus();
  slow.send('change');
  assert.deepEqual(requested.at(-1), {slow: 0});
  await reply('/localxsoar/faults', {});
  await reply(KNOWN, [{...FAULTS[0], value: 5}, FAULTS[1], FAULTS[2], {...FAULTS[3], value: 'engine'}]);
  assert.deepEqual([count(), part.open, part.all('.on').length], ['2 on', true, 2]);
  assert.equal(document.activeElement, document.getElementById('fault-slow'));
  part.all('#faults-off')[0].click();
  assert.deepEqual(requested.at(-1), {slow: 0, as: 'tenant'});
  await reply('/localxsoar/faults', {error: 'no'});
  assert.deepEqual([part.all('.wrong')[0].textContent, asked.has(KNOWN)], ['no', false]);
});
