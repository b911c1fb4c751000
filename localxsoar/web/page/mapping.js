// A preview of a mapping: one path in the details of an incident, filled from the latest incidents of the same sender
// or, if its delivery is not kept here, of the same instance.
import {deliveries} from './deliveries.js';
import {button, copy, el} from './dom.js';
import {incidents} from './incidents.js';
import {ask} from './server.js';

const SHOWN = 20;

// Return a path as XSOAR's mapper and its transform language write it: an index is in brackets.
export function mapperPath(keys) {
  return keys.map(({key, isIndex}) => (isIndex ? `[${key}]` : key)).join('.');
}

// Return the sender or the instance of an incident, and the ids of its latest incidents.
function sameSource(id) {
  const own = deliveries.all.find((item) => item.incidents.includes(id));
  const item = incidents.all.find((each) => each.id === id);
  const ofSender = () => deliveries.all.filter(({kind, sender}) => kind === 'created' && sender === own.sender)
    .flatMap((each) => [...each.incidents].reverse());
  const ofInstance = () => incidents.all.filter((each) => each.sourceInstance === item?.sourceInstance).map((each) => each.id);
  const ids = [...new Set(own ? ofSender() : ofInstance())].slice(0, SHOWN);
  return {source: own ? own.sender || 'unknown senders' : item?.sourceInstance || '', ids: ids.length ? ids : [id]};
}

function drawRow({id, value}) {
  const shown = value === null ? el('span', {class: 'dim'}, 'nothing at this path, or too large to read') : el('bdi', {}, value);
  return el('tr', {}, el('th', {scope: 'row'}, el('a', {href: `#/incidents/${id}`}, id)), el('td', {class: 'wide'}, shown));
}

// Draw the preview below the value that was picked in the tree.
export async function preview(id, keys, below) {
  const {source, ids} = sameSource(id);
  const path = mapperPath(keys);
  const isPlain = keys.every(({key, isIndex}) => isIndex || /^[^.[\]()=\s]+$/.test(key));
  const box = el('section', {class: 'mapping', 'aria-label': `Mapping preview of ${path}`});
  document.querySelector('.mapping')?.remove();
  below.closest('.values').append(box);
  const query = new URLSearchParams({ids: ids.join(','), path: JSON.stringify(keys.map(({key}) => key))});
  const rows = await ask('GET', `incidents/values?${query}`).catch((error) => error);
  if (rows instanceof Error) return box.append(el('p', {class: 'wrong', role: 'alert'}, rows.message));
  const filled = rows.filter(({value}) => value !== null && value !== '').length;
  const close = button('Close', () => { box.remove(); below.querySelector('.map').focus(); }, {class: 'quiet'});
  const copies = button('Copy path', (event) => copy(path, event.target), {id: 'copy-path'});
  const warning = 'A key in this path has characters that a path cannot hold: XSOAR may read it otherwise.';
  const said = rows.length === 1 ? [filled ? 'It has a value in this incident.' : 'It has no value in this incident.']
    : [`It has a value in ${filled} of the last ${rows.length} incidents of `, el('bdi', {}, source), '.'];
  box.append(el('div', {class: 'part'}, el('code', {}, path), el('span', {}, copies, close)),
    ...(isPlain ? [] : [el('p', {class: 'warn'}, warning)]), el('p', {role: 'status'}, ...said),
    el('table', {class: 'several'}, el('tbody', {}, ...rows.map(drawRow))));
  return box.querySelector('#copy-path').focus();
}
