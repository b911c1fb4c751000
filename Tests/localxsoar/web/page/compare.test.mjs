// Two deliveries beside each other: what differs, what is folded, and what is said of it.
import assert from 'node:assert/strict';
import test from 'node:test';
import {reply} from './document.mjs';

const {drawComparison} = await import('../../../../localxsoar/web/page/compare.js');
const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');

let number = 0;
function delivery(body, {headers = [], missing = '', ...request} = {}) {
  number += 1;
  return {number, sender: 'one', method: 'POST', target: '/', query: [], started: 0, status: 200, kind: 'created', incidents: [], text: '', triage: '', chain: [], missing,
    request: {headers, body, is_text: true, cut: false, fields: [], ...request}};
}

// Compare a body with an earlier one, and return the heads and notes, and the rows.
async function compared(before, after, facts) {
  const [one, other] = [delivery(before, facts), delivery(after)];
  deliveries.set([other, one]);
  const box = drawComparison(other);
  await reply(`/localxsoar/deliveries/${one.number}`, one);
  const said = (wanted) => box.all(wanted).map((each) => each.textContent);
  return [said('h3')[0], box.children.at(-1).children.filter((each) => each.is('.dim')).map((each) => each.textContent).join(' '), box.all('tbody').slice(1).flatMap((each) => each.children).map((row) => row.textContent)];
}

for (const [before, after, head, note, rows, facts] of [
  ['{"a": 1}', '{"a":1}', 'Body: equal', 'Only blanks or the order of keys differ.', []],
  ['{"a": 1}', '{"a": 2}', 'Body: 1 difference', '', ['≠changed:  a12']],
  ['{"a":1,"b":1,"c":1,"d":1,"x":1}', '{"a":1,"b":1,"c":1,"d":1}', 'Body: 1 difference', '', ['4 equal: a, b, c, d', '−removed:  x1not there']],
  ['{"x":1,"a":1,"b":1,"c":1,"d":1,"e":1}', '{"a":1,"b":1,"c":1,"d":1,"e":1,"f":"1"}', 'Body: 2 differences', '', ['−removed:  x1not there', '5 equal: a, b, c, d, …', '+added:  fnot there"1"']],
  ['a', 'b', 'Body: 1 difference', 'Only the beginnings are compared.', ['≠changed:  0ab'], {cut: true}],
  ['a', 'b', 'Body: 1 difference', 'This is not text. The readable parts of it are compared.', ['≠changed:  0ab'], {is_text: false}],
]) {
  test(`${before} and ${after}: ${head}. ${note}`, async () => {
    assert.deepEqual(await compared(before, after, facts), [head, note, rows]);
  });
}
