// A folded tree. The title of a value is its path, which a mapper needs.
import {button, copy, el} from './dom.js';

export function drawTree(content) {
  const tree = el('div', {class: 'tree'});
  if (Array.isArray(content)) tree.append(branch('', content, '', 0));
  else tree.append(...entries(content, '', 0));
  return tree;
}

function entries(content, at, depth) {
  const pairs = Array.isArray(content) ? content.map((value, index) => [String(index), value]) : Object.entries(content);
  const drawn = pairs.slice(0, 200).map(([key, value]) => branch(key, value, at ? `${at}.${key}` : key, depth));
  if (pairs.length > 200) {
    const more = button(`show ${pairs.length - 200} more`, () => more.replaceWith(...pairs.slice(200).map(([key, value]) =>
      branch(key, value, at ? `${at}.${key}` : key, depth))), {class: 'quiet more'});
    drawn.push(more);
  }
  return drawn;
}

function branch(key, value, at, depth) {
  const name = key === '' ? [] : [el('span', {class: 'key'}, key), ': '];
  if (value !== null && typeof value === 'object') {
    const count = Array.isArray(value) ? value.length : Object.keys(value).length;
    const list = el('ul');
    const fill = () => { if (!list.childElementCount) list.append(...entries(value, at, depth + 1).map((each) => el('li', {}, each))); };
    const box = el('details', {ontoggle: () => { if (box.open) fill(); }}, el('summary', {title: at}, ...name,
      el('span', {class: 'dim'}, Array.isArray(value) ? `[${count}]` : `{${count}}`)), list);
    if (depth < 2 && count <= 50) { fill(); box.open = true; }
    return box;
  }
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  const type = typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'plain';
  const span = el('span', {class: type}, shown.length > 600 ? `${shown.slice(0, 600)}… ` : shown);
  const more = shown.length > 600 ? button('show all', () => { span.textContent = shown; more.remove(); }, {class: 'quiet more'}) : null;
  return el('div', {class: 'leaf', title: at}, ...name, span, more,
    button('Copy', (event) => copy(shown, event.target), {class: 'quiet', 'aria-label': `Copy ${at}`}));
}
