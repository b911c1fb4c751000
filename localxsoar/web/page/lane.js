// One lane: what happened to a problem, event by event, with its deliveries and incidents.
import {chosen, isOpened} from './address.js';
import {backButton, drawDetail} from './detail.js';
import {$, button, el} from './dom.js';
import {day} from './format.js';
import {lanes, laneOf, SIGNS, stateOf, titleOf, toneOf} from './lanes.js';
import {shortened} from './long.js';
import {drawSeverity} from './triage.js';

const SHOWN_EVENTS = 100;  // the latest, and then each time as many

// Return a time between two events, such as `40 ms`, `5 s` or `2 h 10 min`.
function span(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  const parts = [['d', Math.floor(seconds / 86400)], ['h', Math.floor(seconds / 3600) % 24], ['min', Math.floor(seconds / 60) % 60], ['s', seconds % 60]];
  const first = parts.findIndex(([, count]) => count);
  return parts.slice(first, first + 2).filter(([, count]) => count).map(([unit, count]) => `${count} ${unit}`).join(' ');
}

function words({kind, delivery, incident, text, isAlike, isLate}) {
  const more = kind === 'rejected' ? delivery.status : ['joined', 'ended'].includes(kind) ? text.replace(incident?.id || '', '').trim() : '';
  const said = ['skipped', 'dropped'].includes(kind) ? text || SIGNS[kind][1] : SIGNS[kind][1];
  return `${said}${more ? `: ${more}` : ''}${isAlike ? ' (same body)' : ''}${isLate ? ' late' : ''}`;
}

// Return a link that compares a delivery with the one before it in the lane.
function compareLink({number}, earlier) {
  return el('a', {id: `compare-${number}`, href: `#/deliveries?open=${number}&tab=compare&with=${earlier.number}`, 'aria-label': `Compare delivery ${number} with delivery ${earlier.number}`}, 'compare');
}

// Return the name of an event, if it is not that of the lane.
function nameIn(lane, {name, incident}) {
  const own = name || incident?.name || '';
  return own && own !== titleOf(lane) ? el('bdi', {}, own) : '';
}

function drawEvent(lane, at) {
  const event = lane.events[at];
  const {kind, delivery, incident} = event;
  const before = lane.events[at - 1];
  const isSameDay = before && day(before.at).slice(0, 10) === day(event.at).slice(0, 10);
  const earlier = lane.events.slice(0, at).findLast((each) => each.delivery && each.delivery !== delivery)?.delivery;
  const sign = el('b', {class: incident && !SIGNS[kind][2] ? `severity ${toneOf(kind, lane)}` : toneOf(kind, lane), 'aria-hidden': 'true'}, SIGNS[kind][0]);
  return el('tr', {}, el('th', {scope: 'row', class: 'when'}, el('span', {title: new Date(event.at).toISOString()}, isSameDay ? day(event.at).slice(11) : day(event.at)), ' ', el('span', {class: 'dim'}, before ? `+${span(event.at - before.at)}` : '')),
    el('td', {class: 'what'}, sign, ' ', words(event)),
    el('td', {class: 'which'}, delivery ? el('a', {id: `of-${at}`, href: `#/deliveries?open=${delivery.number}`}, `delivery ${delivery.number}`) : el('span', {class: 'dim'}, 'delivery not known'),
      delivery && earlier ? [' ', compareLink(delivery, earlier)] : null),
    el('td', {class: 'wide'}, incident ? [el('a', {id: `to-${at}`, href: `#/incidents/${incident.id}`}, `incident ${incident.id}`), ' ', nameIn(lane, event)] : nameIn(lane, event)));
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
  return [more, el('table', {class: 'several events stacked'}, el('thead', {}, el('tr', {}, ...['Time', 'What', 'Delivery', 'Incident'].map((name) => el('th', {scope: 'col'}, name)))), rows)];
}

// Return since when a problem is open, or how long it lasted.
function lasting({problem, isOpen, events}) {
  const begin = events.findLast(({kind}) => kind === 'created');
  const end = events.at(-1);
  if (!problem || !begin) return '';
  if (isOpen) return `since ${day(begin.at)}`;
  return ['end', 'ended'].includes(end.kind) ? `after ${span(end.at - begin.at)}` : '';
}

function drawLane(lane) {
  const {problem, source, sender, isOpen} = lane;
  return el('div', {}, el('h2', {}, ...shortened(titleOf(lane))),
    el('p', {class: 'meta'}, ...(problem ? ['problem ', el('code', {}, problem), ' · '] : []), ...(source ? ['source ', el('bdi', {}, source)] : []), ...(source && sender ? [' · '] : []), el('bdi', {}, sender)),
    problem ? el('p', {class: 'triage'}, el('span', {}, 'severity ', drawSeverity(lane)), el('span', {}, el('b', {class: isOpen ? '' : 'good'}, stateOf(lane)), ` ${lasting(lane)}`)) : null,
    el('div', {class: 'part'}, el('h3', {}, `Events ${lane.events.length}, oldest first`)), ...drawEvents(lane));
}

let drawn = '';  // what is shown
const signature = (lane) => JSON.stringify(lane && [lane.key, titleOf(lane), lane.events.length, lane.events.at(-1).at, lane.incidents.map(({status}) => status).join('')]);

export function openLane(key) {
  const lane = laneOf(key);
  drawn = signature(lane);
  if (lane) lanes.select(lane.key);
  drawDetail('incident', backButton('incidents'), lane ? drawLane(lane) : el('p', {class: 'dim'}, 'None of its incidents or deliveries is listed here.'));
}

// Show what has changed in the lane that is open.
lanes.refreshed = () => {
  const key = chosen('open');
  if (key.startsWith('lane-') && isOpened('incidents', key) && !$('incident').hidden && signature(laneOf(key)) !== drawn) openLane(key);
};
