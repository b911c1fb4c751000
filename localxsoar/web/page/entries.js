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

const drawCut = ({cut}) => (cut ? [el('p', {class: 'dim'}, 'Only the beginning is shown.')] : []);

// Return a part that is folded, and drawn when it is opened.
export function drawFolded(title, contents, draw = drawValue, options = {}) {
  const {text} = contents;
  const fill = () => {
    const copies = button('Copy', (event) => copy(text, event.target), {class: 'quiet', 'aria-label': `Copy: ${title}`});
    box.append(el('div', {class: 'tools'}, copies), draw(text), ...drawCut(contents));
  };
  const box = el('details', {ontoggle: () => { if (box.open && box.childElementCount === 1) fill(); }, ...options},
    el('summary', {}, title));
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

function drawError(contents) {
  const {message, hasTraceback} = splitError(contents.text);
  return [el('p', {class: 'message'}, ...isolated(message)),
    ...(hasTraceback ? [drawFolded('Traceback', contents, (whole) => el('pre', {}, isolated(whole)))] : drawCut(contents))];
}

function drawFile({id, name, size: bytes}) {
  const href = `/localxsoar/commands/files/${encodeURIComponent(id)}`;
  return el('p', {}, el('a', {href, download: name, class: 'download'}, el('bdi', {}, name)),
    el('span', {class: 'dim'}, ` ${size(bytes)}`));
}

function drawContents({format, markdown, contents}) {
  if (!markdown.text) return [contents.text ? drawValue(contents.text) : el('p', {class: 'dim'}, 'An empty entry.')];
  const isOther = contents.text && contents.text !== markdown.text;
  return [drawMarkdown(markdown.text), ...drawCut(markdown),
    isOther ? drawFolded(`Contents (${format === 'json' ? 'JSON' : format})`, contents) : null];
}

export function drawEntry(entry) {
  const color = entry.type === ERROR ? 'bad' : entry.type === WARNING ? 'warn' : '';
  const parts = entry.type === ERROR ? drawError(entry.contents) : entry.file ? [drawFile(entry.file)] : drawContents(entry);
  const outputs = entry.outputs.text ? drawFolded('Outputs', entry.outputs, drawValue, {open: true}) : null;
  return el('div', {class: `entry ${color}`}, ...parts, outputs);
}
