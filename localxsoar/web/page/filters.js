// Filters over the lists: what deliveries became and who sent them, each with its count, and the search.
import {choose, chosen, view} from './address.js';
import {deliveries, WORDS} from './deliveries.js';
import {$, button, el} from './dom.js';
import {areIncidentsShown, incidents, showChosenIncidents} from './incidents.js';
import {listButtons} from './keep.js';
import {areLanesShown, lanes, showLanes} from './lanes.js';
import {ask} from './server.js';

const KINDS = [...Object.keys(WORDS), 'handshake', 'other'];
const NO_SENDER = '—';
const TYPING_MS = 150;

const pressable = new Map();  // by kind, its button
let wanted = new Set();  // the kinds that are shown; none means all
let sender = '';
let names = [];  // of the senders, in the order of their options
let clearAll;

// Return what became of a delivery: one word or several.
const kindsOf = ({chain, kind}) => (chain.length ? chain.map(({word}) => word) : [kind === 'handshake' ? kind : 'other']);
const senderOf = (item) => item.sender || NO_SENDER;
const isWantedKind = (item) => !wanted.size || kindsOf(item).some((kind) => wanted.has(kind));
const isWantedSender = (item) => !sender || senderOf(item) === sender;

function press(kind) {
  if (!wanted.delete(kind)) wanted.add(kind);
  choose({kind: [...wanted].join()});
  deliveries.filter();
}

let shownView = '';

// Return whether all that the address says is shown already.
const isShown = () => view === shownView && $('search').value === chosen('q') && (view !== 'log' || $('level').value === chosen('level'))
  && (view !== 'deliveries' || ([...wanted].join() === chosen('kind') && sender === chosen('sender')))
  && (view !== 'incidents' || (areIncidentsShown() && $('as-lanes').getAttribute('aria-pressed') === String(areLanesShown())));

// Show what the address says was searched for and filtered.
export function showChosen() {
  if (isShown()) return;
  shownView = view;
  $('search').value = chosen('q');
  searchBodies();
  $('level').value = chosen('level');
  if (view === 'deliveries') {
    wanted = new Set(chosen('kind').split(',').filter((kind) => KINDS.includes(kind)));
    sender = chosen('sender');
  }
  deliveries.filter();
  if (view === 'incidents') { showChosenIncidents(); showLanes(); } else incidents.filter();
}

// Return how many deliveries each filter would show beside the others, by kind and by sender.
function count() {
  const kinds = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  const senders = new Map();
  for (const item of deliveries.withWords()) {
    if (isWantedSender(item)) for (const kind of new Set(kindsOf(item))) kinds[kind] += 1;
    if (!senders.has(senderOf(item))) senders.set(senderOf(item), 0);
    if (isWantedKind(item)) senders.set(senderOf(item), senders.get(senderOf(item)) + 1);
  }
  if (sender && !senders.has(sender)) senders.set(sender, 0);
  return {kinds, senders};
}

function drawKinds(kinds) {
  for (const [kind, pressed] of pressable) {
    pressed.lastChild.textContent = kinds[kind];
    pressed.hidden = !kinds[kind] && !wanted.has(kind);
    pressed.setAttribute('aria-pressed', String(wanted.has(kind)));
  }
}

function drawSenders(senders) {
  if (document.activeElement === $('sender') && $('sender').options.length) return;  // it may be open
  names = [...senders.keys()].sort((one, other) => one.localeCompare(other));
  $('sender').replaceChildren(el('option', {value: ''}, 'all senders'),
    ...names.map((name, at) => el('option', {value: String(at)}, `${name} (${senders.get(name)})`)));
  $('sender').value = sender ? String(names.indexOf(sender)) : '';
}

// Say how many of a list's items are shown, and that there is none if so.
function describe(list) {
  const shown = list.shown.length;
  const all = list.all.length;
  const unknown = !list.isWhole ? 'loading…' : [SEARCHED[view], shownList()].includes(list) ? searching : '';
  $(`shown-${list.name}`).textContent = unknown || (shown === all ? '' : `${shown} of ${all}`);
  const none = $(`none-${list.name}`);
  none.hidden = shown > 0 || !all || Boolean(unknown);
  if (none.hidden || none.dataset.all === String(all)) return;
  none.dataset.all = all;
  none.replaceChildren(el('p', {}, `0 of ${all} ${list.name} match.`), el('div', {class: 'acts'}, button('Show all', clearAll)));
}

const SEARCHED = {deliveries, incidents};  // the lists of which the server knows more, by their views

// Return the list that is shown, if the view has one.
export const shownList = () => (areLanesShown() ? lanes : SEARCHED[view]);

// Look again for what passes the filters and the search.
export function filterLists() {
  deliveries.filter();
  incidents.filter();
  if (areLanesShown()) lanes.filter();
}

let typing = null;
let asked = '';  // the view and the text that were searched for last
let searching = '';  // why it is not known yet what the server has found, or ''

// Find the deliveries or incidents that have the words of the search in their bodies or details, which only the server knows.
export function searchBodies() {
  const text = SEARCHED[view] ? $('search').value.trim() : '';
  const wanted = text && `${view} ${text}`;
  if (wanted === asked && (typing || !text)) return;
  clearTimeout(typing);
  if (wanted !== asked) {
    for (const list of [deliveries, incidents]) list.found = new Set();
    searching = text ? 'searching…' : '';
  }
  asked = wanted;
  typing = text ? setTimeout(() => find(view, text), TYPING_MS) : null;
}

async function find(name, text) {
  typing = null;
  const found = await ask('GET', `${name}/search?text=${encodeURIComponent(text)}`).catch(() => null);
  if (asked !== `${name} ${text}`) return;
  searching = found ? '' : 'headers and bodies not searched: no connection';
  const list = SEARCHED[name];
  list.found = new Set(found);
  const shown = new Set(list.shown.map((item) => list.keyOf(item)));
  if (found?.every((key) => shown.has(key) || !list.keys.has(key))) list.describe(); else list.filter();  // what is shown stays in its order
  if (areLanesShown()) lanes.filter();
}

export function startFilters() {
  clearAll = () => {
    choose({q: '', kind: '', sender: '', only: ''});
    showChosen();
    shownList().box.focus();
  };
  for (const kind of KINDS) {
    const made = button(kind, () => press(kind));
    made.dataset.kind = kind;
    made.append(' ', el('span', {class: 'count'}));
    pressable.set(kind, made);
    $('kinds').append(made);
  }
  $('filters').append(el('span', {class: 'keep'}, ...listButtons()));
  $('sender').addEventListener('change', () => { sender = names[$('sender').value] || ''; choose({sender}); deliveries.filter(); });
  $('sender').addEventListener('blur', () => drawSenders(count().senders));
  deliveries.accepts = (item) => isWantedKind(item) && isWantedSender(item);
  deliveries.describe = () => {
    const counted = count();
    drawKinds(counted.kinds);
    drawSenders(counted.senders);
    $('filters').hidden = !deliveries.all.length;
    describe(deliveries);
  };
  incidents.describe = () => describe(incidents);
  lanes.describe = () => describe(lanes);
}
