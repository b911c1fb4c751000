// Elements of the document, and the clipboard.
import {visible} from './visible.js';

/**
 * The controls of the page that are more than an element, by their ids.
 * @typedef {{help: HTMLDialogElement, instances: HTMLSelectElement, level: HTMLSelectElement, run: HTMLButtonElement,
 *   search: HTMLInputElement, sender: HTMLSelectElement, 'send-shown': HTMLButtonElement, sort: HTMLSelectElement}} Controls
 */

/** @type {<Id extends string>(id: Id) => Id extends keyof Controls ? Controls[Id] : HTMLElement} */
export const $ = (id) => /** @type {any} */ (document.getElementById(id));

const SHOWN = ['title', 'aria-label'];  // attributes that a person reads

// Return a new element. In what a person reads of it, hidden characters are visible.
// Pass a long list as one argument: browsers limit how many there are.
/**
 * @type {<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, options?: object, ...children: any[]) =>
 *   HTMLElementTagNameMap[Tag]}
 */
export function el(tag, options, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options || {})) {
    setOption(element, name, SHOWN.includes(name) ? visible(String(value ?? '')) : value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) element.append(typeof child === 'string' ? visible(child) : child);
  }
  return element;
}

function setOption(element, name, value) {
  if (name === 'class') element.className = value;
  else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
  else if (name in element && name !== 'list') element[name] = value;
  else element.setAttribute(name, value);
}

// Put a space between cells, or a screen reader runs them together.
export const spaced = (...cells) => cells.flatMap((cell) => [cell, ' ']);

export const button = (label, press, options) => el('button', {type: 'button', onclick: press, ...options}, label);

export function announce(text) { $('announce').textContent = text; }

const copied = new Set();  // the buttons that say so for a moment

export async function copy(text, pressed) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // browsers allow the clipboard only for https and this machine, and a person may forbid it
    const field = el('textarea', {value: text});
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }
  if (!pressed || copied.has(pressed)) return;
  const before = pressed.textContent;
  copied.add(pressed);
  pressed.textContent = 'Copied';
  setTimeout(() => { copied.delete(pressed); pressed.textContent = before; }, 1200);
}
