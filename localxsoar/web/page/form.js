// The form of a command: what is in its fields, and whether it has the focus.
import {$} from './dom.js';
import {load, save} from './session.js';

let isFocusWanted = false;  // whether to focus the form of the command that is opened

/** @returns {HTMLInputElement[]} */
export const inputs = () => [.../** @type {any} */ (document.querySelectorAll('#command [data-argument]'))];
export const typed = () => Object.fromEntries(inputs().map((input) => [input.dataset.argument, input.value]));

// What was typed last into the form of a command, which a reload does not lose; but no secret.
export const keptTyped = (command) => load('typed', {})[command] || {};
export function keepTyped(command, args) { save('typed', {...load('typed', {}), [command]: args}); }

export function fillForm(args) {
  for (const input of inputs()) input.value = args[input.dataset.argument] ?? '';
}

export function focusForm() {
  isFocusWanted = false;
  (inputs()[0] || $('run'))?.focus();
}

export function wantFormFocus() { isFocusWanted = true; }
export function focusFormIfWanted() { if (isFocusWanted) focusForm(); }
