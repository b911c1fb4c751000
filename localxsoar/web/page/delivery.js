// One delivery, and what can be done with it.
import {choose, chosen, isOpened} from './address.js';
import {curlCommand, fileName, isInFile} from './curl.js';
import {drawChecks, drawCopies, drawOrigin} from './checks.js';
import {drawComparison} from './compare.js';
import {became, deliveries, incidentsOf, tone} from './deliveries.js';
import {backButton, drawDetail} from './detail.js';
import {$, button, copy, el} from './dom.js';
import {edit, hasDraft} from './edit.js';
import {revealHit} from './hits.js';
import {day, duration, size} from './format.js';
import {drawIncident, drawIncidentTable} from './incident.js';
import {exportLink, recipeButton, shareLink} from './keep.js';
import {drawLine} from './log.js';
import {shortened} from './long.js';
import {closeNaming, drawNaming, isNaming, nameButton} from './naming.js';
import {opened, setOpened} from './opened.js';
import {nextTask} from './pace.js';
import {resendButtons, showFailure} from './resend.js';
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
  if (request.isStale) { await openDelivery(number, shows); return; }
  const isOther = opened?.number !== found.number;
  const isSame = !isOther && isEdited();
  setOpened(found instanceof Error ? null : found);
  if (!opened) {
    closeNaming();
    drawDetail('delivery', el('p', {class: 'dim'}, found.message));
    return;
  }
  opened.shows = Boolean(shows);
  if (!isSame) drawOpened();
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
  return el('div', {id: 'delivery-log'}, el('p', {class: 'dim'}, log?.length ? 'What was logged of this delivery.' : log ? 'Nothing was logged of this delivery.' : ''), el('div', {class: 'lines'}, (log || []).map(drawLine)));
}

const isEdited = () => Boolean($('delivery').querySelector('form')) || isNaming();

const CHANGING = ['kind', 'missing', 'incidents', 'chain'];  // what may change of a delivery that is open

// Take note of a delivery that is new or has changed: it may be the one that is open, or is about to be.
export function noteDelivery(item) {
  if (asking?.number === item.number) asking.isStale = true;
  else if (opened?.number === item.number && CHANGING.some((name) => JSON.stringify(opened[name]) !== JSON.stringify(item[name]))) refresh();
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
  for (const name of ['delivery', 'incident']) {
    $(name).hidden = true;
    $(name).closest('.split').classList.remove('opened');
  }
  setOpened(null);
  closeNaming();
  drawEmpty();
}

export function drawOpened() {
  const item = opened;
  if (chosen('words') && !item.isRemoved) return drawNaming(item, drawOpened);
  const result = el('p', {class: `result ${tone(item)}`}, el('span', {}, ...became(item, true)));
  const ids = incidentsOf(item);
  const parts = [['request', 'Request'], ['response', 'Response'],
    ...(ids.length ? [['incident', ids.length > 1 ? `Incidents ${ids.length}` : `Incident ${ids[0]}`]] : []),
    ['log', logTitle(item)], ['compare', 'Compare']];
  const part = parts.some(([name]) => name === chosen('tab')) ? chosen('tab') : 'request';
  const body = el('div');
  const [recipe, ...notes] = recipeButton(item);
  const tabs = el('div', {class: 'tabs', role: 'group', 'aria-label': 'Parts of the delivery'}, ...parts.map(([name, label]) => {
    const tab = button(label, () => { choose({tab: name === 'request' ? '' : name}); drawOpened(); }, {id: `part-${name}`});
    if (name === part) tab.setAttribute('aria-current', 'true');
    return tab;
  }), el('span', {class: 'files'}, recipe, shareLink(item), exportLink(item)));
  if (part === 'incident' && ids.length > 1) drawIncidentTable(ids, body);
  else if (part === 'incident') drawIncident(ids[0], body);
  else if (part === 'log') body.append(drawLines(item));
  else if (part === 'compare') body.append(drawComparison(item));
  else drawMessage(part, body);
  const original = item.chain.find(({delivery}) => delivery)?.delivery;
  drawDetail('delivery', backButton('deliveries'),
    el('header', {}, el('h2', {class: 'request'}, `${item.method} `, ...shortened(item.target)),
      el('b', {class: tone(item)}, item.status ? `${item.status} ${item.reason}` : '')),
    el('p', {class: 'meta'}, ...shortened(item.sender || 'unknown sender', 80), ...(item.peer === 'localxsoar' ? [] : [' at ', el('bdi', {}, item.peer)]), (item.kind === 'waiting' ? '' : ` · ${duration(item.milliseconds)}`) + ` · ${size(item.size)} · `
      + `${day(item.started * 1000)}`, item.peer === 'localxsoar' && !item.origin ? ' · sent from here' : ''),
    result, original ? el('p', {class: 'links'}, 'It repeats ', el('a', {id: 'original', href: `#/deliveries/${original}`}, `delivery ${original}`), '.') : null, item.note ? el('p', {class: 'note warn'}, 'Note: ', ...shortened(item.note)) : null, drawOrigin(item), drawCopies(item), drawChecks(item),
    el('div', {class: 'acts'}, ...resendButtons(item, drawOpened), button(hasDraft(item) ? 'Edit… (unsent)' : 'Edit…', () => edit(drawOpened), {id: 'edit', disabled: item.method === '?' || item.isRemoved, title: item.isRemoved ? item.missing : ''}),
      nameButton(item, drawOpened), ...curlButton(item), ...notes),
    tabs, body);
  return null;
}

function drawMessage(part, box) {
  const message = opened[part];
  const masked = message.headers.some((header) => header.masked) || opened.target.includes('•') || opened.shows;
  box.append(
    el('div', {class: 'part'}, el('h3', {}, `Headers ${message.headers.length}`), masked && !opened.isRemoved
      ? button(opened.shows ? 'Hide secrets' : 'Show secrets', () => openDelivery(opened.number, !opened.shows), {class: 'quiet', id: 'secrets'}) : null),
    el('table', {class: 'headers'}, el('tbody', {}, ...message.headers.map((header) => el('tr', {},
      el('th', {scope: 'row'}, header.name), el('td', {}, header.value))))));
  if (part === 'request' && opened.query.length) {
    box.append(el('div', {class: 'part'}, el('h3', {}, `Query parameters ${opened.query.length}`)), drawFields(opened.query));
  }
  const isWhole = opened.is_here && !opened.isRemoved && !(part === 'request' ? opened.missing : message.size > message.kept);
  drawText('Body', message.body, box, {...message, gap: part === 'request' ? opened.missing : '', file: isWhole ? `/localxsoar/deliveries/${opened.number}/${part}.body` : ''});
}

export async function copyCurl() {
  if (!opened || opened.uncopyable) return;
  try {
    const item = opened.is_here ? await ask('GET', `deliveries/${opened.number}?secrets=show`) : opened;
    copy(curlCommand(item), $('copy-curl'));
  } catch (error) { showFailure(error.message); }
}

// Return the button, and what else the command needs or why there is none.
function curlButton(item) {
  /** @type {HTMLElement[]} */
  const drawn = [button('Copy as curl', copyCurl, {id: 'copy-curl', disabled: Boolean(item.uncopyable),
    title: item.uncopyable || (item.request.headers.some((header) => header.masked) ? 'With the secrets that are masked here' : '')})];
  if (item.uncopyable && item.uncopyable !== item.missing) drawn.push(el('span', {class: 'dim reason'}, item.uncopyable));
  else if (!item.uncopyable && isInFile(item.request)) {
    drawn.push(el('span', {class: 'dim reason'}, `The curl command reads the body from the file ${fileName(item.number)}: download it below.`));
  }
  return drawn;
}
