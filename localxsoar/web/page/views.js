// The views, and which of them is shown.
import {chosen, openedName, readAddress, view} from './address.js';
import {showInstance} from './choice.js';
import {openCommand} from './commands.js';
import {deliveries} from './deliveries.js';
import {closeDetail, openDelivery} from './delivery.js';
import {wantFocus} from './detail.js';
import {$} from './dom.js';
import {showChosen} from './filters.js';
import {openIncident} from './incident.js';
import {incidents} from './incidents.js';
import {refreshInstance} from './instance.js';
import {openLane} from './lane.js';
import {areLanesShown, laneOf, lanes} from './lanes.js';
import {drawLog} from './log.js';
import {closeNaming} from './naming.js';
import {hasPorts, instance, isPaused} from './state.js';
import {refreshTry} from './try.js';

const TITLES = {deliveries: 'Deliveries', incidents: 'Incidents', try: 'Try it', commands: 'Commands', instance: 'Instance',
  log: 'Log'};

// Return the view that the page opens with. Until it has asked whether any instance has a port, its own file says so.
const home = () => ({true: 'deliveries', false: 'commands'}[hasPorts()] || document.documentElement.dataset.home);

// What else is shown of a view.
const DRAW = {
  deliveries() { showOpened(deliveries, Number(chosen('open')), openDelivery); },
  incidents() {
    const id = chosen('open');
    const isLane = id.startsWith('lane-');
    const [list, key] = areLanesShown() ? [lanes, laneOf(isLane ? id : `lane-${id}`)?.key] : [incidents, id];
    showOpened(list, key, isLane ? openLane : openIncident);
  },
  try: refreshTry,
  commands() { openCommand(openedName()); },
  instance() { if (instance.fields) refreshInstance(); },
  log: drawLog,
};

// Select in a list what is open, and open it beside the list.
function showOpened(list, key, open) {
  if (chosen('open')) {
    list.select(key);
    open(chosen('open'));
  } else { closeDetail(); list.plan(); }
}

function markView() {
  for (const section of document.querySelectorAll('main > section')) section.hidden = section.id !== `view-${view}`;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.getAttribute('href') === `#/${view}`) {
      link.setAttribute('aria-current', 'page');
      link.scrollIntoView({block: 'nearest', inline: 'nearest'});
    } else link.removeAttribute('aria-current');
  }
  document.title = [TITLES[view], instance.instance || 'Local XSOAR'].filter(Boolean).join(' · ');
}

// Show the view that the address names, without what is in it.
export function chooseView() {
  readAddress(Object.keys(TITLES), home());
  showChosen();
  $('pause').hidden = ['try', 'instance'].includes(view) && !isPaused;
  markView();
}

export function route() {
  const before = document.activeElement.closest('.detail');
  chooseView();
  if (before?.closest('[hidden]') && chosen('open')) wantFocus();  // a link in it led to what is open in this view
  const other = chosen('instance');
  if (other && instance.instance && other !== instance.instance) showInstance(other, route);
  if (!chosen('words')) closeNaming();
  DRAW[view]?.();
}
