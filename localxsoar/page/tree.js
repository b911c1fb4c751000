// A folded tree. The title of a value is its path, which a mapper needs.
import {button, copy, el} from './dom.js';
import {visible} from './visible.js';

export function drawTree(content) {
  const tree = el('div', {class: 'tree'});
  if (content.isArray) tree.append(branch('', content, '', 0));
  else tree.append(...entries(content, '', 0));
  return tree;
}

function entries(content, at, depth) {
  const pairs = content.entries;
  const draw = ([key, value]) => branch(key, value, at ? `${at}.${key}` : key, depth);
  const drawn = pairs.slice(0, 200).map(draw);
  if (pairs.length > 200) {
    const more = button(`show ${pairs.length - 200} more`, () => more.replaceWith(...pairs.slice(200).map(draw)), {class: 'quiet more'});
    drawn.push(more);
  }
  return drawn;
}

function branch(key, value, at, depth) {
  const name = key === '' ? [] : [el('bdi', {class: 'key'}, key), ': '];
  if (!value.entries) return leaf(name, value, at);
  const count = value.entries.length;
  const list = el('ul');
  const fill = () => { if (!list.childElementCount) list.append(...entries(value, at, depth + 1).map((each) => el('li', {}, each))); };
  const box = el('details', {ontoggle: () => { if (box.open) fill(); }}, el('summary', {title: at}, ...name,
    el('span', {class: 'dim'}, value.isArray ? `[${count}]` : `{${count}}`)), list);
  if (depth < 2 && count <= 50) { fill(); box.open = true; }
  return box;
}

function leaf(name, value, at) {
  const shown = value.text ?? value.source;
  const type = value.text !== undefined ? 'text' : /^[-\d]/.test(value.source) ? 'number' : 'plain';
  const span = el('bdi', {class: type}, shown.length > 600 ? `${shown.slice(0, 600)}… ` : shown);
  const more = shown.length > 600 ? button('show all', () => { span.replaceChildren(visible(shown)); more.remove(); }, {class: 'quiet more'}) : null;
  return el('div', {class: 'leaf', title: at}, ...name, span, more,
    button('Copy', (event) => copy(shown, event.target), {class: 'quiet', 'aria-label': `Copy ${at}`}));
}
