// The entries of a command: a text of which the server has sent the beginning only says so.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

const {drawEntry} = await import('../../../../localxsoar/web/page/entries.js');

for (const text of ['Traceback (most recent call last):\n  File "x.py", line 1\nKeyError: 1', 'No such command']) {
  test(`an error that was cut says so: ${text.split(' ')[0]}`, () => {
    const drawn = drawEntry({type: 4, contents: {text, cut: true}, outputs: {text: ''}});
    for (const folded of drawn.all('details')) Object.assign(folded, {open: true}).send('toggle');
    assert.match(drawn.html, /Only the beginning is shown\./);
  });
}
