// One delivery, and what can be done with it.
import {curlCommand} from './curl.js';
import {became, tone} from './deliveries.js';
import {backButton, drawDetail} from './detail.js';
import {$, button, copy, el} from './dom.js';
import {edit} from './edit.js';
import {day, duration, size} from './format.js';
import {drawIncident} from './incidents.js';
import {resendButtons} from './resend.js';
import {ask} from './server.js';
import {drawText} from './text.js';
import {go} from './views.js';

export let opened = null;  // the delivery in the detail
let part = 'request';

export async function openDelivery(number, shows) {
  const path = `deliveries/${number}`;
  const found = await ask('GET', shows ? `${path}?secrets=show` : path).catch((error) => error);
  if (location.hash !== `#/${path}`) return;  // the user has opened something else meanwhile
  opened = found instanceof Error ? null : found;
  if (!opened) {
    drawDetail('delivery', el('p', {class: 'dim'}, found.message));
    return;
  }
  opened.shows = Boolean(shows);
  drawOpened();
}

export function closeDetail() {
  for (const name of ['delivery', 'incident']) {
    $(name).hidden = true;
    $(name).closest('.split').classList.remove('opened');
  }
  opened = null;
}

function sentFrom({peer, origin}) {
  if (origin) return [' · sent again: ', el('a', {href: `#/deliveries/${origin}`}, `the original is delivery ${origin}`)];
  return peer === 'localxsoar' ? [' · sent from here'] : [];
}

export function drawOpened() {
  const item = opened;
  const result = el('p', {class: `result ${tone(item)}`}, el('span', {}, ...became(item)));
  const parts = [['request', 'Request'], ['answer', 'Response'],
    ...item.incidents.slice(0, 1).map((number) => ['incident', `Incident ${number}`])];
  if (!parts.some(([name]) => name === part)) part = 'request';
  const body = el('div');
  const tabs = el('div', {class: 'tabs', role: 'group', 'aria-label': 'Parts of the delivery'}, ...parts.map(([name, label]) => {
    const tab = button(label, () => { part = name; drawOpened(); });
    if (name === part) tab.setAttribute('aria-current', 'true');
    return tab;
  }));
  drawDetail('delivery', backButton('deliveries'),
    el('header', {}, el('h2', {class: 'request'}, `${item.method} ${item.target}`),
      el('b', {class: tone(item)}, item.status ? `${item.status} ${item.reason}` : '')),
    el('p', {class: 'meta'}, `${item.sender || 'unknown sender'} · ${duration(item.milliseconds)} · ${size(item.size)} · `
      + `${day(item.started * 1000)}`, ...sentFrom(item)),
    result,
    el('div', {class: 'acts'}, ...resendButtons(item), button('Edit…', edit, {id: 'edit'}),
      button('Copy as curl', copyCurl, {id: 'copy-curl'})),
    tabs, body);
  if (part === 'incident') drawIncident(item.incidents[0], body);
  else drawMessage(item[part], body);
}

function drawMessage(message, box) {
  const masked = message.headers.some((header) => header.masked) || opened.target.includes('•') || opened.shows;
  box.append(
    el('div', {class: 'part'}, el('h3', {}, `Headers ${message.headers.length}`), masked
      ? button(opened.shows ? 'Hide secrets' : 'Show secrets', () => openDelivery(opened.number, !opened.shows), {class: 'quiet'}) : null),
    el('table', {class: 'headers'}, el('tbody', {}, ...message.headers.map((header) => el('tr', {},
      el('th', {scope: 'row'}, header.name), el('td', {}, header.value))))));
  drawText('Body', message.body, box, {is_text: message.is_text, size: message.size, cut: message.cut});
}

export async function copyCurl(event) {
  if (!opened) return;
  let item = opened;
  try { item = await ask('GET', `deliveries/${opened.number}?secrets=show`); } catch { /* on another machine it stays masked */ }
  copy(curlCommand(item), event ? event.target : $('copy-curl'));
}
