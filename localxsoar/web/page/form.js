// The form of a command: what is in its fields, and whether it has the focus.
import {$} from './dom.js';

let isFocusWanted = false;  // whether to focus the form of the command that is opened

export const inputs = () => [...document.querySelectorAll('#command [data-argument]')];
export const typed = () => Object.fromEntries(inputs().map((input) => [input.dataset.argument, input.value]));

export function fillForm(args) {
  for (const input of inputs()) input.value = args[input.dataset.argument] ?? '';
}

export function focusForm() {
  isFocusWanted = false;
  (inputs()[0] || $('run'))?.focus();
}

export function wantFormFocus() { isFocusWanted = true; }
export function focusFormIfWanted() { if (isFocusWanted) focusForm(); }
