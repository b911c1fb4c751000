// What a person keeps of deliveries, as files, and how the list is cleared.
import {deliveries} from './deliveries.js';
import {$, announce, button, el} from './dom.js';
import {ask} from './server.js';
import {isPaused} from './state.js';

const LOOK = 'Secrets are replaced. The payload is as it came: look through the file before you share it.';
const MASKED = 'Masked: the token, and secrets in headers and URLs. Not masked: the payload, such as a password in it';

const file = (label, path, options) => el('a', {href: `/localxsoar/deliveries${path}`, download: '', ...options}, label);

// Return the button that saves a delivery as a recipe, or why it cannot.
export function recipeButton(item) {
  if (item.checks.length) return [];  // what is rejected for its proof needs no excuse
  const reason = item.unsavable;
  if (reason) {
    return [button('Save as recipe', null, {id: 'save-recipe', disabled: true, title: reason}),
      ...(reason === item.missing || item.kind === 'waiting' ? [] : [el('p', {class: 'dim reason'}, reason)])];
  }
  const note = el('p', {class: 'dim reason', role: 'status'});
  const options = {id: 'save-recipe', class: 'button', onclick: () => { note.textContent = LOOK; },
    title: 'A file for the folder of senders, with what its incident must be'};
  return [file('Save as recipe', `/${item.number}/recipe`, options), note];
}

export function exportLink(item) {
  if (item.kind === 'waiting' || item.method === '?' || item.isRemoved) return null;
  return file('Export', `/${item.number}.har`, {id: 'export', class: 'button',
    title: `Request and response as a HAR file. ${MASKED}`});
}

// Return the link that saves the delivery as a file for a ticket or a colleague.
export function shareLink(item) {
  if (item.kind === 'waiting' || item.isRemoved) return null;
  return file('Share', `/${item.number}.html`, {id: 'share', class: 'button',
    title: `One HTML file that opens without this server and has no scripts. ${MASKED}`});
}

// Return a button whose first press asks, in the button itself, until it loses the focus. The second one acts.
function askFirst(label, {question, verb, act, ...options}) {
  let isAsking = false;
  const show = (asks, text) => {
    isAsking = asks;
    made.toggleAttribute('data-asks', asks);
    made.textContent = text;
  };
  const forget = () => { if (isAsking) show(false, label); };
  const made = button(label, (event) => {
    if (event.detail > 1) return;  // the second half of a double click
    if (isAsking) {
      forget();
      act(made);
      return;
    }
    const asked = question();
    if (!asked) return;
    show(true, asked);
    made.scrollIntoView({block: 'nearest', inline: 'nearest'});
    announce(`${asked}. Press again to ${verb}.`);
  }, {class: 'quiet', onblur: forget, ...options});
  made.addEventListener('keydown', (event) => {
    if (event.repeat) event.preventDefault();  // a key that is held is one press
    if (event.key !== 'Escape' || !isAsking) return;
    event.stopPropagation();
    forget();
  });
  return made;
}

async function clear(pressed) {
  try { await ask('DELETE', 'deliveries'); } catch (error) {
    pressed.textContent = error.message;
    return;
  }
  announce('The deliveries are deleted.');
  if (isPaused) $('pause').click();  // a paused list would still show them
  $('deliveries').focus();
}

function clearQuestion() {
  const count = deliveries.all.length;
  const deleted = !deliveries.isWhole ? 'all deliveries' : count === 1 ? 'the delivery' : `${count} deliveries`;
  return `Delete ${deleted}? Incidents stay`;
}

const MOST_SENT = 100;
let sending = null;  // what may be stopped, if deliveries are being sent again
let toSend = [];  // the numbers of the deliveries that were shown when the question was asked

// Ask whether to send what is shown, or stop sending.
function sendQuestion() {
  if (sending) {
    sending.isStopped = true;
    return '';
  }
  toSend = deliveries.shown.filter(({kind, missing}) => kind !== 'waiting' && !missing).map(({number}) => number).reverse();
  $('sent').textContent = toSend.length ? '' : 'None of them is kept as it came';
  return toSend.length && `Send ${toSend.length === 1 ? 'one delivery' : `${toSend.length} deliveries`} again?`;
}

// Send deliveries again as they came, the oldest first. A press on the button meanwhile stops that.
async function sendShown(pressed) {
  const now = sending = {isStopped: false};
  let sent = 0;
  let failure = '';
  for (const number of toSend) {
    if (now.isStopped || failure) break;
    pressed.textContent = `Stop (${sent} of ${toSend.length} sent)`;
    await ask('POST', `deliveries/${number}/send`, {}).then(() => { sent += 1; }, ({message}) => { failure = `${message} `; });
  }
  sending = null;
  pressed.textContent = 'Send again';
  $('sent').textContent = `${failure}${sent} of ${toSend.length} sent again`;
}

// Offer to send what is shown if something is searched for, and not too much.
export function offerSending() {
  const count = deliveries.shown.length;
  const made = $('send-shown');
  made.hidden = !$('search').value.trim() && !sending;
  made.disabled = !sending && (!count || count > MOST_SENT);
  made.title = count > MOST_SENT ? `At most ${MOST_SENT} at once: narrow the search` : 'What the list shows, each as it came';
}

export const listButtons = () => [
  el('span', {id: 'sent', class: 'dim', role: 'status'}),
  file('Export all', '.har', {id: 'export-all', class: 'quiet button',
    title: 'All deliveries, whatever the filters show, as a HAR file, secrets masked'}),
  askFirst('Send again', {id: 'send-shown', question: sendQuestion, verb: 'send', act: sendShown}),
  askFirst('Clear', {id: 'clear', title: 'Delete the deliveries', question: clearQuestion, verb: 'delete', act: clear}),
];
