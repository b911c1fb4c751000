// One lane: what happened to a problem, event by event, with its deliveries and incidents.
import {chosen, isOpened} from './address.js';
import {backButton, drawDetail, isDetailShown} from './detail.js';
import {button, el} from './dom.js';
import {day, span} from './format.js';
import {lanes, laneOf, SIGNS, stateOf, titleOf, toneOf} from './lanes.js';
import {shortened} from './long.js';
import {drawSeverity} from './triage.js';

const SHOWN_EVENTS = 100;  // the latest, and then each time as many

function words({kind, delivery, incident, text, isAlike, isLate}) {
  const change = () => (['joined', 'ended'].includes(kind) ? text.replace(incident?.id || '', '').trim() : '');
  const more = kind === 'rejected' ? delivery.status : change();
  const said = ['skipped', 'dropped'].includes(kind) ? text || SIGNS[kind][1] : SIGNS[kind][1];
  return `${said}${more ? `: ${more}` : ''}${isAlike ? ' (same body)' : ''}${isLate ? ' late' : ''}`;
}

// Return a link that compares a delivery with the one before it in the lane.
function compareLink({number}, {number: earlier}) {
  return el('a', {id: `compare-${number}`, href: `#/deliveries?open=${number}&tab=compare&with=${earlier}`,
    'aria-label': `Compare delivery ${number} with delivery ${earlier}`}, 'compare');
}

// Return the name of an event, if it is not that of the lane.
function nameIn(lane, {name, incident}) {
  const own = name || incident?.name || '';
  return own && own !== titleOf(lane) ? el('bdi', {}, own) : '';
}

// Return the time of an event and, after another, only what differs from that and how much later it was.
function drawTime({at}, before) {
  const isSameDay = before && day(before.at).slice(0, 10) === day(at).slice(0, 10);
  const time = el('span', {title: new Date(at).toISOString()}, isSameDay ? day(at).slice(11) : day(at));
  return el('th', {scope: 'row', class: 'when'}, time, ' ', el('span', {class: 'dim'}, before ? `+${span(at - before.at)}` : ''));
}

// Return a link to the delivery of the event at a place, and one to compare it with the delivery before.
function drawDeliveryAt({events}, at) {
  const {delivery} = events[at];
  if (!delivery) return [el('span', {class: 'dim'}, 'delivery not known')];
  const earlier = events.slice(0, at).findLast((each) => each.delivery && each.delivery !== delivery)?.delivery;
  const link = el('a', {id: `of-${at}`, href: `#/deliveries?open=${delivery.number}`}, `delivery ${delivery.number}`);
  return [link, ...(earlier ? [' ', compareLink(delivery, earlier)] : [])];
}

function drawIncidentAt({events}, at) {
  const {incident} = events[at];
  return incident ? [el('a', {id: `to-${at}`, href: `#/incidents/${incident.id}`}, `incident ${incident.id}`), ' '] : [];
}

function drawEvent(lane, at) {
  const event = lane.events[at];
  const {kind, incident} = event;
  const [sign, , color] = SIGNS[kind];
  const tone = incident && !color ? `severity ${toneOf(kind, lane)}` : toneOf(kind, lane);
  return el('tr', {}, drawTime(event, lane.events[at - 1]),
    el('td', {class: 'what'}, el('b', {class: tone, 'aria-hidden': 'true'}, sign), ' ', words(event)),
    el('td', {class: 'which'}, ...drawDeliveryAt(lane, at)),
    el('td', {class: 'wide'}, ...drawIncidentAt(lane, at), nameIn(lane, event)));
}

function drawEvents(lane) {
  let first = lane.events.length;
  const rows = el('tbody');
  const more = button('', () => {
    const from = Math.max(0, first - SHOWN_EVENTS);
    rows.prepend(...lane.events.slice(from, first).map((_, at) => drawEvent(lane, from + at)));
    first = from;
    more.textContent = `show ${Math.min(first, SHOWN_EVENTS)} of ${first} earlier`;
    more.hidden = !first;
  }, {class: 'quiet', id: 'earlier'});
  more.click();
  const heads = ['Time', 'What', 'Delivery', 'Incident'].map((name) => el('th', {scope: 'col'}, name));
  return [more, el('table', {class: 'several events stacked'}, el('thead', {}, el('tr', {}, ...heads)), rows)];
}

// Return since when a problem is open, or how long it lasted.
function lasting({problem, isOpen, events}) {
  const begin = events.findLast(({kind}) => kind === 'created');
  const end = events.at(-1);
  if (!problem || !begin) return '';
  if (isOpen) return `since ${day(begin.at)}`;
  return ['end', 'ended'].includes(end.kind) ? `after ${span(end.at - begin.at)}` : '';
}

function drawMeta({problem, source, sender}) {
  return el('p', {class: 'meta'}, ...(problem ? ['problem ', el('code', {}, problem), ' · '] : []),
    ...(source ? ['source ', el('bdi', {}, source)] : []), ...(source && sender ? [' · '] : []), el('bdi', {}, sender));
}

function drawTriage(lane) {
  return el('p', {class: 'triage'}, el('span', {}, 'severity ', drawSeverity(lane)),
    el('span', {}, el('b', {class: lane.isOpen ? '' : 'good'}, stateOf(lane)), ` ${lasting(lane)}`));
}

function drawLane(lane) {
  return el('div', {}, el('h2', {}, ...shortened(titleOf(lane))), drawMeta(lane), lane.problem ? drawTriage(lane) : null,
    el('div', {class: 'part'}, el('h3', {}, `Events ${lane.events.length}, oldest first`)), ...drawEvents(lane));
}

let drawn = '';  // what is shown

function signature(lane) {
  if (!lane) return '';
  const {key, events, incidents} = lane;
  return JSON.stringify([key, titleOf(lane), events.length, events.at(-1).at, incidents.map(({status}) => status).join('')]);
}

export function openLane(key) {
  const lane = laneOf(key);
  drawn = signature(lane);
  if (lane) lanes.select(lane.key);
  const none = () => el('p', {class: 'dim'}, 'None of its incidents or deliveries is listed here.');
  drawDetail('incident', backButton('incidents'), lane ? drawLane(lane) : none());
}

// Show what has changed in the lane that is open.
lanes.refreshed = () => {
  const key = chosen('open');
  if (!key.startsWith('lane-') || !isOpened('incidents', key) || !isDetailShown('incident')) return;
  if (signature(laneOf(key)) !== drawn) openLane(key);
};
