// The choice of an instance: which one is shown once the server has replied.
import assert from 'node:assert/strict';
import test from 'node:test';
import {reply} from './document.mjs';

const {choose, chosen} = await import('../../../../localxsoar/web/page/address.js');
const {showInstance} = await import('../../../../localxsoar/web/page/choice.js');
const {el} = await import('../../../../localxsoar/web/page/dom.js');
const state = await import('../../../../localxsoar/web/page/state.js');
const $ = document.getElementById;
el('p', {}, $('address'));

for (const [why, meanwhile, described, shown, draws] of [
  ['it is described', 'right', {instance: 'right'}, 'right', 1], ['another one was chosen meanwhile', 'left', {instance: 'right'}, 'left', 0],
  ['there is none with its name', 'right', {instance: 'left'}, 'left', 0], ['the connection is lost', 'right', {error: 'lost'}, 'left', 0]]) {
  test(`of the instances left and right, ${shown} is shown once right was chosen and ${why}`, async () => {
    let drawn = 0;
    state.setInstance({instance: 'left'});
    choose({instance: 'right'});
    $('view-instance').replaceChildren('what was typed');
    showInstance('right', () => { drawn += 1; });
    choose({instance: meanwhile});
    $('instances').value = meanwhile;
    for (const [path, body] of [['log', []], ['instance', described]]) await reply(`/localxsoar/${path}?instance=right`, body);
    assert.deepEqual([state.instance.instance, chosen('instance'), $('instances').value, drawn], [shown, shown, shown, draws]);
    assert.equal($('view-instance').textContent, draws ? '' : 'what was typed');
  });
}
