// A folded tree of a JSON value. It is one tab stop, in which arrows move (the tree pattern of ARIA). It shows the path of the
// value that has the focus or is pointed at, which a mapper needs.
import {button, copy, el} from './dom.js';
import {cut, pieces} from './long.js';
import {marked} from './visible.js';

const SHOWN_ENTRIES = 200;
const OPEN_LEVELS = 2;
const OPEN_LENGTH = 50;  // a longer list or object is closed at first
const OPEN_ENTRIES = 200;  // of a whole tree at first: the browser lays them out at once
const SHOWN_CHARACTERS = 600;

const inner = new WeakMap();  // by the head of a branch: the element with its entries, what draws them, and whether it is open
let toOpen = 0;  // how many more entries are opened with the tree that is drawn

// With `pick` each value has a button that calls it with the keys of its path and its element. With `use` a value has no buttons
// of its own: a click or Enter calls it with the keys, the value and the element, to which it may add some.
export function drawTree(content, pick, use) {
  const acts = {pick, use};
  toOpen = OPEN_ENTRIES;
  const tree = el('div', {class: 'tree', role: 'tree', 'aria-label': 'Values', onkeydown: press});
  if (content.isArray) tree.append(branch(null, content, [], 0, acts));
  else tree.append(...entries(content, [], 0, acts));
  tree.querySelector('.item')?.setAttribute('tabindex', '0');
  const path = el('p', {class: 'at', 'aria-hidden': 'true'});
  const show = ({target}) => { path.textContent = target.closest('.item')?.getAttribute('title') || ''; };
  tree.addEventListener('focusin', (event) => { show(event); takeTab(tree, event.target.closest('.item')); });
  tree.addEventListener('pointerover', show);
  return el('div', {class: 'values'}, tree, path);
}

function entries(content, keys, depth, acts, from = 0) {
  const pairs = content.entries.slice(from, from + SHOWN_ENTRIES);
  const drawn = pairs.map(([key, value]) => branch(key, value, [...keys, {key, isIndex: content.isArray}], depth, acts));
  const next = from + pairs.length;
  const left = content.entries.length - next;
  return left ? [...drawn, moreButton(left, depth, () => entries(content, keys, depth, acts, next))] : drawn;
}

// Return a button that is replaced by the next entries; thousands at once would block the browser.
function moreButton(left, depth, draw) {
  const label = left > SHOWN_ENTRIES ? `show ${SHOWN_ENTRIES} of ${left} more` : `show ${left} more`;
  const more = button(label, () => {
    const drawn = draw();
    more.replaceWith(...drawn);
    (drawn[0].querySelector('.item') || drawn[0]).focus();
  }, {class: 'quiet more item', role: 'treeitem', 'aria-level': depth + 1, tabindex: '-1'});
  return more;
}

export const pathOf = (keys) => cut(keys.map((each) => cut(each.key, 1000)).join('.'), 1000);

function item(kind, keys, depth, options, ...children) {
  const own = {class: `${kind} item`, role: 'treeitem', 'aria-level': depth + 1, tabindex: '-1', title: pathOf(keys)};
  return el('div', {...own, ...options}, ...children);
}

function branch(key, value, keys, depth, acts) {
  const name = key === null ? [] : [el('bdi', {class: 'key'}, key === '' ? '""' : marked(cut(key))), ': '];
  if (!value.entries) return leaf(name, value, keys, depth, acts);
  const count = value.entries.length;
  const list = el('div', {class: 'inner'});
  const head = item('head', keys, depth, {'aria-expanded': 'false'}, ...name,
    el('span', {class: 'dim'}, value.isArray ? `[${count}]` : `{${count}}`));
  head.addEventListener('click', () => setOpen(head, !inner.get(head).isOpen));
  const fill = () => { if (!list.childElementCount) list.append(...entries(value, keys, depth + 1, acts)); };
  inner.set(head, {list, fill, isOpen: false});
  list.hidden = true;
  const box = el('div', {class: 'branch'}, head, list);
  if (depth < OPEN_LEVELS && count <= OPEN_LENGTH && count <= toOpen) {
    toOpen -= count;
    setOpen(head, true);
  }
  return box;
}

// Open or close a branch. What is in it is drawn when it is opened first.
function setOpen(head, isOpen) {
  const own = inner.get(head);
  const {list, fill} = own;
  own.isOpen = isOpen;
  if (isOpen) fill();
  head.setAttribute('aria-expanded', String(isOpen));
  list.hidden = !isOpen;
}

function leaf(name, value, keys, depth, {pick, use}) {
  const at = pathOf(keys);
  const isText = value.text !== undefined;
  const shown = value.text ?? value.source;
  const type = isText ? 'text' : /^[-\d]/.test(value.source) ? 'number' : 'plain';
  const content = el('bdi', {}, marked(shown.length > SHOWN_CHARACTERS ? `${shown.slice(0, SHOWN_CHARACTERS)}…` : shown));
  const quote = isText ? '"' : '';
  const act = (label, press, options) => button(label, press, {class: 'quiet', tabindex: '-1', ...options});
  const more = shown.length > SHOWN_CHARACTERS
    ? act('show all', () => { content.replaceChildren(...whole(shown)); more.remove(); }, {class: 'quiet more'}) : null;
  const map = pick
    ? act('Map', () => pick(keys, drawn), {class: 'quiet map', 'aria-label': `Preview the mapping of ${at}`}) : null;
  const copies = use ? null : act('Copy', (event) => copy(shown, event.target), {'aria-label': `Copy ${at}`});
  const drawn = item('leaf', keys, depth, {}, ...name, el('span', {class: type}, quote, content, quote), more, copies, map);
  if (use) drawn.addEventListener('click', ({target}) => { if (!target.closest('button, .offers')) use(keys, value, drawn); });
  return drawn;
}

const whole = (text) => pieces(text).flatMap((part) => (typeof part === 'string' ? marked(part) : [part]));

// The keys.

// Let Tab come back to the item that had the focus last.
function takeTab(tree, to) {
  if (!to) return;
  for (const each of tree.querySelectorAll('[tabindex="0"]')) each.setAttribute('tabindex', '-1');
  to.setAttribute('tabindex', '0');
}

const level = (one) => Number(one.getAttribute('aria-level'));

function press(event) {
  const {key, target} = event;
  const one = target.closest('.item');
  if (!one || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = KEYS[key];
  if (!act || (target !== one && !['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].includes(key))) return;
  const items = [...event.currentTarget.querySelectorAll('.item')].filter((each) => !each.closest('[hidden]'));
  const to = act(one, items, items.indexOf(one), target);
  event.preventDefault();
  event.stopPropagation();
  to?.focus();
}

// Each key takes an item, all that are seen, its place among them, and what has the focus in it. It returns what gets the focus.
const KEYS = {
  ArrowDown: (one, items, at) => items[at + 1],
  ArrowUp: (one, items, at) => items[at - 1],
  Home: (one, items) => items[0],
  End: (one, items) => items.at(-1),
  ArrowRight(one, items, at, target) {
    const own = inner.get(one);
    if (own?.isOpen) return items[at + 1] && level(items[at + 1]) > level(one) ? items[at + 1] : null;
    if (own) setOpen(one, true);
    else {  // the buttons of a value are to its right
      const buttons = [...one.querySelectorAll('button')];
      return buttons[buttons.indexOf(target) + 1];
    }
    return null;
  },
  ArrowLeft(one, items, at, target) {
    if (target !== one) return [one, ...one.querySelectorAll('button')].find((each, place, all) => all[place + 1] === target);
    if (inner.get(one)?.isOpen) setOpen(one, false);
    else return items.slice(0, at).findLast((each) => level(each) < level(one));
    return null;
  },
  Enter(one) {
    if (one.matches('.head, .more') || !one.querySelector('button:not(.more)')) one.click();
    if (!one.matches('.head, .more')) (one.querySelector('.offers button') || one.querySelector('button'))?.focus();
  },
};
KEYS[' '] = KEYS.Enter;
