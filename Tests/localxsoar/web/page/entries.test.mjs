// The entries of a command: which parts each has, and what is said of a text of which the server has sent the beginning only.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {drawEntry} = await import('../../../../localxsoar/web/page/entries.js');
const TRACE = 'Traceback (most recent call last):\n  File "x.py", line 1\n    run()\nKeyError: 1';
const text = (one, cut = false) => ({text: one, cut});
const BEGINNING = 'Only the beginning is shown.';

for (const [more, color, parts] of [
  [{type: 4, contents: text('No such command', true)}, 'bad', `No such command|${BEGINNING}`],
  [{type: 4, contents: text(TRACE, true)}, 'bad', `KeyError: 1|Traceback: ${TRACE}${BEGINNING}`],
  [{type: 4, contents: text(`It failed.\n${TRACE}`)}, 'bad', `It failed.|Traceback: It failed.\n${TRACE}`],
  [{type: 4, contents: text('Traceback (most recent call last):\n  File')}, 'bad', 'Traceback (most recent call last):\n  File|Traceback: Traceback (most recent call last):\n  File'],
  [{type: 11, contents: text('careful')}, 'warn', 'careful'],
  [{contents: text('')}, '', 'An empty entry.'],
  [{contents: text('7')}, '', '7'],
  [{contents: text('{"a": 7}')}, '', 'a: 7Copy'],
  [{contents: text('{"a": 7}'), markdown: text('**b**', true), format: 'json'}, '', `b|${BEGINNING}|Contents (JSON): a: 7Copy`],
  [{contents: text('a'), markdown: text('b'), format: 'text'}, '', 'b|Contents (text): a'],
  [{contents: text('b'), markdown: text('b')}, '', 'b'],
  [{contents: text('b'), outputs: text('{"c": 1}')}, '', 'b|Outputs*: c: 1Copy'],
  [{contents: text(''), file: {id: '7/a b', name: 'a b.txt', size: 2048}}, '', 'a b.txt 2.0 KB'],
]) {
  test(`the entry ${JSON.stringify(more)} has ${parts}`, () => {
    const drawn = drawEntry({type: 1, markdown: text(''), outputs: text(''), format: 'text', ...more});
    const shown = drawn.children.map((each) => {
      if (each.tag !== 'details') return each.textContent;
      const isOpen = each.attributes.open === 'true';
      Object.assign(each, {open: true}).send('toggle');
      return `${each.all('summary')[0].textContent}${isOpen ? '*' : ''}: ${each.textContent.split('Copy').slice(1).join('Copy')}`;
    });
    assert.deepEqual([drawn.attributes.class, shown.join('|')], [`entry ${color}`, parts]);
    if (more.file) assert.equal(drawn.all('a')[0].attributes.href, '/localxsoar/commands/files/7%2Fa%20b');
  });
}
