// One incident, where it came from, and the incidents of one delivery.
import {acts} from './acts.js';
import {isOpened} from './address.js';
import {deliveries, ownOf} from './deliveries.js';
import {backButton, drawDetail} from './detail.js';
import {$, button, el} from './dom.js';
import {day} from './format.js';
import {revealHit} from './hits.js';
import {incidents} from './incidents.js';
import {shortened} from './long.js';
import {preview} from './mapping.js';
import {drawOrigins} from './origins.js';
import {ask} from './server.js';
import {hasPort} from './state.js';
import {drawText} from './text.js';
import {drawSeverity, drawState, problem, severity, state} from './triage.js';
import {isolated} from './visible.js';

const SHOWN_LINKS = 20;
const SHOWN_INCIDENTS = 100;

let opened = '';  // the id of the incident in the detail

const find = (id) => ask('GET', `incidents/${id}`).catch((error) => error);
const failure = (error) => el('p', {class: 'dim'}, error.message);

function list(label, links) {
  if (!links.length) return null;
  return el('p', {}, `${label} `, ...links.slice(0, SHOWN_LINKS).flatMap((link, at) => (at ? [', ', link] : [link])),
    links.length > SHOWN_LINKS ? ` and ${links.length - SHOWN_LINKS} more` : '');
}

const deliveryLink = (item) => el('a', {href: `#/deliveries/${item.number}`}, `delivery ${item.number} (`,
  el('bdi', {}, item.sender || 'unknown sender'), `, ${day(item.started * 1000)})`);
const incidentLink = (item) => el('a', {href: `#/incidents/${item.id}`, title: item.name},
  `incident ${item.id} (${severity(item)}, ${state(item)})`);

// Return a link to the delivery of an act, and what that changed.
function actorOf({delivery, at, text}) {
  const item = deliveries.all.find(({number}) => number === delivery);
  const unlinked = () => `${delivery ? `delivery ${delivery}` : 'no known delivery'} (${day(at * 1000)})`;
  return el('span', {}, item ? deliveryLink(item) : unlinked(), text ? `: ${text}` : '');
}

const UNKNOWN = 'Which delivery it came from is not known: it is no longer kept, or its sender had left.';
const LOADING = 'Older deliveries are still being loaded.';

// Return links to the deliveries of an incident, and to the other incidents of its problem.
function drawLinks(item) {
  const from = deliveries.all.filter((delivery) => delivery.incidents.includes(item.id)).reverse();
  const alike = incidents.all.filter((each) => problem(item) && problem(each) === problem(item) && each.id !== item.id);
  const isCreator = (delivery) => ownOf(delivery).includes(item.id);
  const actors = (word) => acts.filter((act) => act.incident === item.id && act.word === word).map(actorOf);
  const repeats = from.filter((each) => !isCreator(each));
  return el('div', {class: 'links'}, list('Created by', from.filter(isCreator).map(deliveryLink)),
    list('Joined by', actors('joined')), list('Ended by', actors('ended')), list('Repeated by', repeats.map(deliveryLink)),
    from.length || !hasPort(item.sourceInstance) ? null : el('p', {class: 'dim'}, deliveries.isWhole ? UNKNOWN : LOADING),
    list('Same problem:', alike.map(incidentLink)));
}

function drawValues(title, values) {
  if (!values.length) return [];
  return [el('div', {class: 'part'}, el('h3', {}, `${title} ${values.length}`)), el('table', {class: 'headers'}, el('tbody', {},
    ...values.map(({name, value}) => el('tr', {}, el('th', {scope: 'row'}, name), el('td', {}, value)))))];
}

function drawEntries(entries) {
  if (!entries.length) return [];
  return [el('div', {class: 'part'}, el('h3', {}, `War Room ${entries.length}`)),
    ...entries.map((text) => el('pre', {class: 'note-entry'}, isolated(text)))];
}

function drawMeta({id, type, occurred, sourceInstance}) {
  return el('p', {class: 'meta'}, `incident ${id} · `, el('bdi', {}, type), ' · occurred ',
    el('bdi', {title: occurred}, day(occurred)), ' · source ', el('bdi', {}, sourceInstance));
}

function drawTriage(item) {
  const {id, owner, dbotMirrorId: key} = item;
  const lane = () => el('a', {id: 'lane', href: `#/incidents/lane-${id}`, title: 'All that happened to this problem'},
    el('code', {}, key));
  return el('p', {class: 'triage'}, el('span', {}, 'severity ', drawSeverity(item)), el('span', {}, 'state ', drawState(item)),
    owner ? el('span', {}, 'owner ', el('bdi', {}, owner)) : null, key ? el('span', {}, 'problem ', lane()) : null);
}

function drawParts(item, title, box) {
  const creator = deliveries.all.find((delivery) => ownOf(delivery).includes(item.id));
  box.append(el('h2', {}, ...title), drawMeta(item), drawTriage(item), drawOrigins(item, creator),
    drawLinks(item), ...drawEntries(item.entries), ...drawValues('Labels', item.labels));
  drawText('Raw details', item.rawJSON, box, {pick: (keys, below) => preview(item.id, keys, below)});
  box.append(...drawValues('Fields', item.fields));
}

// Draw an incident below its delivery.
export async function drawIncident(id, box) {
  const item = await find(id);
  if (item instanceof Error) box.append(failure(item));
  else drawParts(item, [el('a', {href: `#/incidents/${id}`}, `incident ${id}`), ' ', ...shortened(item.name)], box);
}

export async function openIncident(id) {
  const item = await find(id);
  if (!isOpened('incidents', id)) return;  // the user has opened something else meanwhile
  const box = el('div');
  if (item instanceof Error) box.append(failure(item)); else drawParts(item, shortened(item.name), box);
  const isOther = opened !== id;
  opened = id;
  drawDetail('incident', backButton('incidents'), box);
  if (isOther) revealHit($('incident'));
}

// Draw the incident that is open again, if an event has changed it.
export function noteAct({incident}) {
  if (incident && incident === opened && isOpened('incidents', incident)) openIncident(incident);
}

// Show a delivery of the incident that is open, which has just ended.
export function linkIncident(delivery) {
  incidents.noteSender(delivery);
  const own = $('search').value ? incidents.all.filter((each) => delivery.incidents.includes(each.id)) : [];
  own.forEach((each) => incidents.add(each));
  if (delivery.incidents.includes(opened)) refreshLinks();
}

// Show the deliveries of the incident that is open as far as they are known now.
export function refreshLinks() {
  const links = $('incident').querySelector('.links');
  const item = incidents.all.find((each) => each.id === opened);
  if (links && item) links.replaceWith(drawLinks(item));
}

// Draw the incidents of a delivery, each with a link.
export function drawIncidentTable(ids, box) {
  const known = new Map(incidents.all.map((item) => [item.id, item]));
  const row = (id) => {
    const item = known.get(id) || {};
    return el('tr', {}, el('th', {scope: 'row'}, el('a', {href: `#/incidents/${id}`}, id)),
      el('td', {}, item.id ? drawSeverity(item) : ''), el('td', {}, item.id ? drawState(item) : ''),
      el('td', {class: 'wide'}, item.name || ''));
  };
  const rows = el('tbody', {}, ...ids.slice(0, SHOWN_INCIDENTS).map(row));
  const showRest = () => { rows.append(...ids.slice(SHOWN_INCIDENTS).map(row)); more.remove(); };
  const more = button(`show ${ids.length - SHOWN_INCIDENTS} more`, showRest, {class: 'quiet'});
  const heads = ['Id', 'Severity', 'State', 'Name'].map((name) => el('th', {scope: 'col'}, name));
  box.append(el('table', {class: 'several'}, el('thead', {}, el('tr', {}, ...heads)), rows),
    ...(ids.length > SHOWN_INCIDENTS ? [more] : []));
}
