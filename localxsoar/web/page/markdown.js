// Markdown as elements. Whatever is not in this subset, such as HTML, stays the text that it is.
import {button, el} from './dom.js';
import {pieces} from './long.js';
import {isolated} from './visible.js';

const SHOWN_ROWS = 200;
const SHOWN_LINES = 1000;
const MARKED_CHARACTERS = 20000;  // a longer text is data: its marks stay as they are
// No part of it can be read in two ways, so that a long text takes no longer than its length.
const INLINE = new RegExp(['\\\\(?<escaped>[\\\\`*_{}[\\]()#+.!|<>~-])', '`(?<code>[^`\\n]+)`',
  '(?<image>!?)\\[(?<label>[^[\\]\\n]*)\\]\\((?<url>[^()\\s]*)(?: "[^"\\n]*")?\\)', '\\*\\*(?<bold>[^*\\n]+)\\*\\*',
  '\\*(?<italic>[^*\\s][^*\\n]*)\\*', '(?<!\\w)__(?<strong>[^_\\s][^_\\n]*)__(?!\\w)',
  '(?<!\\w)_(?<slanted>[^_\\s][^_\\n]*)_(?!\\w)', '(?<line><br ?/?>)'].join('|'), 'g');

function drawLink({0: source, groups: {label, url}}) {
  if (!/^https?:\/\//i.test(url)) return source;
  return el('a', {href: url, title: url, rel: 'noopener noreferrer', target: '_blank'}, label || url);
}

// By the groups of the pattern, each takes its text and the whole match.
const MARKS = {
  escaped: (text) => text,
  code: (text) => el('code', {}, text),
  line: () => el('br'),
  bold: (text) => el('strong', {}, inline(text)),
  strong: (text) => el('strong', {}, inline(text)),
  italic: (text) => el('em', {}, inline(text)),
  slanted: (text) => el('em', {}, inline(text)),
  image: (_, {groups: {label}}) => el('em', {}, label),
};

function drawMark(match) {
  const found = Object.keys(MARKS).find((group) => match.groups[group]);
  return found ? MARKS[found](match.groups[found], match) : drawLink(match);
}

function inline(text) {
  if (text.length > MARKED_CHARACTERS) return pieces(text);
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    for (const part of isolated(text.slice(at, match.index))) parts.push(part);
    parts.push(drawMark(match));
    at = match.index + match[0].length;
  }
  return parts.concat(isolated(text.slice(at)));
}

// Tables.

const cells = (line) => line.trim().replace(/^\|/, '').replace(/(?<!\\)\|$/, '').split(/(?<!\\)\|/);
const isDivider = (line) => line.includes('-') && /^[\s|:-]+$/.test(line);
const isTable = (lines, at) => lines[at].includes('|') && isDivider(lines[at + 1] || '');

function drawTable(lines, at) {
  const heads = cells(lines[at]);
  let end = at + 2;
  while (end < lines.length && lines[end].includes('|')) end += 1;
  const cell = (tag, text, options) => el(tag, options, inline(text.trim()));
  const row = (tag, texts, options) => el('tr', {}, heads.map((_, place) => cell(tag, texts[place] || '', options)));
  const draw = (line) => row('td', cells(line));
  const rows = lines.slice(at + 2, end);
  const body = el('tbody', {}, rows.slice(0, SHOWN_ROWS).map(draw));
  const table = el('table', {class: 'several'}, el('thead', {}, row('th', heads, {scope: 'col'})), body);
  const showRest = () => { body.append(...rows.slice(SHOWN_ROWS).map(draw)); more.remove(); };
  const more = button(`show ${rows.length - SHOWN_ROWS} more rows`, showRest, {class: 'quiet more'});
  const box = el('div', {class: 'wide-table', tabIndex: 0, role: 'group', 'aria-label': 'Table'}, table,
    rows.length > SHOWN_ROWS ? more : null);
  return [box, end];
}

// Other blocks. Each is drawn from a line on, and returned with the number of the line after it.

const FENCE = /^\s*(```|~~~)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*)$/s;
const RULE = /^\s*(?:-\s*-\s*-|\*\s*\*\s*\*|_\s*_\s*_)[\s*_-]*$/;
const ITEM = /^(\s*)(?:[-*+]|(\d+)[.)])\s+(.*)$/s;
const QUOTE = /^\s*>\s?/;

function drawFence(lines, at) {
  const mark = FENCE.exec(lines[at])[1];
  let end = at + 1;
  while (end < lines.length && !lines[end].trim().startsWith(mark)) end += 1;
  return [el('pre', {class: 'code'}, isolated(lines.slice(at + 1, end).join('\n'))), end + 1];
}

// A heading of any level is below those of the page.
function drawHeading(lines, at) {
  const [, marks, text] = HEADING.exec(lines[at]);
  return [el('h4', {class: `level-${marks.length}`}, inline(text)), at + 1];
}

function takeWhile(lines, at, pattern) {
  let end = at;
  while (end < lines.length && pattern.test(lines[end])) end += 1;
  return end;
}

function drawList(lines, at) {
  const end = Math.min(takeWhile(lines, at, ITEM), at + SHOWN_ROWS);  // the next block goes on with the list
  const items = lines.slice(at, end).map((line) => ITEM.exec(line));
  const draw = ([, indent, , text]) => el('li', {class: `in-${Math.min(3, Math.floor(indent.length / 2))}`}, inline(text));
  const [, , first] = items[0];
  return [el(first ? 'ol' : 'ul', first ? {start: Number(first)} : {}, items.map(draw)), end];
}

function drawQuote(lines, at) {
  const end = Math.min(takeWhile(lines, at, QUOTE), at + SHOWN_ROWS);
  return [el('blockquote', {}, inline(lines.slice(at, end).map((line) => line.replace(QUOTE, '')).join('\n'))), end];
}

function drawParagraph(lines, at) {
  let end = at + 1;
  const isEnd = () => !lines[end].trim() || BLOCKS.some(([begins]) => begins(lines, end));
  while (end < lines.length && end - at < SHOWN_ROWS && !isEnd()) end += 1;
  return [el('p', {}, inline(lines.slice(at, end).join('\n'))), end];
}

const as = (pattern) => (lines, at) => pattern.test(lines[at]);
const BLOCKS = [[as(FENCE), drawFence], [as(HEADING), drawHeading], [isTable, drawTable],
  [as(RULE), (lines, at) => [el('hr'), at + 1]], [as(ITEM), drawList], [as(QUOTE), drawQuote]];

// Return the blocks from a line on and, if there are many, a button that gives way to the next ones.
function drawBlocks(lines, from) {
  const drawn = [];
  let at = from;
  while (at < lines.length && at - from < SHOWN_LINES) {
    const [, draw] = BLOCKS.find(([begins]) => begins(lines, at)) || [null, drawParagraph];
    const [block, end] = lines[at].trim() ? draw(lines, at) : [null, at + 1];
    if (block) drawn.push(block);
    at = end;
  }
  if (at < lines.length) {
    const showMore = () => more.replaceWith(...drawBlocks(lines, at));
    const more = button(`show more (${lines.length - at} lines)`, showMore, {class: 'quiet more'});
    drawn.push(more);
  }
  return drawn;
}

export const drawMarkdown = (text) => el('div', {class: 'markdown'}, drawBlocks(text.replace(/\r\n?/g, '\n').split('\n'), 0));
