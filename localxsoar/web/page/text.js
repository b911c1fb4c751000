// A text in a detail, such as a body.
import {button, copy, el} from './dom.js';
import {size} from './format.js';
import {readJson} from './json.js';
import {pieces} from './long.js';
import {drawTree} from './tree.js';
import {isolated} from './visible.js';

let bodyAs = 'tree';

// Return a table of names and values. A file shows its name, type and size.
export function drawFields(fields) {
  return el('table', {class: 'headers'}, el('tbody', {}, ...fields.map(({name, value, note}) => el('tr', {}, el('th', {scope: 'row'}, name),
    el('td', {}, ...(note ? [el('span', {class: 'dim'}, note), value ? ': ' : ''] : []), el('span', {class: 'value'}, ...isolated(value)))))));
}

// Show a text as a folded tree if it is JSON, and as plain text. `file` is where its bytes can be downloaded.
export function drawText(title, text, box, {is_text: isText = true, size: bytes = text.length, cut = false, decompressed = false, gap = '', file = '', fields = [], pick = null} = {}) {
  let content;
  try { content = readJson(text); } catch { /* it is shown as text */ }
  if (content && !content.entries) content = undefined;
  const view = el('div');
  const ways = {...(content === undefined ? {} : {tree: ['Tree', () => drawTree(content, pick)]}),
    ...(fields.length ? {table: ['Table', () => drawFields(fields)]} : {}),
    text: ['Text', () => el('pre', {}, pieces(text || 'empty'))]};
  const chosen = () => (bodyAs in ways ? bodyAs : Object.keys(ways)[0]);
  const draw = () => view.replaceChildren(ways[chosen()][1]());
  const choose = (name, label) => button(label, () => { bodyAs = name; again(); choices.querySelector(`#as-${name}`).focus(); },
    {class: 'quiet', id: `as-${name}`, 'aria-pressed': String(chosen() === name)});
  const choices = el('div');
  const again = () => {
    choices.replaceChildren(...(Object.keys(ways).length > 1 ? Object.entries(ways).map(([name, [label]]) => choose(name, label)) : []),
      ...(isText && !cut ? [button('Copy', (event) => copy(text, event.target), {class: 'quiet', id: 'copy-text'})] : []),
      ...(file ? [el('a', {href: file, download: '', class: 'download'}, 'Download')] : []));
    draw();
  };
  again();
  box.append(el('div', {class: 'part'}, el('h3', {}, `${title} ${bytes ? size(bytes) : 'empty'}`), bytes ? choices : null));
  const notes = [[!isText, 'This is not text. The readable part of it:'], [decompressed, 'Decompressed from gzip.'],
    [gap, gap], [cut && !gap, 'Only the beginning is shown.']];
  for (const [applies, note] of notes) if (applies) box.append(el('p', {class: 'dim'}, note));
  if (bytes && (text || !gap)) box.append(view);
}
