// Samples of known senders, to try.
import {deliveries} from './deliveries.js';
import {$, button, copy, el} from './dom.js';
import {instance} from './instance.js';
import {ask} from './server.js';
import {go} from './views.js';

const KINDS = {siem: 'SIEM', cloud: 'Cloud', identity: 'Identity', edr: 'EDR', code: 'Code', monitoring: 'Monitoring', chat: 'Chat',
  tickets: 'Tickets', other: 'Others'};

let senders = [];

export function setSenders(known) { senders = known; }

async function trySender(sender, title, wrong) {
  try {
    go(`deliveries/${(await ask('POST', `senders/${encodeURIComponent(sender.key)}/send`, {title})).number}`);
  } catch (error) { wrong.textContent = error.message; }
}

function drawSender(sender) {
  const wrong = el('p', {class: 'wrong', role: 'alert'});
  return el('div', {class: 'card'}, el('strong', {}, sender.name), el('p', {}, sender.proof),
    el('div', {class: 'acts'}, ...sender.deliveries.map((title) => button(title, () => trySender(sender, title, wrong),
      {'aria-label': `Send ${sender.name}: ${title}`}))), wrong);
}

export function drawTry() {
  const wanted = $('search').value.toLowerCase();
  const found = senders.filter((sender) => `${sender.name} ${sender.kind} ${sender.deliveries.join(' ')}`.toLowerCase().includes(wanted));
  $('view-try').replaceChildren(el('p', {class: 'dim'}, senders.length
    ? 'Click to send a real sample with a valid proof, and see what it becomes.'
    : 'No senders: start the local XSOAR with --senders DIR.'),
  ...Object.entries(KINDS).flatMap(([kind, label]) => {
    const some = found.filter((sender) => sender.kind === kind);
    return some.length ? [el('h2', {class: 'kind'}, label), el('div', {class: 'senders'}, ...some.map(drawSender))] : [];
  }));
}

export function drawEmpty() {
  const isEmpty = !deliveries.all.length;
  $('empty').hidden = !isEmpty;
  if (!isEmpty || $('empty').dataset.for === String(senders.length) + (instance.curl || '')) return;
  $('empty').dataset.for = String(senders.length) + (instance.curl || '');
  const wrong = el('p', {class: 'wrong', role: 'alert'});
  const curl = button('Copy', async (event) => { copy((await ask('GET', 'curl')).curl, event.target); }, {class: 'quiet'});
  $('empty').replaceChildren(el('h2', {}, 'Nothing has arrived yet'), el('p', {}, 'Send a request, and see here what it becomes.'),
    ...(instance.curl ? [el('div', {class: 'curl'}, el('pre', {}, instance.curl), curl)] : []),
    ...(senders.length ? [el('p', {}, 'Or send a sample of one of these senders:'),
      el('div', {class: 'acts'}, ...fiveSenders().map((sender) => button(sender.name, () => trySender(sender, undefined, wrong))),
        el('a', {href: '#/try'}, 'all senders'))] : []), wrong);
}

function fiveSenders() {
  const one = Object.keys(KINDS).map((kind) => senders.find((sender) => sender.kind === kind)).filter(Boolean);
  return one.slice(0, 5);
}
