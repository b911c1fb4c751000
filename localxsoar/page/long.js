// Long texts.
import {button, el} from './dom.js';
import {visible} from './visible.js';

const SHOWN_CHARACTERS = 300;

// Return the parts of a text whose end, if it is long, is shown on request.
export function shortened(text, limit = SHOWN_CHARACTERS) {
  if (text.length <= limit) return [el('bdi', {}, text)];
  const part = el('bdi', {}, `${text.slice(0, limit)}… `);
  const more = button('show all', () => { part.replaceChildren(visible(text)); more.remove(); }, {class: 'quiet more'});
  return [part, more];
}
