// What the instance and the War Room keep: the last run and the contexts.
import {$, el} from './dom.js';
import {drawFolded} from './entries.js';
import {size} from './format.js';

const open = new Set();  // the names of the parts that are open

function drawPart({name, text, cut}) {
  if (!text) return el('p', {class: 'dim'}, `${name}: empty`);
  const part = drawFolded(`${name} ${size(text.length)}`, {text, cut});
  part.open = open.has(name);
  part.addEventListener('toggle', () => open[part.open ? 'add' : 'delete'](name));
  return part;
}

export function drawKept(kept) { $('kept').replaceChildren(...kept.map(drawPart)); }
