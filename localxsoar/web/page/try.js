// Samples of known senders, to try.
import {go} from './address.js';
import {deliveries} from './deliveries.js';
import {$, button, copy, el} from './dom.js';
import {once} from './once.js';
import {opened} from './opened.js';
import {ask} from './server.js';
import {instance, missed, own} from './state.js';

const KINDS = {siem: 'SIEM', cloud: 'Cloud', identity: 'Identity', edr: 'EDR', code: 'Code', monitoring: 'Monitoring',
  chat: 'Chat', tickets: 'Tickets', other: 'Others'};

let senders = [];

export function setSenders(known) { senders = known; }

function tryButton(sender, label, title, wrong, options) {
  return button(label, (event) => once(event.target, [], async () => {
    wrong.textContent = '';
    try {
      go(`deliveries/${(await ask('POST', own(`senders/${encodeURIComponent(sender.key)}/send`), {title})).number}`);
    } catch (error) { wrong.textContent = error.message; }
  }), options);
}

function drawSender(sender) {
  const wrong = el('p', {class: 'wrong', role: 'alert'});
  return el('div', {class: 'card'}, el('strong', {}, sender.name), el('p', {}, sender.proof),
    el('div', {class: 'acts'}, ...sender.deliveries.map((title) => tryButton(sender, title, title, wrong,
      {'aria-label': `Send ${sender.name}: ${title}`, disabled: Boolean(sender.unusable), title: sender.unusable}))),
  sender.unusable ? el('p', {}, sender.unusable) : null, wrong);
}

function drawKind(label, some) {
  return some.length ? [el('h2', {class: 'kind'}, label), el('div', {class: 'senders'}, ...some.map(drawSender))] : [];
}

function hint(found) {
  if (!senders.length) return 'No senders: start the local XSOAR with --senders DIR.';
  if (!found.length) return `0 of ${senders.length} senders match.`;
  return 'Click to send a documented sample with a valid proof, and see what it becomes.';
}

let drawn = '';  // what the view shows

export function drawTry() {
  const wanted = $('search').value.toLowerCase();
  const shown = `${senders.map((sender) => sender.unusable).join('')}${senders.length} ${wanted}`;
  if (drawn === shown) return;  // a button that is sending stays
  drawn = shown;
  const has = ({name, kind, deliveries: titles}) => `${name} ${kind} ${titles.join(' ')}`.toLowerCase().includes(wanted);
  const found = senders.filter(has);
  $('view-try').replaceChildren(el('p', {class: 'dim'}, hint(found)),
    ...Object.entries(KINDS).flatMap(([kind, label]) => drawKind(label, found.filter((sender) => sender.kind === kind))));
}

// Draw the view, and again if meanwhile another token lets other senders prove that they know it.
export async function refreshTry() {
  drawTry();
  senders = await ask('GET', 'senders').catch(() => senders);
  drawTry();
}

let hadSome = false;  // whether there were deliveries since the page was opened
let drawnFor = '';  // what the hints for an empty list were drawn for

function drawCurl(secrets, wrong) {
  if (!instance.curl) return [];
  const press = async ({target}) => {
    try { copy((await ask('GET', own('curl'))).curl, target); } catch (error) { wrong.textContent = error.message; }
  };
  const needs = "The command may need a header, such as -H 'Authorization: …', because a secret is set:";
  return [el('div', {class: 'curl'}, el('pre', {}, instance.curl), button('Copy', press, {class: 'quiet'})),
    ...(secrets.length && !instance.curl.includes(' -H ') ? [el('p', {}, `${needs} ${secrets.join(', ')}.`)] : [])];
}

function drawFiveSenders(wrong) {
  if (!senders.length) return [];
  const buttons = fiveSenders().map((sender) => tryButton(sender, sender.name, undefined, wrong));
  return [el('p', {}, 'Or send a sample of one of these senders:'),
    el('div', {class: 'acts'}, ...buttons, el('a', {href: '#/try'}, 'all senders'))];
}

export function drawEmpty() {
  hadSome ||= deliveries.all.length > 0;
  const isEmpty = !deliveries.all.length && !opened && !missed.size;
  $('empty').hidden = !isEmpty;
  const secrets = (instance.fields || []).filter((field) => field.secret && field.set).map((field) => field.label);
  const shown = String(senders.length) + (instance.curl || '') + secrets + hadSome;
  if (!isEmpty || drawnFor === shown) return;
  drawnFor = shown;
  const wrong = el('p', {class: 'wrong', role: 'alert'});
  $('empty').replaceChildren(el('h2', {}, hadSome ? 'No deliveries are kept' : 'Nothing has arrived yet'),
    el('p', {}, 'Send a request, and see here what it becomes.'), ...drawCurl(secrets, wrong), ...drawFiveSenders(wrong), wrong);
}

// Return the senders of the first kinds, of each kind the first in the table of senders.
function fiveSenders() {
  const first = (kind) => senders.filter((sender) => sender.kind === kind).sort((one, other) => one.place - other.place)[0];
  return Object.keys(KINDS).map(first).filter(Boolean).slice(0, 5);
}
