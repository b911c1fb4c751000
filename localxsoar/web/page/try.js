// Samples of known senders, to try.
import {go} from './address.js';
import {deliveries} from './deliveries.js';
import {$, button, copy, el} from './dom.js';
import {once} from './once.js';
import {opened} from './opened.js';
import {ask} from './server.js';
import {instance, missed, own} from './state.js';

const KINDS = {siem: 'SIEM', cloud: 'Cloud', identity: 'Identity', edr: 'EDR', code: 'Code', monitoring: 'Monitoring', chat: 'Chat',
  tickets: 'Tickets', other: 'Others'};

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

export function drawTry() {
  const wanted = $('search').value.toLowerCase();
  const shown = `${senders.map((sender) => sender.unusable).join('')}${senders.length} ${wanted}`;
  if ($('view-try').dataset.shown === shown) return;  // a button that is sending stays
  $('view-try').dataset.shown = shown;
  const found = senders.filter((sender) => `${sender.name} ${sender.kind} ${sender.deliveries.join(' ')}`.toLowerCase().includes(wanted));
  $('view-try').replaceChildren(el('p', {class: 'dim'}, senders.length && !found.length ? `0 of ${senders.length} senders match.` : senders.length
    ? 'Click to send a documented sample with a valid proof, and see what it becomes.'
    : 'No senders: start the local XSOAR with --senders DIR.'),
  ...Object.entries(KINDS).flatMap(([kind, label]) => {
    const some = found.filter((sender) => sender.kind === kind);
    return some.length ? [el('h2', {class: 'kind'}, label), el('div', {class: 'senders'}, ...some.map(drawSender))] : [];
  }));
}

// Draw the view, and again if meanwhile another token lets other senders prove that they know it.
export async function refreshTry() {
  drawTry();
  senders = await ask('GET', 'senders').catch(() => senders);
  drawTry();
}

let hadSome = false;  // whether there were deliveries since the page was opened

export function drawEmpty() {
  hadSome ||= deliveries.all.length > 0;
  const isEmpty = !deliveries.all.length && !opened && !missed.size;
  $('empty').hidden = !isEmpty;
  const secrets = (instance.fields || []).filter((field) => field.secret && field.set).map((field) => field.label);
  const shown = String(senders.length) + (instance.curl || '') + secrets + hadSome;
  if (!isEmpty || $('empty').dataset.for === shown) return;
  $('empty').dataset.for = shown;
  const wrong = el('p', {class: 'wrong', role: 'alert'});
  const curl = button('Copy', async ({target}) => {
    try { copy((await ask('GET', own('curl'))).curl, target); } catch (error) { wrong.textContent = error.message; }
  }, {class: 'quiet'});
  $('empty').replaceChildren(el('h2', {}, hadSome ? 'No deliveries are kept' : 'Nothing has arrived yet'), el('p', {}, 'Send a request, and see here what it becomes.'),
    ...(instance.curl ? [el('div', {class: 'curl'}, el('pre', {}, instance.curl), curl),
      ...(secrets.length && !instance.curl.includes(' -H ') ? [el('p', {}, `The command may need a header, such as -H 'Authorization: …', because a secret is set: ${secrets.join(', ')}.`)] : [])] : []),
    ...(senders.length ? [el('p', {}, 'Or send a sample of one of these senders:'),
      el('div', {class: 'acts'}, ...fiveSenders().map((sender) => tryButton(sender, sender.name, undefined, wrong)),
        el('a', {href: '#/try'}, 'all senders'))] : []), wrong);
}

// Return the senders of the first kinds, of each kind the first in the table of senders.
function fiveSenders() {
  const first = (kind) => senders.filter((sender) => sender.kind === kind).sort((one, other) => one.place - other.place)[0];
  return Object.keys(KINDS).map(first).filter(Boolean).slice(0, 5);
}
