// What can be done with a delivery: one main act, and everything else under More.
import {curlCommand, fileName, isInFile} from './curl.js';
import {$, announce, button, copy, el} from './dom.js';
import {edit, hasDraft} from './edit.js';
import {exportLink, recipeButton, shareLink} from './keep.js';
import {nameButton} from './naming.js';
import {opened} from './opened.js';
import {resendButtons, showFailure} from './resend.js';
import {ask} from './server.js';

let openFor = 0;  // the number of the delivery whose menu is open
let menu = null;

export async function copyCurl() {
  if (!opened || opened.uncopyable) return;
  try {
    const item = opened.is_here ? await ask('GET', `deliveries/${opened.number}?secrets=show`) : opened;
    copy(curlCommand(item), menu.open ? $('copy-curl') : $('more-acts'));
    announce('Copied as curl');
  } catch (error) { showFailure(error.message); }
}

// Return the button, and what else the command needs or why there is none.
function curlButton(item) {
  const hasMasks = item.request.headers.some((header) => header.masked);
  const made = button('Copy as curl', copyCurl, {id: 'copy-curl', disabled: Boolean(item.uncopyable),
    title: item.uncopyable || (hasMasks ? 'With the secrets that are masked here' : '')});
  const inFile = `The curl command reads the body from the file ${fileName(item.number)}: download it below.`;
  const reason = item.uncopyable || (isInFile(item.request) ? inFile : '');
  return [made, reason && reason !== item.missing && el('p', {class: 'dim reason'}, reason)];
}

function editButton(item, drawOpened) {
  return button(hasDraft(item) ? 'Edit… (unsent)' : 'Edit…', () => edit(drawOpened),
    {id: 'edit', disabled: item.method === '?' || item.isRemoved, title: item.isRemoved ? item.missing : ''});
}

function drawMore(item, acts) {
  const summary = el('summary', {id: 'more-acts'}, 'More');
  const made = menu = el('details', {id: 'more', open: openFor === item.number}, summary, el('div', {class: 'menu'}, ...acts));
  made.addEventListener('toggle', () => { openFor = made.open ? item.number : 0; });
  made.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !made.open) return;
    event.stopPropagation();
    made.open = false;
    summary.focus();
  });
  return made;
}

// Return the row of acts. A rejected delivery is best sent with a valid proof, any other is named.
export function drawActs(item, drawOpened) {
  const {came, proved, reason} = resendButtons(item, drawOpened);
  const name = nameButton(item, drawOpened);
  const change = editButton(item, drawOpened);
  const isRepaired = item.checks.length > 0 && proved;
  name.className = isRepaired ? '' : 'main';
  const shown = [isRepaired ? proved : name, ...(hasDraft(item) ? [change] : [])];
  /** @type {any[]} */
  const more = [name, came, proved, change, ...curlButton(item), ...recipeButton(item), shareLink(item), exportLink(item)];
  const folded = more.filter((act) => act && !shown.includes(act));
  return el('div', {class: 'acts'}, ...shown, drawMore(item, folded), el('span', {class: 'dim reason'}, reason));
}

// Close the menu once something else is pressed.
export function startMore() {
  document.addEventListener('pointerdown', ({target}) => {
    if (!menu?.open || target.closest('#more')) return;
    menu.open = false;
    openFor = 0;  // at once: the click may draw the menu anew before it has told that it is closed
  });
}
