// Name by clicking: which bodies have names to click, and which instance a delivery is for.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {instanceOf, rootOf} = await import('../../../../localxsoar/web/page/naming.js');
const USUAL = {is_text: true, cut: false, body: '[{"a": 1}]'};

for (const [request, missing, isThere] of [[{}, '', true], [{}, 'The body was removed.', false], [{is_text: false}, '', false], [{cut: true}, '', false], [{body: '7'}, '', false], [{body: '{'}, '', false]]) {
  test(`a body has ${isThere ? '' : 'no '}names to click: ${JSON.stringify(request)} ${missing}`, () => {
    assert.equal(rootOf({missing, request: {...USUAL, ...request}}) !== null, isThere);
  });
}

test('the instance is in the path of a delivery', () => {
  assert.deepEqual(['/instance/execute/a%20b/c?d', '/instance/execute/a?b/c', '/instance/execute/%', '/other/a'].map((target) => instanceOf({target})), ['a b', 'a', '', '']);
});
