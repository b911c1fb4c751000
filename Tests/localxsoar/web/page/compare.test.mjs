// Two deliveries beside each other: what differs, what is folded, and what is said of it.
import assert from 'node:assert/strict';
import test from 'node:test';
import {reply} from './document.mjs';

const {readAddress} = await import('../../../../localxsoar/web/page/address.js');
const {drawComparison} = await import('../../../../localxsoar/web/page/compare.js');
const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');

let number = 0;
function delivery(body, {headers = [], missing = '', ...request} = {}) {
  number += 1;
  return {number, sender: 'one', method: 'POST', target: '/', query: [], started: 0, status: 200, kind: 'created', incidents: [], text: '', triage: '', chain: [], missing,
    request: {headers, body, is_text: true, cut: false, fields: [], ...request}};
}

// Compare a body with an earlier one, and return the heads and notes, and the rows.
async function compared(before, after, facts, others) {
  const [one, other] = [delivery(before, facts), delivery(after, others)];
  deliveries.set([other, one]);
  const box = drawComparison(other);
  await reply(`/localxsoar/deliveries/${one.number}`, one);
  const said = (wanted) => box.all(wanted).map((each) => each.textContent);
  return [said('h3')[0], box.children.at(-1).children.filter((each) => each.is('.dim')).map((each) => each.textContent).join(' '), box.all('tbody').slice(1).flatMap((each) => each.children).map((row) => row.textContent)];
}

for (const [before, after, head, note, rows, facts, others] of [
  ['{"a": 1}', '{"a":1}', 'Body: equal', 'Only blanks or the order of keys differ.', []],
  ['{"a": "A"}', '{"a": "\\u0041"}', 'Body: 1 difference', '', ['≠changed:  a"A""\\u0041"']],
  ['a=1', 'a=2', 'Body: 1 difference', '', ['≠changed:  a12'], {fields: [{name: 'a', value: '1'}]}, {fields: [{name: 'a', value: '2'}]}],
  [`"${'x'.repeat(700)}"`, '"y"', 'Body: 1 difference', '', [`≠changed:  all of it"${'x'.repeat(600)}… show all""y"`]],
  [`"${'x'.repeat(100)}1${'y'.repeat(100)}"`, `"${'x'.repeat(100)}2${'y'.repeat(100)}"`, 'Body: 1 difference', '', [`≠changed:  all of it${['1', '2'].map((each) => `"…${'x'.repeat(40)}${each}${'y'.repeat(40)}…"`).join('')}`]],
  [`"${'x'.repeat(80)}1${'y'.repeat(80)}"`, `"${'x'.repeat(80)}2${'y'.repeat(80)}"`, 'Body: 1 difference', '', [`≠changed:  all of it${['1', '2'].map((each) => `"${'x'.repeat(80)}${each}${'y'.repeat(80)}"`).join('')}`]],
  ['{"a": 1}', '{"a": 2}', 'Body: 1 difference', '', ['≠changed:  a12']],
  ['{"a":1,"b":1,"c":1,"d":1,"x":1}', '{"a":1,"b":1,"c":1,"d":1}', 'Body: 1 difference', '', ['4 equal: a, b, c, d', '−removed:  x1not there']],
  ['{"x":1,"a":1,"b":1,"c":1,"d":1,"e":1}', '{"a":1,"b":1,"c":1,"d":1,"e":1,"f":"1"}', 'Body: 2 differences', '', ['−removed:  x1not there', '5 equal: a, b, c, d, …', '+added:  fnot there"1"']],
  ['a', 'b', 'Body: 1 difference', 'Only the beginnings are compared.', ['≠changed:  0ab'], {cut: true}],
  ['a', 'b', 'Body: 1 difference', 'This is not text. The readable parts of it are compared.', ['≠changed:  0ab'], {is_text: false}],
]) {
  test(`${before} and ${after}: ${head}. ${note}`, async () => {
    assert.deepEqual(await compared(before, after, facts, others), [head, note, rows]);
  });
}

test('bodies that are too deep are compared by their lines', async () => {
  const [head, , rows] = await compared(...[1, 2].map((value) => `${'['.repeat(20_000)}${value}${']'.repeat(20_000)}`));
  assert.deepEqual([head, rows.length], ['Body: 1 difference', 1]);
});

test('many differences are shown a hundred at a time, and the focus goes to the first of those that come', async () => {
  const [one, other] = [delivery('{}'), delivery(JSON.stringify(Object.fromEntries(Array.from({length: 205}, (_, at) => [`k${at}`, at]))))];
  deliveries.set([other, one]);
  const box = drawComparison(other);
  await reply(`/localxsoar/deliveries/${one.number}`, one);
  const rows = () => box.all('.differences')[0].all('tbody')[0].children;
  for (const [count, label] of [[101, 'show 100 of 105 more'], [201, 'show 5 of 5 more']]) {
    assert.deepEqual([rows().length, rows().at(-1).textContent], [count, label]);
    rows().at(-1).all('button')[0].click();
    assert.equal(document.activeElement, rows()[count - 1]);
  }
  assert.equal(rows().length, 205);
});

test('other deliveries are offered to compare with, those of the sender first, and of several replies the last counts', async () => {
  const secret = [{name: 'Authorization', value: '••••••'}];
  const [one, two, three, four, five] = [delivery('a', {headers: secret}), delivery('b'), delivery('c'), delivery('d', {headers: secret}), delivery('e')];
  Object.assign(two, {sender: 'two'});
  Object.assign(three, {method: '?'});
  deliveries.isWhole = true;
  deliveries.set([two]);
  assert.equal(drawComparison({...two, sender: ''}).all('.comparison')[0].textContent, 'No earlier delivery of an unknown sender is kept here.');
  const old = delivery('f');
  deliveries.set([...Array.from({length: 101}, () => delivery('')).toReversed(), old]);
  location.hash = `#/deliveries?open=1&with=${old.number}`;
  readAddress(['deliveries'], 'deliveries');
  const offered = () => drawComparison(five).all('option');
  assert.equal(offered().find((each) => each.attributes.selected === 'true').value, String(old.number));
  assert.equal(drawComparison(five), drawComparison(five));
  deliveries.set([five]);
  assert.equal(offered()[0].textContent, `${old.number} (not kept)`);
  location.hash = '#/deliveries?open=1';
  readAddress(['deliveries'], 'deliveries');
  deliveries.set([five, four, three, two, one]);
  const box = drawComparison({...four, shows: true});
  const [choice] = box.all('#compare-with');
  assert.deepEqual(choice.all('optgroup').map((group) => [group.attributes.label, ...group.children.map((each) => each.attributes.value ?? each.value)]), [['This sender', String(five.number), String(one.number)], ['Others', String(two.number)]]);
  Object.assign(choice, {value: String(two.number)}).send('change');
  await reply(`/localxsoar/deliveries/${two.number}?secrets=show`, two);
  await reply(`/localxsoar/deliveries/${one.number}?secrets=show`, one);
  assert.match(box.textContent, /≠changed: {2}0bd/);
  Object.assign(choice, {value: String(one.number)}).send('change');
  await reply(`/localxsoar/deliveries/${one.number}?secrets=show`, one);
  assert.ok(box.textContent.includes('Masked secrets look alike, here and above, whether they differ or not.'));
});
