// Why a delivery was rejected, as a checklist.
import {button, el} from './dom.js';
import {resend} from './resend.js';

const SIGNS = {good: ['✓', 'fits: '], bad: ['✗', 'does not fit: '], warn: ['!', 'note: '], '': ['·', '']};

function drawCheck({state, title, text}) {
  const [sign, word] = SIGNS[state];
  return el('li', {}, el('b', {class: state || 'dim'}, el('span', {'aria-hidden': 'true'}, sign), el('span', {class: 'unseen'}, word)),
    el('span', {class: 'dim'}, title), el('bdi', {}, text));
}

export function drawChecks(item) {
  if (!item.checks.length) return null;
  return el('section', {class: 'checks', 'aria-label': 'Why it was rejected'}, el('ul', {}, ...item.checks.map(drawCheck)),
    item.unprovable || item.missing ? null : button('Repair and send', () => resend('proved'), {id: 'repair'}));
}
