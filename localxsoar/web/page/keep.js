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

async function clear(pressed) {
  try { await ask('DELETE', 'deliveries'); } catch (error) {
    pressed.textContent = error.message;
    return;
  }
  announce('The deliveries are deleted.');
  if (isPaused) $('pause').click();  // a paused list would still show them
  $('deliveries').focus();
}

// Return the button that deletes the deliveries. The first press asks, in the button itself, until it loses the focus.
function clearButton() {
  let isAsking = false;
  const show = (asks, label) => {
    isAsking = asks;
    made.toggleAttribute('data-asks', asks);
    made.textContent = label;
  };
  const forget = () => show(false, 'Clear');
  const question = () => {
    const count = deliveries.all.length;
    const deleted = !deliveries.isWhole ? 'all deliveries' : count === 1 ? 'the delivery' : `${count} deliveries`;
    const asked = `Delete ${deleted}? Incidents stay`;
    show(true, asked);
    made.scrollIntoView({block: 'nearest', inline: 'nearest'});
    announce(`${asked}. Press again to delete.`);
  };
  const made = button('Clear', (event) => {
    if (event.detail > 1) return;  // the second half of a double click
    if (!isAsking) return question();
    forget();
    clear(made);
  }, {id: 'clear', class: 'quiet', title: 'Delete the deliveries', onblur: forget});
  made.addEventListener('keydown', (event) => {
    if (event.repeat) event.preventDefault();  // a key that is held is one press
    if (event.key !== 'Escape' || !isAsking) return;
    event.stopPropagation();
    forget();
  });
  return made;
}

export const listButtons = () => [
  file('Export all', '.har', {id: 'export-all', class: 'quiet button',
    title: 'All deliveries, whatever the filters show, as a HAR file, secrets masked'}),
  clearButton(),
];
