// The detail beside a list.
import {$, button} from './dom.js';
import {go} from './views.js';

export function drawDetail(name, ...children) {
  const detail = $(name);
  const top = detail.scrollTop;
  const focused = detail.contains(document.activeElement) ? document.activeElement.id : '';
  detail.replaceChildren(...children);
  detail.hidden = false;
  detail.scrollTop = top;
  if (focused) ($(focused) || detail).focus({preventScroll: true});
  detail.closest('.split').classList.add('opened');
}

export function backButton(to) { return button('‹ Back', () => go(to), {class: 'quiet back'}); }
