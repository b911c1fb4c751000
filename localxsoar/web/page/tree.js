// A folded tree. The title of a value is its path, which a mapper needs.
import {button, copy, el} from './dom.js';
import {cut, pieces} from './long.js';

const SHOWN_ENTRIES = 200;
const OPEN_LEVELS = 2;
const OPEN_LENGTH = 50;  // a longer list or object is closed at first
const OPEN_ENTRIES = 400;  // of a whole tree at first: the browser lays them out at once

let toOpen = 0;  // how many more entries are opened with the tree that is drawn

// With `pick` each value has a button that calls it with the keys of its path and its element.
export function drawTree(content, pick) {
  toOpen = OPEN_ENTRIES;
  const tree = el('div', {class: 'tree'});
  if (content.isArray) tree.append(branch(null, content, [], 0, pick));
  else tree.append(...entries(content, [], 0, pick));
  return tree;
}

function entries(content, keys, depth, pick, from = 0) {
  const pairs = content.entries.slice(from, from + SHOWN_ENTRIES);
  const drawn = pairs.map(([key, value]) => branch(key, value, [...keys, {key, isIndex: content.isArray}], depth, pick));
  const next = from + pairs.length;
  if (next < content.entries.length) drawn.push(moreButton(content.entries.length - next, () => entries(content, keys, depth, pick, next)));
  return drawn;
}

// Return a button that is replaced by the next entries; thousands at once would block the browser.
function moreButton(left, draw) {
  const label = left > SHOWN_ENTRIES ? `show ${SHOWN_ENTRIES} of ${left} more` : `show ${left} more`;
  const more = button(label, () => {
    const drawn = draw();
    const item = more.closest('li');  // of an inner list
    if (item) item.replaceWith(...drawn.map((each) => el('li', {}, each))); else more.replaceWith(...drawn);
    drawn[0].querySelector('button, summary')?.focus();
  }, {class: 'quiet more'});
  return more;
}

const pathOf = (keys) => cut(keys.map((each) => cut(each.key, 1000)).join('.'), 1000);

function branch(key, value, keys, depth, pick) {
  const at = pathOf(keys);
  const name = key === null ? [] : [el('bdi', {class: 'key'}, cut(key) || '""'), ': '];
  if (!value.entries) return leaf(name, value, keys, pick);
  const count = value.entries.length;
  const list = el('ul');
  const fill = () => { if (!list.childElementCount) list.append(...entries(value, keys, depth + 1, pick).map((each) => el('li', {}, each))); };
  const box = el('details', {ontoggle: () => { if (box.open) fill(); }}, el('summary', {title: at}, ...name,
    el('span', {class: 'dim'}, value.isArray ? `[${count}]` : `{${count}}`)), list);
  if (depth < OPEN_LEVELS && count <= OPEN_LENGTH && count <= toOpen) {
    toOpen -= count;
    fill();
    box.open = true;
  }
  return box;
}

function leaf(name, value, keys, pick) {
  const at = pathOf(keys);
  const shown = value.text ?? value.source;
  const type = value.text !== undefined ? 'text' : /^[-\d]/.test(value.source) ? 'number' : 'plain';
  const span = el('bdi', {class: type}, shown.length > 600 ? `${shown.slice(0, 600)}… ` : shown);
  const more = shown.length > 600 ? button('show all', () => { span.replaceChildren(...pieces(shown)); more.remove(); }, {class: 'quiet more'}) : null;
  const map = pick ? button('Map', () => pick(keys, drawn), {class: 'quiet map', 'aria-label': `Preview the mapping of ${at}`}) : null;
  const drawn = el('div', {class: 'leaf', title: at}, ...name, span, more,
    button('Copy', (event) => copy(shown, event.target), {class: 'quiet', 'aria-label': `Copy ${at}`}), map);
  return drawn;
}
