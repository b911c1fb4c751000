// Work that is done once, however often its button is pressed.
import {announce} from './dom.js';

const SLOW_MS = 300;

// Do the work. Until it is over the buttons are disabled and, if it is slow, the pressed one says so.
export async function once(pressed, buttons, work) {
  if (pressed.disabled) return;
  const all = [pressed, ...buttons.filter((each) => each && each !== pressed && !each.disabled)];
  const label = pressed.textContent;
  const hadFocus = document.activeElement === pressed;
  for (const each of all) each.disabled = true;
  const slow = setTimeout(() => { pressed.textContent = 'Sending…'; announce('Sending…'); }, SLOW_MS);
  try { await work(); } finally {
    clearTimeout(slow);
    pressed.textContent = label;
    for (const each of all) each.disabled = false;
    if (hadFocus && document.activeElement === document.body && pressed.isConnected) pressed.focus();
  }
}
