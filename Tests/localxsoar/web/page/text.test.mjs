// A body in a detail: how it can be shown and kept, and what is said of what is not shown.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {el} = await import('../../../../localxsoar/web/page/dom.js');
const {drawText} = await import('../../../../localxsoar/web/page/text.js');

const FIELDS = [{name: 'a', value: '1', note: ''}];
const BEGINNING = 'Only the beginning is shown, and searched unless you ask for the end.';
for (const [text, facts, controls, notes] of [
  ['{"a": 1}', {}, 'Tree Text Copy', ''],
  ['a=1', {fields: FIELDS, decompressed: true}, 'Table Text Copy', 'Decompressed from gzip.'],
  ['7', {file: '/7'}, 'Copy Download', ''],
  ['{"a": 1}', {cut: true}, 'Tree Text', BEGINNING],
  ['{"a": 1', {cut: true, gap: 'It was removed.'}, '', 'It was removed.'],
  ['a\ufffd', {is_text: false}, '', 'This is not text. The readable part of it:'],
]) {
  test(`the body ${text} with ${JSON.stringify(facts)} is shown in these ways: ${controls || 'as it is'}`, () => {
    const box = el('div');
    drawText('Body', text, box, facts);
    const [part] = box.all('.part');
    assert.equal([...part.all('button'), ...part.all('a')].map((each) => each.textContent).join(' '), controls);
    assert.equal(box.children.filter((each) => each.is('.dim')).map((each) => each.textContent).join(' '), notes);
  });
}
