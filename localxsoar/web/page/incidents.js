// The list of incidents.
import {chosen, go, view} from './address.js';
import {deliveries} from './deliveries.js';
import {$, el, spaced} from './dom.js';
import {day} from './format.js';
import {Lines, wantedQuery} from './lines.js';
import {cut} from './long.js';
import {drawSeverity, drawState, isOpen, noteEnd, severity, state} from './triage.js';

const column = (name, text) => el('bdi', {class: name, title: cut(text, 1000)}, cut(text));

const ORDERS = {
  severity: (one, other) => Number(isOpen(other)) - Number(isOpen(one)) || (other.severity || 0) - (one.severity || 0),
  occurred: (one, other) => Date.parse(other.occurred) - Date.parse(one.occurred),
};

function drawLine(item) {
  return el('div', {class: `incident ${isOpen(item) ? '' : 'over'}`}, ...spaced(
    el('span', {class: 'id'}, item.id), drawSeverity(item), drawState(item), column('became', item.name),
    column('type', item.type), column('owner', item.owner),
    el('span', {class: 'occurred', title: item.occurred}, day(item.occurred)),
    column('problem', item.dbotMirrorId), column('source', item.sourceInstance)));
}

const senders = new Map();  // by the id of an incident, the sender of its delivery
const became = new Map();  // by the id of an incident, what deliveries did to it

class Incidents extends Lines {
  set(items) {
    for (const item of items) noteEnd(item);
    super.set(items);
  }

  add(item) {
    const hasEnded = noteEnd(item);
    if (hasEnded) this.texts = new WeakMap();
    const isNew = super.add(item);
    if (hasEnded && (this.order || wantedQuery().terms.length)) this.filter();
    else if (hasEnded) this.redraw();
    return isNew;
  }

  filter() {
    if (view !== 'incidents') return;  // it is done when they are shown
    senders.clear();
    became.clear();
    this.texts = new WeakMap();  // its sender or its state may be another
    for (const delivery of deliveries.all) this.noteSender(delivery);
    super.filter();
  }

  noteSender(delivery) {
    for (const id of delivery.incidents) senders.set(id, delivery.sender || '');
    for (const {word, incidents: ids} of delivery.chain) for (const id of ids) became.set(id, [...became.get(id) || [], word]);
  }
}

// Return what a search looks through.
function textOf(item) {
  const {id, name, type, owner, occurred, dbotMirrorId, sourceInstance} = item;
  const sender = senders.get(id) || '';
  return [id, severity(item), state(item), name, type, owner, occurred, dbotMirrorId, sourceInstance, sender].join(' ');
}

const FACTS = {
  sender: ({id}) => senders.get(id) || '',
  status: (item) => [state(item), isOpen(item) ? 'open' : 'over'],
  severity: (item) => [severity(item)],
  became: ({id}) => became.get(id) || [],
  after: ({occurred}) => Date.parse(occurred),
};

export const incidents = new Incidents('incidents', 'id', drawLine, textOf, (item) => go(`incidents/${item.id}`), FACTS);

export function sortIncidents() { incidents.sort(ORDERS[$('sort').value]); }

export const areIncidentsShown = () => $('sort').value === chosen('sort');

// Show the order and the incidents that the address says.
export function showChosenIncidents() {
  if ($('sort').value !== chosen('sort')) { $('sort').value = chosen('sort'); sortIncidents(); }
  incidents.filter();
}
