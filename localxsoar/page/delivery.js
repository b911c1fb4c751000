// One delivery, and what can be done with it.
import {curlCommand} from './curl.js';
import {became, tone} from './deliveries.js';
import {backButton, drawDetail} from './detail.js';
import {$, button, copy, el} from './dom.js';
import {day, duration, size} from './format.js';
import {drawIncident} from './incidents.js';
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

function drawOpened() {
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
      + `${day(item.started * 1000)}`, item.peer === 'localxsoar' ? ' · sent from here' : ''),
    result,
    el('div', {class: 'acts'}, button('Send again', sendAgain, {class: 'main'}), button('Edit…', edit),
      button('Copy as curl', copyCurl, {id: 'copy-curl'}),
      item.can_be_signed ? el('span', {class: 'dim'}, 'will be signed again') : null),
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

export async function sendAgain() {
  if (!opened) return;
  try { go(`deliveries/${(await ask('POST', `deliveries/${opened.number}/send`, {})).number}`); } catch (error) { showFailure(error); }
}

function showFailure(error) {
  const result = $('delivery').querySelector('.result');
  if (result) result.replaceChildren(el('span', {class: 'bad'}, error.message));
}

export function edit() {
  if (!opened) return;
  const item = opened;
  const target = el('input', {id: 'edit-target', value: item.target, spellcheck: false});
  const headers = el('textarea', {id: 'edit-headers', rows: Math.min(12, item.request.headers.length + 1), spellcheck: false,
    value: item.request.headers.map((header) => `${header.name}: ${header.value}`).join('\n')});
  let text = item.request.body;
  try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* as it came */ }
  const body = el('textarea', {id: 'edit-body', rows: 16, value: text, spellcheck: false});
  const wrong = el('p', {class: 'wrong', role: 'alert'});
  const send = async (event) => {
    event.preventDefault();
    const lines = headers.value.split('\n').filter((line) => line.includes(':'));
    const edited = {target: target.value, headers: lines.map((line) => [line.slice(0, line.indexOf(':')).trim(),
      line.slice(line.indexOf(':') + 1).trim()])};
    if (body.value !== text) edited.body = body.value;
    try { go(`deliveries/${(await ask('POST', `deliveries/${item.number}/send`, edited)).number}`); } catch (error) { wrong.textContent = error.message; }
  };
  drawDetail('delivery', el('form', {class: 'edit', onsubmit: send}, el('h2', {}, 'Edit and send'),
    el('p', {class: 'dim'}, item.can_be_signed ? `Signed again as ${item.sender} signs. Masked values stay unchanged.`
      : 'Masked values stay unchanged.'),
    el('label', {htmlFor: 'edit-target'}, 'Path and query'), target, el('label', {htmlFor: 'edit-headers'}, 'Headers'), headers,
    el('label', {htmlFor: 'edit-body'}, 'Body'), body, wrong,
    el('div', {class: 'acts'}, el('button', {class: 'main'}, 'Send'), button('Cancel', drawOpened))));
  body.focus();
}

export async function copyCurl(event) {
  if (!opened) return;
  let item = opened;
  try { item = await ask('GET', `deliveries/${opened.number}?secrets=show`); } catch { /* on another machine it stays masked */ }
  copy(curlCommand(item), event ? event.target : $('copy-curl'));
}
