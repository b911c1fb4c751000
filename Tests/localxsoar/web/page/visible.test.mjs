// Characters that cannot be seen, or that change the order of others.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';
import {el} from '../../../../localxsoar/web/page/dom.js';
import {isolated, visible} from '../../../../localxsoar/web/page/visible.js';

const SHOWN = {
  'report \u202egnp.exe': 'report ⟨U+202E⟩gnp.exe', 'a\x1b[0m\u200b\xad\u3164\u{e0041}': 'a␛[0m⟨U+200B⟩⟨U+00AD⟩⟨U+3164⟩⟨U+E0041⟩', '\x7f\x85\ud800': '␡⟨U+0085⟩⟨U+D800⟩',
  'tab\t, line\nand return\r': 'tab\t, line\nand return␍', '👩\u200d🚒 \u0600 💥': '👩\u200d🚒 \u0600 💥', '': '',
};
for (const [text, shown] of Object.entries(SHOWN)) test(`${JSON.stringify(text)} is shown as ${shown}`, () => assert.equal(visible(text), shown));

test('strings stay apart where one of them is read from right to left, or a key would come after its value', () => {
  assert.deepEqual(isolated('{"a": "b"}'), ['{"a": "b"}']);
  assert.deepEqual(isolated('{"\u05d0": "\\"\u05d1"}').map((part) => part.html ?? part), ['{', '<bdi>"\u05d0"</bdi>', ': ', '<bdi>"\\"\u05d1"</bdi>', '}']);
});

test('what a person reads of an element is made visible, and what only the browser reads stays', () => {
  assert.equal(el('a', {title: '\u202ea', 'aria-label': '\u202eb', href: '/\u202e'}, '\u202ec', null).html,
    '<a title="⟨U+202E⟩a" aria-label="⟨U+202E⟩b" href="/\u202e">⟨U+202E⟩c</a>');
});
