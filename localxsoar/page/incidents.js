// The list of incidents, and one of them.
import {deliveries} from './deliveries.js';
import {backButton} from './detail.js';
import {$, el} from './dom.js';
import {day} from './format.js';
import {Lines} from './lines.js';
import {ask} from './server.js';
import {drawText} from './text.js';
import {go} from './views.js';

const SEVERITIES = {0.5: 'info', 1: 'low', 2: 'medium', 3: 'high', 4: 'critical'};

function triage(item) {
  const severity = SEVERITIES[item.severity] || '';
  return [el('span', {class: `severity ${severity}`}, severity), item.state ? el('bdi', {class: 'good'}, item.state) : null];
}

export const incidents = new Lines('incidents', 'id', (item) => {
  const [severity, state] = triage(item);
  return el('div', {class: 'incident'}, el('span', {class: 'id'}, item.id), severity,
    el('span', {class: 'became', title: item.name}, state, state ? ' ' : '', el('bdi', {}, item.name)), el('span', {class: 'type'}, item.type),
    el('span', {class: 'occurred', title: item.occurred}, day(item.occurred)), el('span', {class: 'source'}, item.sourceInstance));
},
(item) => `${item.id} ${SEVERITIES[item.severity] || ''} ${item.state} ${item.name} ${item.type} ${item.occurred} ${item.sourceInstance}`, (item) => go(`incidents/${item.id}`));

export async function drawIncident(id, box) {
  let item;
  try { item = await ask('GET', `incidents/${id}`); } catch (error) { return box.append(el('p', {class: 'dim'}, error.message)); }
  const from = deliveries.all.filter((delivery) => delivery.incidents.includes(String(id)));
  box.append(el('h2', {}, item.name), el('p', {class: 'meta'}, `incident ${item.id} · `, el('bdi', {}, item.type), ' · occurred ', el('bdi', {}, day(item.occurred)),
    ' · source ', el('bdi', {}, item.sourceInstance)),
  el('p', {class: 'triage'}, ...triage(item), item.dbotMirrorId ? el('span', {}, 'problem ', el('code', {}, item.dbotMirrorId)) : null));
  if (box.id === 'incident' && from.length) {
    box.append(el('p', {}, 'Delivered by ', ...from.flatMap((delivery, index) => [index ? ', ' : '',
      el('a', {href: `#/deliveries/${delivery.number}`}, el('bdi', {}, delivery.sender || 'a request'), ` at ${day(delivery.started * 1000)}`)])));
  }
  drawText('Details', item.rawJSON, box);
}

export async function openIncident(id) {
  const box = $('incident');
  box.replaceChildren(backButton('incidents'));
  box.hidden = false;
  box.closest('.split').classList.add('opened');
  await drawIncident(id, box);
}
