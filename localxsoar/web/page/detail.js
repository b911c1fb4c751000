// The detail beside a list.
import {go} from './address.js';
import {$, button} from './dom.js';

const shown = new Set();  // the names of the details that are shown
let isWanted = false;  // whether to focus the detail after drawing it

export const isDetailShown = (name) => shown.has(name);

export function wantFocus() { isWanted = true; }

// Draw the detail. The control that has the focus keeps it, also if it is another element now.
export function drawDetail(name, ...children) {
  const detail = $(name);
  const focused = detail.contains(document.activeElement) ? document.activeElement.id : '';
  detail.replaceChildren(...children.filter(Boolean));
  shown.add(name);
  detail.hidden = false;
  const again = focused && (detail.querySelector(`#${CSS.escape(focused)}`) || detail);  // the other detail may have it, too
  const target = isWanted ? detail : again;
  isWanted = false;
  if (target) target.focus({preventScroll: true});
  if (target && document.activeElement === document.body) detail.focus({preventScroll: true});  // its control is disabled
  detail.closest('.split').classList.add('opened');
}

export function hideDetails() {
  for (const name of shown) {
    $(name).hidden = true;
    $(name).closest('.split').classList.remove('opened');
  }
  shown.clear();
}

export function backButton(to) { return button('‹ Back', () => go(to), {class: 'quiet back'}); }
