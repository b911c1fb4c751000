// What a person keeps of deliveries, as files, and how the list is cleared.
import {deliveries} from './deliveries.js';
import {$, announce, button, el} from './dom.js';
import {ask} from './server.js';

const LOOK = 'Secrets are replaced. The payload is as it came: look through the file before you share it.';

const file = (label, path, options) => el('a', {href: `/localxsoar/deliveries${path}`, download: '', ...options}, label);

// Return the button that saves a delivery as a recipe, or why it cannot.
export function recipeButton(item) {
  const reason = item.unsavable;
  if (reason) {
    return [button('Save as recipe', null, {id: 'save-recipe', disabled: true, title: reason}),
      ...(reason === item.missing || item.kind === 'waiting' ? [] : [el('span', {class: 'dim reason'}, reason)])];
  }
  const note = el('span', {class: 'dim reason', role: 'status'});
  return [file('Save as recipe', `/${item.number}/recipe`, {id: 'save-recipe', class: 'button', onclick: () => { note.textContent = LOOK; },
    title: 'A file for the folder of senders, with what its incident must be'}), note];
}

export function exportLink(item) {
  if (item.kind === 'waiting' || item.method === '?') return null;
  return file('Export', `/${item.number}.har`, {id: 'export', class: 'quiet button', title: 'Request and response as a HAR file, secrets masked'});
}

// Delete the deliveries. The first press asks, in the button itself; it forgets the question when it loses the focus.
function clearButton() {
  const made = button('Clear', async (event) => {
    if (event.detail > 1) return;  // the second half of a double click
    if (made.dataset.asks) {
      forget();
      await ask('DELETE', 'deliveries').then(() => announce('The deliveries are deleted.'), (error) => { made.textContent = error.message; });
      $('deliveries').focus();
      return;
    }
    made.dataset.asks = 'yes';
    const count = deliveries.all.length;
    made.textContent = `Delete ${count === 1 ? 'the delivery' : `all ${count}`}? Incidents stay`;
    made.scrollIntoView({block: 'nearest', inline: 'nearest'});
    announce(`${made.textContent}. Press again to delete.`);
  }, {id: 'clear', class: 'quiet', title: 'Delete the deliveries'});
  const forget = () => {
    delete made.dataset.asks;
    made.textContent = 'Clear';
  };
  made.addEventListener('blur', forget);
  made.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !made.dataset.asks) return;
    event.stopPropagation();
    forget();
  });
  return made;
}

export const listButtons = () => [
  file('Export all', '.har', {id: 'export-all', class: 'quiet button', title: 'All deliveries, whatever the filters show, as a HAR file, secrets masked'}),
  clearButton(),
];
