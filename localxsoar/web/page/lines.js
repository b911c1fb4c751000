// A list that puts only its visible rows into the document: thousands of rows would make the browser slow.
import {$, el} from './dom.js';
import {paced} from './pace.js';
import {fits, parse} from './query.js';

export const ROW_HEIGHT = 32;
const SPARE_ROWS = 8;
const PAUSE_MS = 100;  // between two drawings of what arrives: a person cannot read more

let query = parse('');

// Return what is searched for. It is asked for each of thousands of items.
export function wantedQuery() {
  const {value} = $('search');
  if (value !== query.text) query = parse(value);
  return query;
}

const words = () => wantedQuery().words;

export class Lines {
  constructor(name, key, draw, words, open, facts) {
    this.box = $(name);
    this.pill = $(`pill-${name}`);
    this.name = name;
    this.key = key;
    this.draw = draw;
    this.words = words;
    this.open = open;
    this.facts = facts;  // by the name of a term, what returns the fact of an item
    this.texts = new WeakMap();  // by item, what the words of a search are looked for in
    this.all = [];
    this.isWhole = false;  // whether all that the server has is here
    this.keys = new Set();  // of all items
    this.shown = [];
    this.selected = null;
    /** @type {((one: any, other: any) => number) | null} */
    this.order = null;  // compares two items; without it the newest is first
    this.found = new Set();  // the keys of items that have the words of the search where the list does not show them
    this.describe = () => {};  // called when other items are shown
    this.unseen = new Set();  // the keys of items that came above what is read
    this.moved = 0;  // pixels inserted above the viewport since the last render
    this.fresh = new Set();
    this.scrolled = null;  // where the box is scrolled to, as far as it was asked: each answer may cost a layout
    this.height = 0;  // of the box
    this.drawn = new Map();  // the rows in the document, by their items
    this.room = el('div', {class: 'room', role: 'presentation'});
    this.box.append(this.room);
    this.box.addEventListener('scroll', () => { this.scrolled = null; this.plan(); if (this.box.scrollTop === 0) this.seen(); });
    this.box.addEventListener('click', ({target}) => {
      const row = target.closest('.row');
      const item = row && this.all.find((each) => this.idOf(each) === row.id);
      if (item) this.open(item);
    });
    this.isPressed = false;  // whether the pointer presses a row, which must stay where it is until it is let go
    this.box.addEventListener('pointerdown', ({target}) => { this.isPressed = Boolean(target.closest('.row')); });
    const letGo = () => { if (this.isPressed) { this.isPressed = false; this.plan(); } };
    for (const end of ['pointerup', 'pointercancel']) document.addEventListener(end, letGo);  // wherever the pointer is by then
    this.pill.addEventListener('click', () => { this.toTop(); this.plan(); });
    this.planSoon = paced(() => this.plan(), PAUSE_MS);
    new ResizeObserver(([{contentRect}]) => {
      this.height = contentRect.height;
      this.plan();
    }).observe(this.box);
  }

  set(items) {
    this.all = items;
    this.keys = new Set(items.map((item) => item[this.key]));
    this.unseen.clear();
    this.filter();
  }

  // Add items that belong below all others.
  append(items) {
    this.all = this.all.concat(items);
    for (const item of items) this.keys.add(item[this.key]);
    this.shown = this.shown.concat(items.filter((item) => this.matches(item)));
    this.changed = true;
    if (items.some((item) => item[this.key] === this.selected)) this.select(this.selected);
    this.plan();
  }

  // Add or replace an item without moving the rows that the user reads. Return whether it is new.
  add(item) {
    this.texts.delete(item);
    const isItem = (each) => each[this.key] === item[this.key];
    const isNew = !this.keys.has(item[this.key]);
    if (isNew) this.all.unshift(item); else this.all[this.all.findIndex(isItem)] = item;
    this.keys.add(item[this.key]);
    const shown = isNew ? -1 : this.shown.findIndex(isItem);
    if (!this.matches(item)) this.hide(shown);
    else if (shown < 0) this.insert(item, this.place(item));
    else this.replace(item, shown);
    this.changed = true;
    this.planSoon();
    return isNew;
  }

  insert(item, place) {
    this.shown.splice(place, 0, item);
    this.fresh.add(item[this.key]);
    setTimeout(() => this.fresh.delete(item[this.key]), 1200);
    if (this.top() <= place * ROW_HEIGHT) return;
    this.moved += ROW_HEIGHT;
    this.unseen.add(item[this.key]);
    this.drawPill();
  }

  // Replace an item, and move it if it belongs elsewhere now.
  replace(item, from) {
    const [old] = this.shown.splice(from, 1);
    const to = this.order?.(item, old) ? this.place(item) : from;
    this.shown.splice(to, 0, item);
    const top = this.top();
    this.moved += ROW_HEIGHT * (Number(to * ROW_HEIGHT < top) - Number(from * ROW_HEIGHT < top));
  }

  hide(place) {
    if (place < 0) return;
    this.shown.splice(place, 1);
    if (this.top() > place * ROW_HEIGHT) this.moved -= ROW_HEIGHT;
  }

  top() {
    this.scrolled ??= this.box.scrollTop;
    return this.scrolled + this.moved;
  }

  // Return where an item belongs: above equal items.
  place(item) {
    const compare = this.order || ((one, other) => other[this.key] - one[this.key]);
    let [first, last] = [0, this.shown.length];
    while (first < last) {
      const middle = (first + last) >> 1;
      if (compare(item, this.shown[middle]) <= 0) last = middle; else first = middle + 1;
    }
    return first;
  }

  sort(order) {
    this.order = order;
    this.toTop();
    this.filter();
  }

  toTop() {
    this.moved = this.scrolled = this.box.scrollTop = 0;
    this.seen();
  }

  // Remove an item, mostly the oldest, without moving the rows that the user reads.
  remove(key) {
    if (!this.keys.delete(key)) return;
    const isItem = (each) => each[this.key] === key;
    this.all.splice(this.all.findLastIndex(isItem), 1);
    this.hide(this.shown.findLastIndex(isItem));
    if (this.unseen.delete(key)) this.drawPill();
    this.changed = true;
    this.planSoon();
  }

  seen() {
    this.unseen.clear();
    this.drawPill();
  }

  drawPill() {
    this.pill.textContent = `${this.unseen.size} new`;
    this.pill.hidden = !this.unseen.size;
  }

  matches(item, wanted = words()) { return this.accepts(item) && this.hasWords(item, wanted); }

  // Return whether an item fits the terms of the search.
  accepts(item, terms = wantedQuery().terms) { return terms.every((term) => fits(term, this.facts[term.name](item))); }

  hasWords(item, wanted = words()) {
    if (!wanted.length || this.found.has(item[this.key])) return true;
    if (!this.texts.has(item)) this.texts.set(item, this.words(item).toLowerCase());
    const text = this.texts.get(item);
    return wanted.every((word) => text.includes(word));
  }

  // Draw anew what an item shows that is not its own.
  redraw() {
    this.drawn.clear();
    this.plan();
  }

  filter() {
    this.drawn.clear();
    const wanted = words();
    this.shown = this.all.filter((item) => this.matches(item, wanted));
    if (this.order) this.shown.sort(this.order);
    this.changed = true;
    this.plan();
  }

  select(key) {
    this.selected = key;
    const at = this.shown.findIndex((item) => item[this.key] === key);
    if (at >= 0) {
      const top = at * ROW_HEIGHT - this.moved;
      const {scrollTop, clientHeight} = this.box;
      if (top < scrollTop) this.box.scrollTop = top;
      else if (top + ROW_HEIGHT > scrollTop + clientHeight) this.box.scrollTop = top + ROW_HEIGHT - clientHeight;
      this.scrolled = null;
    }
    this.plan();
  }

  // Return how many rows are seen at once.
  page() { return Math.max(1, Math.floor(this.height / ROW_HEIGHT) - 1); }

  move(by) {
    const at = this.shown.findIndex((item) => item[this.key] === this.selected);
    const next = Math.max(0, Math.min(this.shown.length - 1, at + by));
    if (this.shown[next]) this.select(this.shown[next][this.key]);
    return this.shown[next];
  }

  keyOf(item) { return item[this.key]; }

  idOf(item) { return `${this.name}-${item[this.key]}`; }

  current() { return this.shown.find((item) => item[this.key] === this.selected); }

  resize() { this.room.style.height = `${this.shown.length * ROW_HEIGHT}px`; }

  plan() {
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => { this.planned = false; this.render(); });
  }

  render() {
    if (!this.height) return;  // it is not shown, and its size changes once it is
    if (this.isPressed) return;  // it is drawn once it is let go
    const top = Math.max(0, Math.min(this.top(), this.shown.length * ROW_HEIGHT - this.height));  // before anything changes
    if (this.changed) this.describe();
    this.changed = false;
    this.resize();
    const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - SPARE_ROWS);
    const last = Math.min(this.shown.length, Math.ceil((top + this.height) / ROW_HEIGHT) + SPARE_ROWS);
    const rows = new Map();
    for (let at = first; at < last; at += 1) rows.set(this.shown[at], this.row(this.shown[at], at));
    this.drawn = rows;
    this.show([...rows.values()]);
    const chosen = [...rows].find(([item]) => item[this.key] === this.selected);
    if (chosen) this.box.setAttribute('aria-activedescendant', chosen[1].id);
    else this.box.removeAttribute('aria-activedescendant');
    if (this.moved) this.scrolled = this.box.scrollTop = top;
    this.moved = 0;
  }

  // Return the row of an item, at its place. One that is in the document already only moves.
  row(item, at) {
    const row = this.drawn.get(item) || this.newRow(item);
    row.classList.toggle('new', this.fresh.has(item[this.key]));
    row.style.top = `${at * ROW_HEIGHT}px`;
    row.setAttribute('aria-selected', String(item[this.key] === this.selected));
    row.setAttribute('aria-setsize', this.shown.length);
    row.setAttribute('aria-posinset', at + 1);
    return row;
  }

  newRow(item) {
    const row = this.draw(item);
    row.id = this.idOf(item);
    row.classList.add('row');
    row.setAttribute('role', 'option');
    return row;
  }

  // Put rows into the document, and leave those alone that are there in this order.
  show(rows) {
    const wanted = new Set(rows);
    for (const row of [...this.room.children]) if (!wanted.has(row)) row.remove();
    let next = this.room.firstChild;
    for (const row of rows) {
      if (row === next) next = next.nextSibling;
      else this.room.insertBefore(row, next);
    }
  }
}
