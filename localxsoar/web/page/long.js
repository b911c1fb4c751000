// Long texts.
import {button, el} from './dom.js';
import {isolated, visible} from './visible.js';

const SHOWN_CHARACTERS = 300;
const CUT_CHARACTERS = 200;
const PIECE_CHARACTERS = 100000;  // the browser takes 0.2 s to lay out ten times as many
const HALF_OF_A_PAIR = /[\ud800-\udbff]$/;

// Return the beginning of a text for a line that shows no more; a screen reader would read all of it.
export const cut = (text, limit = CUT_CHARACTERS) => (text.length > limit ? `${text.slice(0, limit)}…` : text);

// Return the parts of a text of any length: its first piece and, if there are others, a button that gives way to the next one.
export function pieces(text) {
  let piece = text.slice(0, PIECE_CHARACTERS);
  if (HALF_OF_A_PAIR.test(piece)) piece = piece.slice(0, -1);
  const rest = text.slice(piece.length);
  const shown = isolated(piece).map((part) => (typeof part === 'string' ? visible(part) : part));
  if (!rest) return shown;
  const label = `show more (${Math.ceil(rest.length / 1000)}k characters)`;
  const more = button(label, () => more.replaceWith(...pieces(rest)), {class: 'quiet more'});
  return [...shown, more];
}

// Return the parts of a text whose end, if it is long, is shown on request.
export function shortened(text, limit = SHOWN_CHARACTERS) {
  if (text.length <= limit) return [el('bdi', {}, text)];
  const part = el('bdi', {}, `${text.slice(0, limit)}… `);
  const more = button('show all', () => { part.replaceChildren(...pieces(text)); more.remove(); }, {class: 'quiet more'});
  return [part, more];
}
