// The detail beside a list.
import {go} from './address.js';
import {$, button} from './dom.js';

let isWanted = false;  // whether to focus the detail after drawing it

export function wantFocus() { isWanted = true; }

// Draw the detail. The control that has the focus keeps it, also if it is another element now.
export function drawDetail(name, ...children) {
  const detail = $(name);
  const top = detail.scrollTop;
  const focused = detail.contains(document.activeElement) ? document.activeElement.id : '';
  detail.replaceChildren(...children.filter(Boolean));
  detail.hidden = false;
  if (top) detail.scrollTop = top;  // to ask for it takes a layout
  const again = focused && (detail.querySelector(`#${CSS.escape(focused)}`) || detail);  // the other detail may have it, too
  const target = isWanted ? detail : again;
  isWanted = false;
  if (target) target.focus({preventScroll: true});
  if (target && document.activeElement === document.body) detail.focus({preventScroll: true});  // its control is disabled
  detail.closest('.split').classList.add('opened');
}

export function backButton(to) { return button('‹ Back', () => go(to), {class: 'quiet back'}); }
