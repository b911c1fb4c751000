// The entries that a command returns.
import {button, copy, el} from './dom.js';
import {size} from './format.js';
import {readJson} from './json.js';
import {drawMarkdown} from './markdown.js';
import {drawTree} from './tree.js';
import {isolated} from './visible.js';

const ERROR = 4;
const WARNING = 11;

// Return a text as a tree if it is JSON with several values, or else as it is.
export function drawValue(text) {
  let content;
  try { content = readJson(text); } catch { /* it is shown as text */ }
  return content && content.entries ? drawTree(content) : el('pre', {}, isolated(text));
}

// Return a part that is folded, and drawn when it is opened.
export function drawFolded(title, {text, cut}, draw = drawValue, options = {}) {
  const box = el('details', {ontoggle: () => { if (box.open && box.childElementCount === 1) box.append(...content()); }, ...options}, el('summary', {}, title));
  const content = () => [el('div', {class: 'tools'}, button('Copy', (event) => copy(text, event.target), {class: 'quiet', 'aria-label': `Copy: ${title}`})),
    draw(text), ...(cut ? [el('p', {class: 'dim'}, 'Only the beginning is shown.')] : [])];
  return box;
}

// Split an error: what it says, and the traceback after that or before it, which ends with its last indented line.
function splitError(text) {
  const at = text.indexOf('Traceback (most recent call last):');
  if (at > 0) return {message: text.slice(0, at).trim(), hasTraceback: true};
  const lines = text.split('\n');
  const last = at === 0 ? lines.findLastIndex((line) => /^\s+\S/.test(line)) : -1;
  return {message: lines.slice(last + 1).join('\n').trim() || text, hasTraceback: last >= 0};
}

function drawError({text}) {
  const {message, hasTraceback} = splitError(text);
  return [el('p', {class: 'message'}, ...isolated(message)), hasTraceback ? drawFolded('Traceback', {text}, (whole) => el('pre', {}, isolated(whole))) : null];
}

function drawFile({id, name, size: bytes}) {
  return el('p', {}, el('a', {href: `/localxsoar/commands/files/${encodeURIComponent(id)}`, download: name, class: 'download'}, el('bdi', {}, name)),
    el('span', {class: 'dim'}, ` ${size(bytes)}`));
}

function drawContents({format, markdown, contents}) {
  if (!markdown.text) return [contents.text ? drawValue(contents.text) : el('p', {class: 'dim'}, 'An empty entry.')];
  const isOther = contents.text && contents.text !== markdown.text;
  return [drawMarkdown(markdown.text), markdown.cut ? el('p', {class: 'dim'}, 'Only the beginning is shown.') : null,
    isOther ? drawFolded(`Contents (${format === 'json' ? 'JSON' : format})`, contents) : null];
}

export function drawEntry(entry) {
  const color = entry.type === ERROR ? 'bad' : entry.type === WARNING ? 'warn' : '';
  const parts = entry.type === ERROR ? drawError(entry.contents) : entry.file ? [drawFile(entry.file)] : drawContents(entry);
  const outputs = entry.outputs.text ? drawFolded('Outputs', entry.outputs, drawValue, {open: true}) : null;
  return el('div', {class: `entry ${color}`}, ...parts, outputs);
}
