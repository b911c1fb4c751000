// The address of the page: what a view takes with it, and what it finds again.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {go, readAddress, startAddress} = await import('../../../../localxsoar/web/page/address.js');
const {setInstance, setPorts} = await import('../../../../localxsoar/web/page/state.js');

// Follow a link as a browser does, and return the address that the page makes of it.
function follow(hash) {
  history.state = null;
  location.hash = hash;
  readAddress(['commands', 'log'], 'commands');
  return location.hash;
}

test('a view finds again what was chosen in it, but shows the instance that was chosen last in any view', () => {
  setPorts([{name: 'left'}, {name: 'right'}]);
  setInstance({instance: 'left'});
  assert.equal(follow('#/log?level=error'), '#/log?level=error&instance=left');
  assert.equal(follow('#/commands?instance=right'), '#/commands?instance=right');
  setInstance({instance: 'right'});
  assert.equal(follow('#/log'), '#/log?level=error&instance=right');
});

test('an address has what has a meaning in it, in one order, and a view does not open again what was open', () => {
  setPorts([{name: 'left'}]);
  const open = (hash) => { history.state = null; location.hash = hash; readAddress(['incidents', 'deliveries', 'log'], 'log'); return location.hash; };
  assert.equal(open('#/incidents?open=7&words=x&with=5&sort=severity&as=lanes&q=a:b,c&tab=raw&other=1'), '#/incidents?q=a:b,c&as=lanes&sort=severity&open=7&tab=raw&with=5&words=x');
  assert.equal(open('#/deliveries'), '#/deliveries');
  assert.equal(open('#/incidents'), '#/incidents?q=a:b,c&as=lanes&sort=severity');
  assert.equal(open('#/incidents/9'), '#/incidents?q=a:b,c&as=lanes&sort=severity&open=9&tab=raw');
  assert.equal(open('#/deliveries?tab=log'), '#/deliveries');
  assert.equal(open('#/nowhere?q=1'), '#/log?q=1');
});

test('what an address leads to is shown at once, and by a hash that the page wrote itself not again', () => {
  let shown = 0;
  globalThis.window = document;
  startAddress(() => { shown += 1; readAddress(['deliveries', 'log'], 'log'); });
  for (const [to, times] of [['deliveries/7', 1], ['deliveries/7', 1], ['log', 2]]) {
    go(to);
    document.body.send('hashchange');
    assert.equal(shown, times);
  }
});
