// A folded tree. The title of a value is its path, which a mapper needs.
import {button, copy, el} from './dom.js';
import {visible} from './visible.js';

// With `pick` each value has a button that calls it with the keys of its path and its element.
export function drawTree(content, pick) {
  const tree = el('div', {class: 'tree'});
  if (content.isArray) tree.append(branch('', content, [], 0, pick));
  else tree.append(...entries(content, [], 0, pick));
  return tree;
}

function entries(content, keys, depth, pick) {
  const pairs = content.entries;
  const draw = ([key, value]) => branch(key, value, [...keys, {key, isIndex: content.isArray}], depth, pick);
  const drawn = pairs.slice(0, 200).map(draw);
  if (pairs.length > 200) {
    const more = button(`show ${pairs.length - 200} more`, () => more.replaceWith(...pairs.slice(200).map(draw)), {class: 'quiet more'});
    drawn.push(more);
  }
  return drawn;
}

function branch(key, value, keys, depth, pick) {
  const at = keys.map((each) => each.key).join('.');
  const name = key === '' ? [] : [el('bdi', {class: 'key'}, key), ': '];
  if (!value.entries) return leaf(name, value, keys, pick);
  const count = value.entries.length;
  const list = el('ul');
  const fill = () => { if (!list.childElementCount) list.append(...entries(value, keys, depth + 1, pick).map((each) => el('li', {}, each))); };
  const box = el('details', {ontoggle: () => { if (box.open) fill(); }}, el('summary', {title: at}, ...name,
    el('span', {class: 'dim'}, value.isArray ? `[${count}]` : `{${count}}`)), list);
  if (depth < 2 && count <= 50) { fill(); box.open = true; }
  return box;
}

function leaf(name, value, keys, pick) {
  const at = keys.map((each) => each.key).join('.');
  const shown = value.text ?? value.source;
  const type = value.text !== undefined ? 'text' : /^[-\d]/.test(value.source) ? 'number' : 'plain';
  const span = el('bdi', {class: type}, shown.length > 600 ? `${shown.slice(0, 600)}… ` : shown);
  const more = shown.length > 600 ? button('show all', () => { span.replaceChildren(visible(shown)); more.remove(); }, {class: 'quiet more'}) : null;
  const map = pick ? button('Map', () => pick(keys, drawn), {class: 'quiet map', 'aria-label': `Preview the mapping of ${at}`}) : null;
  const drawn = el('div', {class: 'leaf', title: at}, ...name, span, more,
    button('Copy', (event) => copy(shown, event.target), {class: 'quiet', 'aria-label': `Copy ${at}`}), map);
  return drawn;
}
