// The acts of a delivery: which there are, which of them is shown first, and why one cannot be used.
import assert from 'node:assert/strict';
import test from 'node:test';
import {passTime, reply} from './document.mjs';

const {drawActs, startMore} = await import('../../../../localxsoar/web/page/more.js');
const {setOpened} = await import('../../../../localxsoar/web/page/opened.js');
const {resend, resendButtons} = await import('../../../../localxsoar/web/page/resend.js');

const USUAL = {number: 7, started: 1, kind: 'created', method: 'POST', target: '/', checks: [], missing: '', unprovable: '', unsavable: '', uncopyable: '', request: {headers: [], body: '{}', is_text: true, cut: false}};
const REJECTED = {checks: [{}], kind: 'rejected', unsavable: 'It was rejected.'};
const LATER = 'This delivery waits.';
for (const [more, shown, folded, reasons] of [
  [{}, 'Name by clicking…', 'Send again as it came, Send again with a valid proof, Edit…, Copy as curl, Save as recipe, Share, Export', ''],
  [REJECTED, 'Repair and send', 'Name by clicking…, Send again as it came, Edit…, Copy as curl, Share, Export', ''],
  [{...REJECTED, unprovable: 'It shows no token.'}, 'Name by clicking…', 'Send again as it came, Edit…, Copy as curl, Share, Export', 'It shows no token.'],
  [{unprovable: 'It shows no token.'}, 'Name by clicking…', 'Send again as it came, Edit…, Copy as curl, Save as recipe, Share, Export', ''],
  [{missing: LATER, uncopyable: LATER, unsavable: LATER}, 'Name by clicking…', 'Send again as it came!, Send again with a valid proof!, Edit…, Copy as curl!, Save as recipe!, Share, Export', LATER],
  [{method: '?', uncopyable: 'Not HTTP.', unsavable: 'Not HTTP.'}, 'Name by clicking…', 'Send again as it came, Send again with a valid proof, Edit…!, Copy as curl!, Save as recipe!, Share', 'Not HTTP., Not HTTP.'],
  [{request: {...USUAL.request, cut: true}}, 'Name by clicking…', 'Send again as it came, Send again with a valid proof, Edit…, Copy as curl, Save as recipe, Share, Export',
    'The curl command reads the body from the file delivery-7-request.body: download it below.'],
]) {
  test(`a delivery with ${JSON.stringify(more)} offers ${shown} before ${folded}`, () => {
    const acts = drawActs({...USUAL, ...more}, () => {});
    const [menu] = acts.all('.menu');
    const said = (each) => `${each.textContent}${each.disabled ? '!' : ''}`;
    assert.deepEqual([acts.children.filter((each) => ['button', 'a'].includes(each.tag)).map(said).join(', '), menu.children.filter((each) => ['button', 'a'].includes(each.tag)).map(said).join(', ')], [shown, folded]);
    assert.equal(acts.all('.reason').map((each) => each.textContent).filter(Boolean).join(', '), reasons);
  });
}

test('a delivery is sent again once at a time, and not if it is not kept', async () => {
  let count = 0;
  const {fetch} = globalThis;
  globalThis.fetch = (...given) => { count += 1; return fetch(...given); };
  setOpened({...USUAL, missing: LATER});
  resend('came', () => {});
  assert.equal(count, 0);
  setOpened(USUAL);
  let drawn;
  const draw = () => { const {came, proved} = resendButtons(USUAL); drawn = [came, proved].map((each) => `${each.textContent}${each.disabled ? '!' : ''}`).join(', '); };
  for (const way of ['came', 'proved']) resend(way, draw);
  assert.deepEqual([count, drawn], [1, 'Send again as it came!, Send again with a valid proof!']);
  passTime();
  assert.equal(drawn, 'Sending…!, Send again with a valid proof!');
  await reply('/localxsoar/deliveries/7/send', {number: 9});
  assert.equal(drawn, 'Send again as it came, Send again with a valid proof');
  assert.equal(location.hash, '#/deliveries?open=9');
  resend('came', draw);
  setOpened({...USUAL, number: 8});  // another one was opened meanwhile
  await reply('/localxsoar/deliveries/7/send', {number: 10});
  assert.equal(location.hash, '#/deliveries?open=9');
});

test('a menu that is open stays so as its delivery is drawn again, until something else is pressed', () => {
  startMore();
  const [menu] = drawActs(USUAL, () => {}).all('#more');
  Object.assign(menu, {open: true}).send('toggle');
  const drawn = () => drawActs(USUAL, () => {}).all('#more')[0].attributes.open;
  assert.equal(drawn(), 'true');
  Object.assign(drawActs(USUAL, () => {}).all('#more')[0], {open: true});
  document.body.send('pointerdown');
  assert.equal(drawn(), 'false');
});
