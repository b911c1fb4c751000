// The page of the local XSOAR: its keys and controls. Whatever comes from senders is shown as text, never as markup.
import {choose, chosen, go, isOpened, startAddress, step as stepTo, view} from './address.js';
import {startChoice} from './choice.js';
import {drawChoices, openFirst} from './commands.js';
import {drawOpened} from './delivery.js';
import {$, copy} from './dom.js';
import {wantFocus} from './detail.js';
import {closeEditor, edit} from './edit.js';
import {filterLists, searchBodies, shownList, startFilters, toggleOpen} from './filters.js';
import {sortIncidents} from './incidents.js';
import {startHits} from './hits.js';
import {areLanesShown, chooseLanes} from './lanes.js';
import {listen, pause} from './live.js';
import {drawLog} from './log.js';
import {copyCurl, startMore} from './more.js';
import {opened} from './opened.js';
import {afterLast} from './pace.js';
import {resend} from './resend.js';
import {drawTry} from './try.js';
import {route} from './views.js';

const TYPING_MS = 150;

// Search for what is typed in the view that is shown.
function search() {
  if (view === 'try') drawTry();
  else if (view === 'log') drawLog();
  else if (view === 'commands') drawChoices();
  searchBodies(0);
  filterLists();
}

const searchSoon = afterLast(search, TYPING_MS);

const isTyping = (target) => target.closest('input, textarea, select, dialog');

function editorKey(event) {
  if (event.key === 'Escape') { event.preventDefault(); closeEditor(drawOpened); }
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.target.closest('form').requestSubmit();
}

function openSelected(list) {
  const item = list.current() || list.move(1);
  if (!item) return;
  const detail = $(view === 'deliveries' ? 'delivery' : 'incident');
  if (isOpened(view, list.keyOf(item)) && !detail.hidden) return detail.focus();
  wantFocus();
  list.open(item);
}

// Move in the list or, in a view without one, scroll.
function leap(list, rows, pages) {
  if (list) return step(list, rows);
  const box = view === 'log' ? $('log') : $(`view-${view}`);
  for (const each of view === 'commands' ? [box, box.querySelector('.work')] : [box]) each.scrollBy(0, pages * each.clientHeight);
}

// Return the names of the views that the bar shows.
const shownViews = () => [...document.querySelectorAll('nav a:not([hidden])')].map((link) => link.getAttribute('href').replace('#/', ''));

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

function press(event) {
  if (event.target.closest('form.edit')) return editorKey(event);
  if (event.key === 'Escape' && event.target === $('search')) {
    $('search').value = '';
    choose({q: ''});
    search();
    const list = shownList();
    if (list) list.box.focus(); else $('search').blur();
    return;
  }
  if (event.key === 'Enter' && event.target === $('search') && view === 'commands') return openFirst();
  const list = shownList();
  if (['ArrowDown', 'Enter'].includes(event.key) && event.target === $('search') && list) return goToHits(event, list);
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const inDetail = event.target.closest('.detail');
  const views = shownViews();
  const keys = {
    j: () => step(list, 1), ArrowDown: () => step(list, 1), k: () => step(list, -1), ArrowUp: () => step(list, -1),
    Enter: () => openSelected(list),
    PageDown: () => leap(list, list?.page(), 0.9), PageUp: () => leap(list, -list?.page(), -0.9),
    Home: () => leap(list, -Infinity, -1000), End: () => leap(list, Infinity, 1000),
    Escape: () => { if (list) { go(view); list.box.focus(); } },
    '/': () => $('search').focus(), '?': () => $('help').showModal(),
    ...(view === 'deliveries' && opened && !$('delivery').hidden ? {r: () => resend('came', drawOpened), e: () => edit(drawOpened), c: () => copyCurl(), d: compareOpened} : {}),
    ...(view === 'incidents' ? {l: () => chooseWay(!areLanesShown())} : {}),
  };
  if (inDetail && ['ArrowDown', 'ArrowUp', 'Enter', 'PageDown', 'PageUp', 'Home', 'End'].includes(event.key)) return;
  if (!list && ['j', 'k', 'ArrowDown', 'ArrowUp', 'Enter'].includes(event.key)) return;
  if (event.key === 'Enter' && event.target.closest('a, button')) return;
  const act = keys[event.key] || (views[event.key - 1] && (() => go(views[event.key - 1])));
  if (!act) return;
  event.preventDefault();
  act();
}

// Show incidents as lanes or as a list, and keep what is open.
function chooseWay(areLanes) {
  chooseLanes(areLanes);
  route();
}

// Show what differs from the previous delivery of the sender, or the request again.
function compareOpened() {
  choose({tab: chosen('tab') === 'compare' ? '' : 'compare', with: ''});
  drawOpened();
}

function step(list, by) {
  const item = list.move(by);
  const isDetailShown = view === 'deliveries' ? opened : !$('incident').hidden;
  if (item && isDetailShown) stepTo(`${view}/${list.keyOf(item)}`);
}

$('copy-address').addEventListener('click', (event) => copy($('address').textContent, event.target));
$('keys').addEventListener('click', () => $('help').showModal());
$('search').addEventListener('input', () => { choose({q: $('search').value}); searchSoon(); });
$('search').addEventListener('change', searchSoon.now);
$('level').addEventListener('change', () => { choose({level: $('level').value}); drawLog(); });
$('sort').addEventListener('change', () => { choose({sort: $('sort').value}); sortIncidents(); });
$('open-only').addEventListener('click', toggleOpen);
$('as-list').addEventListener('click', () => chooseWay(false));
$('as-lanes').addEventListener('click', () => chooseWay(true));
$('pause').addEventListener('click', pause);
if (matchMedia('(hover: none)').matches) $('search').placeholder = 'Search';  // without a keyboard
startFilters();
startHits();
startMore();
startChoice();
startAddress(route);
document.addEventListener('keydown', press);
route();
listen();
