// A sender's URL, written by clicking: the panel and the URL.
import {choose, chosen, isOpened} from './address.js';
import {drawChips} from './chips.js';
import {drawDetail} from './detail.js';
import {$, button, copy, el} from './dom.js';
import {readJson} from './json.js';
import {cut} from './long.js';
import {refresh, still} from './outcome.js';
import {closeOffers, hasMask, markChosen, offer, panel, setPanel, target} from './picking.js';
import {endPreview, holdPreview} from './preview.js';
import {ask} from './server.js';
import {hasPort, MASK, WAY_IN} from './state.js';
import {drawTree} from './tree.js';
import {readQuery, writeQuery} from './words.js';

const known = new Map();  // by instance, what the server says about the words of its URLs
const left = new Map();  // by sender, the words in a panel that was closed

// Return the name of the instance that a delivery is for, or '' if there is none.
export function instanceOf({target}) {
  if (!target.startsWith(WAY_IN)) return '';
  try { return decodeURIComponent(target.slice(WAY_IN.length).split(/[/?]/)[0]); } catch { return ''; }
}

export function wordsOf(instance) {
  const path = `url-words?instance=${encodeURIComponent(instance)}`;
  if (!known.has(instance)) known.set(instance, ask('GET', path).catch(() => ({})));
  return known.get(instance);
}

// Return the object or list in the body of a delivery, or null if there is none, or it is not known whole.
export function rootOf({missing, request}) {
  if (missing || !request.is_text || request.cut) return null;
  try {
    const root = readJson(request.body);
    return root.entries ? root : null;
  } catch { return null; }
}

// Return the button that opens the panel. It is there where the pack's URL has words, and the body is JSON that is known whole.
export function nameButton(item, drawOpened) {
  const made = button('Name by clicking…', () => openNaming(item, drawOpened), {id: 'name-it', hidden: true,
    title: 'Write a URL for this sender: click on what its incidents are to be called'});
  const show = (words) => { made.hidden = !Object.keys(words).length; };
  if (hasPort(instanceOf(item)) && rootOf(item)) wordsOf(instanceOf(item)).then(show);
  return made;
}

function openNaming(item, drawOpened) {
  choose({words: '?'});
  drawNaming(item, drawOpened, true);
}

// Return the path of a delivery's URL, and its words and other parameters.
function parametersOf({target: own}, words) {
  const [path, query = ''] = own.split(/\?(.*)/s);
  return [path, readQuery(query, words)];
}

// Return whether the panel shows the words in the address.
export const isNaming = () => Boolean(panel) && `?${writeQuery(panel.words)}` === chosen('words');

const isDrawn = ({number}) => isNaming() && panel.item.number === number && Boolean($('naming-title'));

// End the panel, and the second container with it.
export function closeNaming() {
  if (!panel) return;
  setPanel(null);
  endPreview();
}

const GUIDE = 'Click on a value, then say what it is. The URL below will do the same for all that ';

function drawPanel(item, tree, close) {
  const copies = button('Copy', copyUrl, {class: 'quiet', id: 'copy-url', 'aria-describedby': 'url-title'});
  return el('section', {class: 'naming', 'aria-labelledby': 'naming-title', onkeydown: press},
    el('div', {class: 'part'}, el('h2', {id: 'naming-title', tabindex: '-1'}, 'Name by clicking'),
      button('Close', close, {id: 'naming-close'})),
    el('p', {class: 'dim'}, GUIDE, el('bdi', {}, cut(item.sender || 'this sender')), ' sends.'),
    el('ol', {id: 'chips', class: 'chips', 'aria-label': 'Chosen'}),
    el('div', {id: 'becomes', class: 'becoming'}),
    tree,
    el('div', {class: 'part'}, el('h3', {id: 'url-title'}, 'URL for the sender'), copies),
    el('p', {class: 'url'}, el('code', {id: 'finished-url'})),
    el('p', {class: 'dim', id: 'url-note', role: 'status'}),
    el('div', {class: 'part'}, el('h3', {}, 'What it makes of the last deliveries')), el('div', {id: 'preview'}));
}

// Draw the panel for the words in the address or, if it is opened by its button, for those of the last time or in the delivery's
// URL.
export async function drawNaming(item, drawOpened, isNew = false) {
  const sender = JSON.stringify([item.sender, item.target.split('?')[0]]);
  const close = () => {
    if (panel) left.set(sender, panel.words);
    closeNaming();
    choose({words: ''});
    drawOpened();
    wordsOf(instanceOf(item)).then(() => $('name-it')?.focus());  // it is shown by then
  };
  const words = await wordsOf(instanceOf(item));
  if (!isOpened('deliveries', item.number) || !chosen('words')) return null;  // something else was opened meanwhile
  if (!isNew && isDrawn(item)) return null;  // it was drawn meanwhile
  const root = rootOf(item);
  if (!root || !Object.keys(words).length) return close();
  const [path, now] = parametersOf(item, words);
  const given = isNew ? left.get(sender) || now.words : readQuery(chosen('words').slice(1), words).words;
  const empty = {offers: null, buttons: [], seen: ''};
  setPanel({item, root, known: words, words: given, others: now.others, path, close, change, ...empty});
  const tree = drawTree(root, null, offer);
  drawDetail('delivery', drawPanel(item, tree, close));
  if (isNew) tree.querySelector('.item')?.focus();
  hold();
  change();
  return null;
}

function hold() {
  holdPreview(instanceOf(panel.item), (reason) => {
    $('preview').replaceChildren(el('p', {class: 'warn', role: 'status'}, `The preview has ended: ${reason} `),
      button('Start it again', () => { $('preview').replaceChildren(); hold(); refresh(); }, {id: 'preview-again'}));
  });
}

// The keys of the panel. Those of the page, such as r for sending again, do nothing here.
function press(event) {
  if (['?', '/', 'Tab'].includes(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.stopPropagation();
  if (event.key !== 'Escape') return;
  event.preventDefault();
  const opened = event.target.closest('.offers')?.closest('.item');
  if (!opened) return panel.close();
  closeOffers();
  opened.focus();
}

// Show what has been chosen by now. `keepsChips` leaves the fields in them to whoever is typing there.
function change(keepsChips = false) {
  choose({words: `?${writeQuery(panel.words)}`});
  if (!keepsChips) still(drawChips);
  $('finished-url').textContent = location.origin + target();
  const note = panel.item.is_here ? 'Copy puts back what is masked here.'
    : 'What is masked here is copied masked: put it back yourself.';
  $('url-note').textContent = hasMask() ? note : '';
  markChosen();
  refresh();
}

const COPIED = 'Put it into the sender in place of its URL. For another server, copy what follows the question mark.';

// Copy the URL, with what is masked in it where the server still shows that.
async function copyUrl({target: pressed}) {
  const {item, words, known: names} = panel;
  const path = `deliveries/${item.number}?secrets=show`;
  const whole = item.is_here && hasMask() ? await ask('GET', path).catch(() => item) : item;
  const [address, {others}] = parametersOf(whole, names);
  const url = [address, writeQuery(words, others)].filter(Boolean).join('?');
  copy(location.origin + url, pressed);
  if (!$('url-note')) return;  // the panel was closed meanwhile
  const masked = url.includes(MASK) ? 'What is masked was copied masked: put it back yourself. ' : '';
  $('url-note').textContent = masked + COPIED;
}
