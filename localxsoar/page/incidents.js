// The list of incidents, and one of them.
import {deliveries} from './deliveries.js';
import {backButton, drawDetail} from './detail.js';
import {el, spaced} from './dom.js';
import {day} from './format.js';
import {Lines} from './lines.js';
import {shortened} from './long.js';
import {ask} from './server.js';
import {drawText} from './text.js';
import {go} from './views.js';

export const incidents = new Lines('incidents', 'id', (item) => el('div', {class: 'incident'}, ...spaced(el('span', {class: 'id'}, item.id),
  el('span', {class: 'became', title: item.name}, item.name), el('span', {class: 'type'}, item.type),
  el('span', {class: 'occurred', title: item.occurred}, day(item.occurred)), el('span', {class: 'source'}, item.sourceInstance))),
(item) => `${item.id} ${item.name} ${item.type} ${item.occurred} ${item.sourceInstance}`, (item) => go(`incidents/${item.id}`));

export async function drawIncident(id, box, isAlone = false) {
  let item;
  try { item = await ask('GET', `incidents/${id}`); } catch (error) { return box.append(el('p', {class: 'dim'}, error.message)); }
  const from = deliveries.all.filter((delivery) => delivery.incidents.includes(String(id)));
  box.append(el('h2', {}, ...shortened(item.name)), el('p', {class: 'meta'}, `incident ${item.id} · `, el('bdi', {}, item.type), ' · occurred ', el('bdi', {}, day(item.occurred)),
    ' · source ', el('bdi', {}, item.sourceInstance)));
  if (isAlone && from.length) {
    box.append(el('p', {}, 'Delivered by ', ...from.flatMap((delivery, index) => [index ? ', ' : '',
      el('a', {href: `#/deliveries/${delivery.number}`}, el('bdi', {}, delivery.sender || 'a request'), ` at ${day(delivery.started * 1000)}`)])));
  }
  drawText('Details', item.rawJSON, box);
}

export async function openIncident(id) {
  const drawn = el('div');
  await drawIncident(id, drawn, true);
  if (location.hash !== `#/incidents/${id}`) return;  // the user has opened something else meanwhile
  drawDetail('incident', backButton('incidents'), ...drawn.childNodes);
}
