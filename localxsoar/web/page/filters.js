// Filters over the lists: what deliveries became and who sent them, each with its count, and the search, of which they are part.
import {choose, chosen, view} from './address.js';
import {deliveries, kindsOf, WORDS} from './deliveries.js';
import {$, button, el} from './dom.js';
import {areIncidentsShown, incidents, showChosenIncidents} from './incidents.js';
import {listButtons, offerSending} from './keep.js';
import {areLanesShown, isChoiceShown, lanes, showLanes} from './lanes.js';
import {wantedQuery} from './lines.js';
import {moment, valuesFor, withValues} from './query.js';
import {ask} from './server.js';

const KINDS = [...Object.keys(WORDS), 'handshake', 'other'];
const NO_SENDER = '—';
const TYPING_MS = 150;
const LEVELS = ['info', 'low', 'medium', 'high', 'critical', 'unknown'];
const STATES = ['open', 'over', 'pending', 'active', 'closed', 'archived', 'ended', 'resolved'];
const isOneOf = (words) => ({reads: (text) => words.includes(text), example: words.join(', ')});

// What the terms of a search take, and what the help says of them.
const TERMS = {
  sender: {reads: () => true, example: 'git, or "GitHub" for exactly this one'},
  status: {reads: (text) => /^([2-5](\d\d|xx)|none)$/.test(text), example: '401, 4xx, none; of incidents open, over, closed, …'},
  severity: isOneOf(LEVELS),
  became: isOneOf(KINDS),
  after: {reads: (text) => !Number.isNaN(moment(text)), example: '15m, 2h, 3d, 14:30, 2026-11-30, 2026-11-30T14:30'},
};
const TERMS_OF_INCIDENTS = {...TERMS, status: isOneOf(STATES)};

const pressable = new Map();  // by kind, its button
let names = [];  // of the senders, in the order of their options
let clearAll;

const senderOf = (item) => item.sender || NO_SENDER;

function chosenSenders({terms}) {
  const values = terms.filter(({name}) => name === 'sender').flatMap((term) => term.values);
  return values.filter(({isExact}) => isExact).map(({text}) => text || NO_SENDER);
}

// Search for a text in the list that is shown.
function searchFor(text) {
  $('search').value = text;
  choose({q: text});
  searchBodies();
  filterLists();
}

function toggle(name, value) {
  const query = wantedQuery();
  const values = new Set(valuesFor(query, name));
  if (!values.delete(value)) values.add(value);
  searchFor(withValues(query, name, [...values]));
}

const isOpenOnly = () => valuesFor(wantedQuery(), 'status').includes('open');
export function toggleOpen() { toggle('status', 'open'); }

// Return what is wrong with the search for a list, or ''.
function faultOf(list) {
  const known = list === deliveries ? TERMS : TERMS_OF_INCIDENTS;
  const given = wantedQuery().terms.flatMap(({name, values}) => values.map(({text}) => ({name, text})));
  const wrong = given.find(({name, text}) => !known[name].reads(text));
  return wrong ? `${wrong.name}:${wrong.text} is not one of ${known[wrong.name].example}` : '';
}

let shownView = '';

// Return whether all that the address says is shown already.
function isShown() {
  if (view !== shownView || $('search').value !== chosen('q')) return false;
  if (view === 'log') return $('level').value === chosen('level');
  return view !== 'incidents' || (areIncidentsShown() && isChoiceShown());
}

// Show what the address says was searched for and filtered.
export function showChosen() {
  if (isShown()) return;
  shownView = view;
  $('search').value = chosen('q');
  searchBodies();
  $('level').value = chosen('level');
  if (view === 'deliveries') deliveries.filter();
  if (view === 'incidents') { showChosenIncidents(); showLanes(); }
}

// Return how many deliveries each filter would show beside the others, by kind and by sender.
function count() {
  const query = wantedQuery();
  const but = (...left) => query.terms.filter(({name}) => !left.includes(name));
  const [ofKinds, ofSenders, ofBoth] = [but('became'), but('sender'), but('became', 'sender')];
  const kinds = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  const senders = new Map(chosenSenders(query).map((name) => [name, 0]));
  for (const item of deliveries.all) {
    if (!deliveries.hasWords(item, query.words) || !deliveries.accepts(item, ofBoth)) continue;
    if (deliveries.accepts(item, ofKinds)) for (const kind of new Set(kindsOf(item))) kinds[kind] += 1;
    const before = senders.get(senderOf(item)) || 0;
    senders.set(senderOf(item), before + deliveries.accepts(item, ofSenders));
  }
  return {kinds, senders, query};
}

function drawKinds({kinds, query}) {
  const wanted = new Set(valuesFor(query, 'became'));
  for (const [kind, pressed] of pressable) {
    pressed.lastChild.textContent = kinds[kind];
    pressed.hidden = !kinds[kind] && !wanted.has(kind);
    pressed.setAttribute('aria-pressed', String(wanted.has(kind)));
  }
}

function drawSenders({senders, query}) {
  if (document.activeElement === $('sender') && $('sender').options.length) return;  // it may be open
  names = [...senders.keys()].sort((one, other) => one.localeCompare(other));
  $('sender').replaceChildren(el('option', {value: ''}, 'all senders'),
    ...names.map((name, at) => el('option', {value: String(at)}, `${name} (${senders.get(name)})`)));
  const [chosenOne] = chosenSenders(query);
  $('sender').value = chosenOne ? String(names.indexOf(chosenOne)) : '';
}

const noneOf = new Map();  // by a list, of how many items it was said last that none match

// Say how many of a list's items are shown, and that there is none if so, or what is wrong with the search.
function describe(list) {
  const shown = list.shown.length;
  const all = list.all.length;
  const fault = faultOf(list);
  const unknown = fault || (!list.isWhole ? 'loading…' : [SEARCHED[view], shownList()].includes(list) ? searching : '');
  $(`shown-${list.name}`).textContent = unknown || (shown === all ? '' : `${shown} of ${all}`);
  const none = $(`none-${list.name}`);
  none.hidden = shown > 0 || !all || Boolean(unknown);
  if (none.hidden || noneOf.get(list) === all) return;
  noneOf.set(list, all);
  none.replaceChildren(el('p', {}, `0 of ${all} ${list.name} match.`), el('div', {class: 'acts'}, button('Show all', clearAll)));
}

const SEARCHED = {deliveries, incidents};  // the lists of which the server knows more, by their views

// Return the list that is shown, if the view has one.
export const shownList = () => (areLanesShown() ? lanes : SEARCHED[view]);

// Look again for what passes the search.
export function filterLists() {
  if (view === 'deliveries') deliveries.filter();
  incidents.filter();
  if (areLanesShown()) lanes.filter();
}

let typing = null;
let asked = '';  // the view and the text that were searched for last
let searching = '';  // why it is not known yet what the server has found, or ''
let toTheEnd = '';  // what was searched for to their ends

// Find the deliveries or incidents that have the words of the search in their bodies or details, which only the server knows.
export function searchBodies(pauseMs = TYPING_MS) {
  const text = SEARCHED[view] ? wantedQuery().words.join(' ') : '';
  const wanted = text && `${view} ${text}`;
  if (wanted === asked && (typing || !text)) return;
  clearTimeout(typing);
  if (wanted !== asked) {
    for (const list of [deliveries, incidents]) list.found = new Set();
    searching = text ? 'searching…' : '';
    setUnsearched(0);
  }
  asked = wanted;
  typing = text ? setTimeout(() => find(view, text), pauseMs) : null;
}

// Offer to search so many long bodies to their ends.
function setUnsearched(count) {
  $('search-ends').hidden = !count;
  $('search-ends').textContent = `Search the ${count === 1 ? 'end of a long body' : `ends of ${count} long bodies`}`;
}

function askForUnsearched(isWanted) {
  const note = ({length}) => { if (isWanted()) setUnsearched(length); };
  ask('GET', 'deliveries/cut').then(note, () => {});  // the connection is lost
}

// Search the long bodies to their ends, which may take a while.
function searchEnds() {
  toTheEnd = asked;
  searching = 'searching…';
  setUnsearched(0);
  deliveries.describe();
  find('deliveries', wantedQuery().words.join(' '));
}

async function find(name, text) {
  typing = null;
  const end = toTheEnd === asked ? '&to=end' : '';
  const isWanted = () => asked === `${name} ${text}` && Boolean(end) === (toTheEnd === asked);  // no other search has begun
  const found = await ask('GET', `${name}/search?text=${encodeURIComponent(text)}${end}`).catch(() => null);
  if (!isWanted()) return;
  if (found && name === 'deliveries' && !end) askForUnsearched(isWanted);
  searching = found ? '' : 'headers and bodies not searched: no connection';
  const list = SEARCHED[name];
  list.found = new Set(found);
  const shown = new Set(list.shown.map((item) => list.keyOf(item)));
  const isShownWhole = found?.every((key) => shown.has(key) || !list.keys.has(key));
  if (isShownWhole) list.describe(); else list.filter();  // what is shown stays in its order
  if (areLanesShown()) lanes.filter();
}

export function startFilters() {
  clearAll = () => {
    searchFor('');
    shownList().box.focus();
  };
  for (const kind of KINDS) {
    const made = button(kind, () => toggle('became', kind));
    made.dataset.kind = kind;
    made.append(' ', el('span', {class: 'count'}));
    pressable.set(kind, made);
    $('kinds').append(made);
  }
  $('filters').append(button('', searchEnds, {id: 'search-ends', class: 'quiet', hidden: true,
    title: 'Of a long body only the first 1 MiB was searched'}));
  $('filters').append(el('span', {class: 'keep'}, ...listButtons()));
  $('sender').addEventListener('change', () => {
    const name = names[$('sender').value];
    searchFor(withValues(wantedQuery(), 'sender', name === undefined ? [] : [name === NO_SENDER ? '' : name]));
  });
  $('sender').addEventListener('blur', () => drawSenders(count()));
  deliveries.describe = () => {
    const counted = count();
    drawKinds(counted);
    drawSenders(counted);
    $('filters').hidden = !deliveries.all.length;
    offerSending();
    describe(deliveries);
  };
  for (const list of [incidents, lanes]) {
    list.describe = () => {
      $('open-only').setAttribute('aria-pressed', String(isOpenOnly()));
      describe(list);
    };
  }
  const help = ([name, {example}]) => [el('dt', {}, el('code', {}, `${name}:`)), el('dd', {}, example)];
  $('terms').append(...Object.entries(TERMS).flatMap(help));
}
