// Markdown as elements: what is drawn, what stays the text that it is, and that no text takes long.
import assert from 'node:assert/strict';
import test from 'node:test';
import {growsLinearly} from './clocks.mjs';
import './document.mjs';

const {drawMarkdown} = await import('../../../../localxsoar/web/page/markdown.js');
const drawn = (text) => drawMarkdown(text).childNodes.map((each) => each.html).join('');

const DRAWN = {
  '### Heading <img src=x>': '<h4 class="level-3">Heading &lt;img src=x&gt;</h4>',
  '- **bold** and `<b>`\n- safe\u202eexe.': '<ul><li class="in-0"><strong>bold</strong> and <code>&lt;b&gt;</code></li><li class="in-0">safe⟨U+202E⟩exe.</li></ul>',
  '```\n<i>code</i>\n**so**\n```\nafter': '<pre class="code">&lt;i&gt;code&lt;/i&gt;\n**so**</pre><p>after</p>',
  '~~~\n```\na\n~~~': '<pre class="code">```\na</pre>',
  '1. a_b_c\n  - x\n> _so_\n---\n\\*no\\*': '<ol start="1"><li class="in-0">a_b_c</li><li class="in-1">x</li></ol><blockquote><em>so</em></blockquote><hr><p>*no*</p>',
  '3. a\n4) b': '<ol start="3"><li class="in-0">a</li><li class="in-0">b</li></ol>',
  '[](https://a.example)': '<p><a href="https://a.example" title="https://a.example" rel="noopener noreferrer" target="_blank">https://a.example</a></p>',
  'one<br>two __three__ *four*': '<p>one<br>two <strong>three</strong> <em>four</em></p>',
  '![picture](https://tracker.example/x.png)': '<p><em>picture</em></p>',
  '|not a table': '<p>|not a table</p>',
  '': '',
};
for (const [text, expected] of Object.entries(DRAWN)) {
  test(`${JSON.stringify(text)} is drawn as its elements`, () => assert.equal(drawn(text), expected));
}

test('a table has the cells of its lines, with marks and markup as text', () => {
  assert.equal(drawn('|name|what|\n|---|---|\n| a\\|b | <script>1</script> |\n| lonely\n\\|c | d\\|'), '<div class="wide-table" tabIndex="0" role="group" aria-label="Table">'
    + '<table class="several"><thead><tr><th scope="col">name</th><th scope="col">what</th></tr></thead>'
    + '<tbody><tr><td>a|b</td><td>&lt;script&gt;1&lt;/script&gt;</td></tr><tr><td>lonely</td><td></td></tr><tr><td>|c</td><td>d|</td></tr></tbody></table></div>');
});

test('a link to a web page is a link that tells the page nothing', () => {
  for (const url of ['https://example.com/a?b=c', 'HTTP://example.com']) {
    assert.equal(drawn(`[shown](${url} "t")`), `<p><a href="${url}" title="${url}" rel="noopener noreferrer" target="_blank">shown</a></p>`);
  }
});

// None has parentheses, which end an address before its scheme matters.
for (const url of ['javascript:alert%281%29', 'javascript://example.com/%0Aalert%281%29', 'JavaScript:document.title=1',
  'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', '//example.com', '/instance', '#/log', 'xhttps://example.com',
  'javascript:https://example.com']) {
  test(`a link to ${url} stays text`, () => assert.equal(drawn(`[x](${url})`), `<p>[x](${url})</p>`));
}

// Each of them takes long if a pattern tries the same characters in several ways.
const GROWING = {
  ...Object.fromEntries(['[', '![', '*', '**a', '_', '_a ', '`', '[a](', '[a](b "', '|', '\\', '- ', '> ', '#', '<br', '~~~', ' ', '1', '\\|']
    .map((part) => [part, (size) => part.repeat(size)])),
  'dashes below a bar': (size) => `|\n${'-'.repeat(size)}x`,
  'bars below a bar': (size) => `|\n${'-|'.repeat(size)}x`,
  'blanks of a heading': (size) => `# ${' '.repeat(size)}a\u2028b`,
  'blanks of an item': (size) => `- ${' '.repeat(size)}a\u2028b`,
  lines: (size) => 'a\n'.repeat(size),
  rows: (size) => `|a|\n|-|\n${'|b|\n'.repeat(size)}`,
};
for (const [name, make] of Object.entries(GROWING)) {
  test(`the time for ${JSON.stringify(name)} grows with the length`, () => growsLinearly(make, drawMarkdown, 4000));
}

for (const part of ['- a\n', 'a\n\n', '**b** [l](http://a) ', '> _a_\n', '|a|\n|-|\n|b|\n\n']) {
  test(`a text of many ${JSON.stringify(part)} is drawn piece by piece`, () => {
    const count = (element) => element.children.reduce((sum, each) => sum + count(each), 1);
    assert.ok(count(drawMarkdown(part.repeat(10_000))) < 6000);
  });
}

test('a button shows the next rows of a long table', () => {
  const table = drawMarkdown(`|a|\n|-|\n${'|b|\n'.repeat(201)}`);
  assert.equal(table.all('tr').length, 201);
  const [more] = table.all('.more');
  assert.equal(more.textContent, 'show 1 more rows');
  more.click();
  assert.deepEqual([table.all('tr').length, table.all('.more').length], [202, 0]);
});
