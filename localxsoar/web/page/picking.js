// What is chosen in the panel for a sender's URL, and what a value of the tree offers to choose.
import {$, announce, button, el} from './dom.js';
import {MASK} from './state.js';
import {joined, listAround, moveInto, partsOf, pathIn, pathTo, prefixOf, quoted, writeQuery} from './words.js';

export let panel = null;  // what is shown: the delivery, its words, and what has been chosen

export function setPanel(shown) { panel = shown; }

export const kindOf = (name) => panel.known[name].kind;

export const labelOf = (name) => panel.known[name].label || name;

export const hasMask = () => target().includes(MASK);
export const target = () => [panel.path, writeQuery(panel.words, panel.others)].filter(Boolean).join('?');

export function partsFor(name) {
  if (!panel.words.has(name)) return {prefix: prefixOf(panel.item.sender), parts: []};
  return partsOf(kindOf(name), panel.words.get(name));
}

export function hasPart(name, part) {
  const isIt = (each) => each === part || (kindOf(name) === 'severity' && pathIn('severity', each)[0] === part);
  return partsFor(name).parts.some(isIt);
}

export function setParts(name, prefix, parts, keepsChips = false) {
  if (parts.length) panel.words.set(name, joined(kindOf(name), prefix, parts)); else panel.words.delete(name);
  panel.change(keepsChips);
}

function togglePart(name, part) {
  const {prefix, parts} = partsFor(name);
  const isThere = hasPart(name, part);
  if (kindOf(name) === 'path') moveInto(panel.words, panel.known, panel.words.get(name) || '', isThere ? '' : part);
  const takesSeveral = ['parts', 'key', 'conditions'].includes(kindOf(name));
  if (isThere) setParts(name, prefix, takesSeveral ? parts.filter((each) => each !== part) : []);
  else setParts(name, prefix, takesSeveral ? [...parts, part] : [part]);
  announce(`${labelOf(name)}: ${isThere ? 'removed' : 'added'} ${part}`);
  if (kindOf(name) === 'path' && panel.offers) offerAgain();
}

// Offer the same value with the path that it has now.
function offerAgain() {
  offer(...panel.offered);
  panel.offers.querySelector('button').focus();
}

export function removePart(name, at) {
  const {prefix, parts} = partsFor(name);
  if (kindOf(name) === 'path') moveInto(panel.words, panel.known, panel.words.get(name), '');
  setParts(name, prefix, parts.filter((_, place) => place !== at));
  if (kindOf(name) === 'path' && panel.offers) offerAgain();
  ($('chips').querySelector('.remove') || $('naming-close')).focus();
}

// What a value offers.

const OF_SEVERAL = 'What is it? It is in the first of several items, so it tells neither which problem it is nor its end.';

export function offer(keys, value, leaf) {
  closeOffers();
  const each = [...panel.words.keys()].find((name) => kindOf(name) === 'path');
  const path = pathTo(panel.root, keys, value, each ? panel.words.get(each) : '');
  const hint = el('p', {class: 'dim'}, path.reason || (path.isOfSeveral ? OF_SEVERAL : 'What is it?'));
  const labelled = Object.entries(panel.known).filter(([, {label}]) => label);
  const offered = labelled.map(([name, word]) => [name, ...partOffered(word, keys, value, path)]).filter(([, part]) => part);
  panel.buttons = offered.map(([name, part, label]) => ({name, part, made: offerButton(name, part, label, hint)}));
  panel.offers = el('div', {class: 'offers', role: 'group', 'aria-label': 'What it is'},
    ...panel.buttons.map(({made}) => made), hint);
  panel.offered = [keys, value, leaf];
  leaf.append(panel.offers);
  markChosen();
}

// Return the part that a value can be of a word, and what its button is called, or nothing.
function partOffered({kind, label}, keys, value, path) {
  if (kind === 'path') {
    const list = listAround(panel.root, keys);
    return [list, `${label}: ${list}`];
  }
  if (path.reason || !['part', 'parts', 'severity', 'key', 'conditions'].includes(kind)) return [];
  if (path.isOfSeveral && ['key', 'conditions'].includes(kind)) return [];
  if (kind !== 'conditions') return [path.text, label];
  const text = quoted(value.text ?? value.source);
  return text === null ? [] : [`${path.text}=${text}`, `${label} = this`];
}

// Return a button for a part, which says in the hint what its word does.
function offerButton(name, part, label, hint) {
  const explain = () => { hint.textContent = panel.known[name].sentence; };
  return button(label, () => togglePart(name, part), {tabindex: '-1', onfocus: explain, onpointerover: explain});
}

// Show which of the parts that are offered are chosen.
export function markChosen() {
  for (const {name, part, made} of panel.buttons) made.setAttribute('aria-pressed', String(hasPart(name, part)));
}

export function closeOffers() {
  panel.offers?.remove();
  panel.offers = null;
  panel.buttons = [];
}
