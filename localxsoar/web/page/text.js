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
  const drawNote = (note, value) => (note ? [el('span', {class: 'dim'}, note), value ? ': ' : ''] : []);
  return el('table', {class: 'headers'}, el('tbody', {}, ...fields.map(({name, value, note}) => el('tr', {},
    el('th', {scope: 'row'}, name), el('td', {}, ...drawNote(note, value), el('span', {class: 'value'}, ...isolated(value)))))));
}

// Return the ways to show a text by their names, each with what it is called and a function that draws it.
function waysOf(text, {fields, pick}) {
  let content = null;
  try { content = readJson(text); } catch { /* it is shown as text */ }
  return {...(content?.entries ? {tree: ['Tree', () => drawTree(content, pick)]} : {}),
    ...(fields.length ? {table: ['Table', () => drawFields(fields)]} : {}),
    text: ['Text', () => el('pre', {}, pieces(text || 'empty'))]};
}

function drawNotes({is_text: isText, cut, decompressed, gap}) {
  const notes = [[!isText, 'This is not text. The readable part of it:'], [decompressed, 'Decompressed from gzip.'],
    [gap, gap], [cut && !gap, 'Only the beginning is shown, and searched unless you ask for the end.']];
  return notes.filter(([applies]) => applies).map(([, note]) => el('p', {class: 'dim'}, note));
}

const USUAL = {is_text: true, cut: false, decompressed: false, gap: '', file: '', fields: [], pick: null};

// Show a text as a folded tree if it is JSON, and as plain text. `file` is where its bytes can be downloaded.
export function drawText(title, text, box, facts) {
  const all = {...USUAL, size: text.length, ...facts};
  const {is_text: isText, size: bytes, cut, gap, file} = all;
  const view = el('div');
  const ways = waysOf(text, all);
  const chosen = () => (bodyAs in ways ? bodyAs : Object.keys(ways)[0]);
  const draw = () => view.replaceChildren(ways[chosen()][1]());
  const choose = (name, label) => button(label, () => { bodyAs = name; again(); choices.querySelector(`#as-${name}`).focus(); },
    {class: 'quiet', id: `as-${name}`, 'aria-pressed': String(chosen() === name)});
  const choices = el('div');
  const again = () => {
    const offered = Object.entries(ways).map(([name, [label]]) => choose(name, label));
    choices.replaceChildren(...(offered.length > 1 ? offered : []),
      ...(isText && !cut ? [button('Copy', (event) => copy(text, event.target), {class: 'quiet', id: 'copy-text'})] : []),
      ...(file ? [el('a', {href: file, download: '', class: 'download'}, 'Download')] : []));
    draw();
  };
  again();
  box.append(el('div', {class: 'part'}, el('h3', {}, `${title} ${bytes ? size(bytes) : 'empty'}`), bytes ? choices : null));
  box.append(...drawNotes(all));
  if (bytes && (text || !gap)) box.append(view);
}
