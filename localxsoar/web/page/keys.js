// The keys of the page: one table, from which the help is written.
import {choose, chosen, go, isOpened, step as stepTo, view} from './address.js';
import {openFirst} from './commands.js';
import {drawOpened} from './delivery.js';
import {isDetailShown, wantFocus} from './detail.js';
import {$, el} from './dom.js';
import {closeEditor, edit} from './edit.js';
import {shownList} from './filters.js';
import {areLanesShown, chooseLanes} from './lanes.js';
import {copyCurl} from './more.js';
import {opened} from './opened.js';
import {resend} from './resend.js';
import {search, searchSoon} from './search.js';
import {route} from './views.js';

// What the keys do.

function step(list, by) {
  const item = list.move(by);
  const isOpen = view === 'deliveries' ? opened : isDetailShown('incident');
  if (item && isOpen) stepTo(`${view}/${list.keyOf(item)}`);
}

// Move in the list or, in a view without one, scroll.
function leap(list, rows, pages) {
  if (list) return step(list, rows);
  const box = view === 'log' ? $('log') : $(`view-${view}`);
  const boxes = view === 'commands' ? [box, box.querySelector('.work')] : [box];
  return boxes.forEach((each) => each.scrollBy(0, pages * each.clientHeight));
}

function openSelected(list) {
  const item = list.current() || list.move(1);
  if (!item) return;
  const detail = view === 'deliveries' ? 'delivery' : 'incident';
  if (isOpened(view, list.keyOf(item)) && isDetailShown(detail)) return $(detail).focus();
  wantFocus();
  list.open(item);
}

// Show what differs from the previous delivery of the sender, or the request again.
function compareOpened() {
  choose({tab: chosen('tab') === 'compare' ? '' : 'compare', with: ''});
  drawOpened();
}

// Show incidents as lanes or as a list, and keep what is open.
export function chooseWay(areLanes) {
  chooseLanes(areLanes);
  route();
}

// Return the names of the views that the bar shows.
function shownViews() {
  const links = [...document.querySelectorAll('nav a:not([hidden])')];
  return links.map((link) => link.getAttribute('href').replace('#/', ''));
}

const hasList = ({list}) => Boolean(list);
const hasDelivery = () => view === 'deliveries' && opened && isDetailShown('delivery');

// Each row has its `keys` and what they do: `act`, which takes the list that is shown, the key and its target, where the row
// applies (`when`). The help says `help` of the keys in `shown`; those of a row without `keys` are handled by a part of the page.
const KEYS = [
  {shown: '`j` `k`, in the list also arrows', help: 'down, up',
    keys: ['j', 'ArrowDown'], when: hasList, act: ({list}) => step(list, 1)},
  {keys: ['k', 'ArrowUp'], when: hasList, act: ({list}) => step(list, -1)},
  {shown: '`Enter`', help: 'open the selected item',
    keys: ['Enter'], when: ({list, target}) => list && !target.closest('a, button'), act: ({list}) => openSelected(list)},
  {shown: '`PgUp` `PgDn` `Home` `End`', help: 'a page, to the newest, to the oldest',
    keys: ['PageUp'], act: ({list}) => leap(list, -list?.page(), -0.9)},
  {keys: ['PageDown'], act: ({list}) => leap(list, list?.page(), 0.9)},
  {keys: ['Home'], act: ({list}) => leap(list, -Infinity, -1000)},
  {keys: ['End'], act: ({list}) => leap(list, Infinity, 1000)},
  {shown: '`Esc`', help: 'back to the list',
    keys: ['Escape'], when: hasList, act({list}) { go(view); list.box.focus(); }},
  {shown: '`/`', help: 'search; then `↓` goes to what was found, and `Enter` opens it',
    keys: ['/'], act: () => $('search').focus()},
  {shown: '`r`', help: 'send again as it came', keys: ['r'], when: hasDelivery, act: () => resend('came', drawOpened)},
  {shown: '`e`', help: 'edit and send; then `Ctrl`+`Enter` sends, `Esc` closes',
    keys: ['e'], when: hasDelivery, act: () => edit(drawOpened)},
  {shown: '`c`', help: 'copy as curl', keys: ['c'], when: hasDelivery, act: copyCurl},
  {shown: '`d`', help: 'compare with the previous one of this sender', keys: ['d'], when: hasDelivery, act: compareOpened},
  {shown: '`l`', help: 'incidents as lanes, one for each problem, or as a list',
    keys: ['l'], when: () => view === 'incidents', act: () => chooseWay(!areLanesShown())},
  {shown: '`1` to `6`', help: 'the views',
    keys: [...'123456'], when: ({key}) => shownViews()[key - 1], act: ({key}) => go(shownViews()[key - 1])},
  {shown: "in a command's form", help: '`Enter` runs it, `↑` `↓` bring back earlier runs, `Esc` leaves it'},
  {shown: 'in a tree of values',
    help: '`↑` `↓` move, `→` `←` open and close; `→` or `Enter` on a value goes to its buttons'},
  {shown: '`?`', help: 'these keys', keys: ['?'], act: () => $('help').showModal()},
];
const OF_A_DETAIL = ['ArrowDown', 'ArrowUp', 'Enter', 'PageDown', 'PageUp', 'Home', 'End'];

// Leave the search for the first thing that it has found, and open that with Enter.
function goToHits(event, list) {
  event.preventDefault();
  searchSoon.now();
  const first = list.current() || list.move(1);
  if (!first) return;
  list.box.focus();
  list.select(list.keyOf(first));
  if (event.key === 'Enter') openSelected(list);
}

const IN_THE_SEARCH = {
  Escape(event, list) {
    $('search').value = '';
    choose({q: ''});
    search();
    if (list) list.box.focus(); else $('search').blur();
  },
  ArrowDown(event, list) { if (list) goToHits(event, list); },
  Enter(event, list) {
    event.preventDefault();  // the button that has the focus then would be pressed
    if (view === 'commands') openFirst(); else if (list) goToHits(event, list);
  },
};

const IN_THE_EDITOR = {
  Escape(event) { event.preventDefault(); closeEditor(drawOpened); },
  Enter(event) { if (event.ctrlKey || event.metaKey) event.target.closest('form').requestSubmit(); },
};

function press(event) {
  const {target, key} = event;
  const list = shownList();
  if (target.closest('form.edit')) return IN_THE_EDITOR[key]?.(event);
  if (target === $('search')) return IN_THE_SEARCH[key]?.(event, list);
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest('input, textarea, select, dialog')) return null;
  if (target.closest('.detail') && OF_A_DETAIL.includes(key)) return null;
  const about = {list, key, target};
  const row = KEYS.find(({keys, when}) => keys?.includes(key) && (!when || when(about)));
  if (!row) return null;
  event.preventDefault();
  return row.act(about);
}

// Return the parts of a text of the help: keys are between backticks.
const withKeys = (text) => text.split('`').map((part, at) => (at % 2 ? el('kbd', {}, part) : part));

export function startKeys() {
  const rows = KEYS.filter(({help}) => help);
  $('key-rows').append(...rows.flatMap(({shown, help}) => [el('dt', {}, withKeys(shown)), el('dd', {}, withKeys(help))]));
  document.addEventListener('keydown', press);
}
