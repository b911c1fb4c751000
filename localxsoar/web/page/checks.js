// Why a delivery was rejected, as a checklist.
import {deliveries} from './deliveries.js';
import {el} from './dom.js';

const SIGNS = {good: ['✓', 'fits: '], bad: ['✗', 'does not fit: '], warn: ['!', 'note: '], '': ['·', '']};

function drawCheck({state, title, text}) {
  const [sign, word] = SIGNS[state];
  const mark = el('b', {class: state || 'dim'}, el('span', {'aria-hidden': 'true'}, sign), el('span', {class: 'unseen'}, word));
  return el('li', {}, mark, el('span', {class: 'dim'}, title), el('bdi', {}, text));
}

export function drawChecks(item) {
  if (!item.checks.length) return null;
  return el('section', {class: 'checks', 'aria-label': 'Why it was rejected'}, el('ul', {}, ...item.checks.map(drawCheck)));
}

const link = (number) => el('a', {href: `#/deliveries/${number}`}, `delivery ${number}`);

// Return what was changed in a delivery that was sent again, and what to set in its sender, with a link to the original.
export function drawOrigin({origin, changes, advice}) {
  if (!origin) return null;
  return el('div', {class: 'links'}, el('p', {}, 'Sent again: the original is ', link(origin), '. ', changes.join(' ')),
    advice ? el('p', {}, el('strong', {}, advice)) : null);
}

const SHOWN_COPIES = 5;

// Return links to the latest deliveries with which this one was sent again.
export function drawCopies({number}) {
  const copies = deliveries.all.filter((each) => each.origin === number).slice(0, SHOWN_COPIES);
  if (!copies.length) return null;
  const links = copies.flatMap(({number: copy, status}, at) => [at ? ', ' : '', link(copy), status ? ` (${status})` : '']);
  return el('p', {class: 'links'}, 'Sent again as ', ...links);
}
