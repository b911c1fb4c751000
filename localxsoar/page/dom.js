// Elements of the document, and the clipboard.

export const $ = (id) => document.getElementById(id);

export function el(tag, options, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options || {})) {
    if (name === 'class') element.className = value;
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== 'list') element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const button = (label, press, options) => el('button', {type: 'button', onclick: press, ...options}, label);

export function announce(text) { $('announce').textContent = text; }

export async function copy(text, pressed) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
  } else {  // browsers allow the clipboard only for https and this machine
    const field = el('textarea', {value: text});
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }
  if (!pressed) return;
  const before = pressed.dataset.label || (pressed.dataset.label = pressed.textContent);
  pressed.textContent = 'Copied';
  setTimeout(() => { pressed.textContent = before; }, 1200);
}
