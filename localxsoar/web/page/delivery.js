// One delivery, and what can be done with it.
import {choose, chosen, isOpened} from './address.js';
import {drawChecks, drawCopies, drawOrigin} from './checks.js';
import {drawComparison} from './compare.js';
import {became, deliveries, incidentsOf, tone} from './deliveries.js';
import {backButton, drawDetail, hideDetails} from './detail.js';
import {$, button, el} from './dom.js';
import {revealHit} from './hits.js';
import {day, duration, size} from './format.js';
import {drawIncident, drawIncidentTable} from './incident.js';
import {drawLine} from './log.js';
import {shortened} from './long.js';
import {drawActs} from './more.js';
import {closeNaming, drawNaming, isNaming} from './naming.js';
import {opened, setOpened} from './opened.js';
import {nextTask} from './pace.js';
import {ask} from './server.js';
import {drawFields, drawText} from './text.js';
import {drawEmpty} from './try.js';

let asking = null;  // the delivery that the server is asked for, and whether it has changed meanwhile
const LARGE_BYTES = 100000;

export async function openDelivery(number, shows) {
  const path = `deliveries/${number}`;
  const request = asking = {number: Number(number), isStale: false};
  const found = await ask('GET', shows ? `${path}?secrets=show` : path).catch((error) => error);
  if (found.request?.size > LARGE_BYTES) await nextTask();  // reading and drawing it are two tasks
  if (asking !== request || !isOpened('deliveries', number)) return;  // the user has opened something else meanwhile
  asking = null;
  if (request.isStale) await openDelivery(number, shows);
  else if (found instanceof Error) showNone(found.message);
  else showFound(found, Boolean(shows));
}

function showNone(reason) {
  setOpened(null);
  closeNaming();
  drawDetail('delivery', el('p', {class: 'dim'}, reason));
}

function showFound(found, shows) {
  const isOther = opened?.number !== found.number;
  const isKept = !isOther && isEdited();
  setOpened(Object.assign(found, {shows}));
  if (!isKept) drawOpened();
  if (isOther) revealHit($('delivery'));
  drawEmpty();
  loadLog();
}

const GATHERING_MS = 300;
let gathering = null;

// Take note of a new line of the log, which may belong to the delivery that is open.
export function noteLine({delivery}) {
  if (!opened || gathering || delivery !== opened.number) return;
  gathering = setTimeout(() => { gathering = null; loadLog(); }, GATHERING_MS);
}

// Show the lines of the log that belong to the delivery that is open.
async function loadLog() {
  const item = opened;
  const lines = item && await ask('GET', `deliveries/${item.number}/log`).catch(() => null);
  if (!lines || opened !== item || JSON.stringify(lines) === JSON.stringify(item.log)) return;
  item.log = lines;
  const tab = $('part-log');
  if (tab) tab.textContent = logTitle(item);
  if ($('delivery-log')) $('delivery-log').replaceWith(drawLines(item));
}

const logTitle = ({log}) => (log?.length ? `Log ${log.length}` : 'Log');

function drawLines({log}) {
  const said = !log ? '' : `${log.length ? 'What' : 'Nothing'} was logged of this delivery.`;
  return el('div', {id: 'delivery-log'}, el('p', {class: 'dim'}, said), el('div', {class: 'lines'}, (log || []).map(drawLine)));
}

const isEdited = () => Boolean($('delivery').querySelector('form')) || isNaming();

const CHANGING = ['kind', 'missing', 'incidents', 'chain'];  // what may change of a delivery that is open

// Take note of a delivery that is new or has changed: it may be the one that is open, or is about to be.
export function noteDelivery(item) {
  const hasChanged = (name) => JSON.stringify(opened[name]) !== JSON.stringify(item[name]);
  if (asking?.number === item.number) asking.isStale = true;
  else if (opened?.number === item.number && CHANGING.some(hasChanged)) refresh();
}

// Show what has changed in the delivery that is open, unless it is being edited.
export function refresh() { if (!isEdited()) openDelivery(opened.number, opened.shows); }

// Show what is known now that all deliveries have been loaded.
export function noteWhole() {
  deliveries.changed = true;
  deliveries.plan();
  if (opened && chosen('tab') === 'compare' && !isEdited()) drawOpened();
}

export function noteRemoval() {
  opened.missing = 'This delivery is no longer kept.';
  opened.uncopyable = opened.unsavable = opened.missing;
  opened.isRemoved = true;
  if (!isEdited()) drawOpened();
}

export function closeDetail() {
  hideDetails();
  setOpened(null);
  closeNaming();
  drawEmpty();
}

// Return the parts of a delivery by their names: what the tab of each is called, and what draws it into a box.
function partsOf(item) {
  const ids = incidentsOf(item);
  const incident = ids.length > 1 ? [`Incidents ${ids.length}`, (box) => drawIncidentTable(ids, box)]
    : [`Incident ${ids[0]}`, (box) => drawIncident(ids[0], box)];
  return {
    request: ['Request', (box) => drawRequest(item, box)],
    response: ['Response', (box) => drawResponse(item, box)],
    ...(ids.length ? {incident} : {}),
    log: [logTitle(item), (box) => box.append(drawLines(item))],
    compare: ['Compare', (box) => box.append(drawComparison(item))],
  };
}

function drawTabs(parts, shown) {
  const tabs = Object.entries(parts).map(([name, [label]]) => {
    const tab = button(label, () => { choose({tab: name === 'request' ? '' : name}); drawOpened(); }, {id: `part-${name}`});
    if (name === shown) tab.setAttribute('aria-current', 'true');
    return tab;
  });
  const options = {class: 'tabs', role: 'group', 'aria-label': 'Parts of the delivery'};
  return el('div', options, ...tabs);
}

function drawMeta({sender, peer, kind, milliseconds, size: bytes, started, origin}) {
  const isFromHere = peer === 'localxsoar';
  const facts = [...(kind === 'waiting' ? [] : [duration(milliseconds)]), size(bytes), day(started * 1000),
    ...(isFromHere && !origin ? ['sent from here'] : [])];
  return el('p', {class: 'meta'}, ...shortened(sender || 'unknown sender', 80),
    ...(isFromHere ? [] : [' at ', el('bdi', {}, peer)]), ...facts.map((fact) => ` · ${fact}`));
}

function drawOriginal({chain}) {
  const original = chain.find(({delivery}) => delivery)?.delivery;
  if (!original) return null;
  const link = el('a', {id: 'original', href: `#/deliveries/${original}`}, `delivery ${original}`);
  return el('p', {class: 'links'}, 'It repeats ', link, '.');
}

export function drawOpened() {
  const item = opened;
  if (chosen('words') && !item.isRemoved) return drawNaming(item, drawOpened);
  const parts = partsOf(item);
  const part = Object.hasOwn(parts, chosen('tab')) ? chosen('tab') : 'request';
  const body = el('div');
  const [, draw] = parts[part];
  draw(body);
  drawDetail('delivery', backButton('deliveries'),
    el('header', {}, el('h2', {class: 'request'}, `${item.method} `, ...shortened(item.target)),
      el('b', {class: tone(item)}, item.status ? `${item.status} ${item.reason}` : '')),
    drawMeta(item), el('p', {class: `result ${tone(item)}`}, el('span', {}, ...became(item, true))), drawOriginal(item),
    item.note ? el('p', {class: 'note warn'}, 'Note: ', ...shortened(item.note)) : null,
    drawOrigin(item), drawCopies(item), drawChecks(item),
    drawActs(item, drawOpened), drawTabs(parts, part), body);
  return null;
}

function drawHeaders(item, headers, box) {
  const isMasked = headers.some((header) => header.masked) || item.target.includes('•') || item.shows;
  const secrets = isMasked && !item.isRemoved ? button(item.shows ? 'Hide secrets' : 'Show secrets',
    () => openDelivery(item.number, !item.shows), {class: 'quiet', id: 'secrets'}) : null;
  const row = ({name, value}) => el('tr', {}, el('th', {scope: 'row'}, name), el('td', {}, value));
  box.append(el('div', {class: 'part'}, el('h3', {}, `Headers ${headers.length}`), secrets),
    el('table', {class: 'headers'}, el('tbody', {}, ...headers.map(row))));
}

// Return where the bytes of a message can be downloaded, or ''.
function fileOf({number, is_here: isHere, isRemoved}, name) {
  return isHere && !isRemoved ? `/localxsoar/deliveries/${number}/${name}` : '';
}

function drawRequest(item, box) {
  const {request, query, missing} = item;
  drawHeaders(item, request.headers, box);
  if (query.length) box.append(el('div', {class: 'part'}, el('h3', {}, `Query parameters ${query.length}`)), drawFields(query));
  drawText('Body', request.body, box, {...request, gap: missing, file: missing ? '' : fileOf(item, 'request.body')});
}

function drawResponse(item, box) {
  const {response} = item;
  drawHeaders(item, response.headers, box);
  drawText('Body', response.body, box, {...response, file: response.size > response.kept ? '' : fileOf(item, 'response.body')});
}
