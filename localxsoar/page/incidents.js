// The list of incidents.
import {$, el, spaced} from './dom.js';
import {day} from './format.js';
import {Lines} from './lines.js';
import {cut} from './long.js';
import {drawSeverity, drawState, severity, state} from './triage.js';
import {go} from './views.js';

const column = (name, text) => el('bdi', {class: name, title: cut(text, 1000)}, cut(text));

const ORDERS = {
  severity: (one, other) => (other.severity || 0) - (one.severity || 0),
  occurred: (one, other) => Date.parse(other.occurred) - Date.parse(one.occurred),
};

function drawLine(item) {
  return el('div', {class: 'incident'}, ...spaced(el('span', {class: 'id'}, item.id), drawSeverity(item), drawState(item), column('became', item.name),
    column('type', item.type), column('owner', item.owner), el('span', {class: 'occurred', title: item.occurred}, day(item.occurred)),
    column('problem', item.dbotMirrorId)));
}

export const incidents = new Lines('incidents', 'id', drawLine,
  (item) => [item.id, severity(item), state(item), item.name, item.type, item.owner, item.occurred, item.dbotMirrorId, item.sourceInstance].join(' '),
  (item) => go(`incidents/${item.id}`));

export function sortIncidents() { incidents.sort(ORDERS[$('sort').value]); }
