// Live events.
import {acts, setActs} from './acts.js';
import {chosen, go, isOpened, view} from './address.js';
import {refresh as refreshCommands, setCommands} from './commands.js';
import {deliveries, showPaths} from './deliveries.js';
import {closeDetail, noteDelivery, noteLine, noteRemoval, noteWhole} from './delivery.js';
import {$, announce} from './dom.js';
import {searchBodies} from './filters.js';
import {linkIncident, noteAct, openIncident, refreshLinks} from './incident.js';
import {incidents} from './incidents.js';
import {drawState, refreshHistory, setLost} from './instance.js';
import {noteChange} from './lanes.js';
import {addLine, setLines} from './log.js';
import {opened} from './opened.js';
import {noteForPreview} from './outcome.js';
import {thousands} from './format.js';
import {nextTask, paced} from './pace.js';
import {ask} from './server.js';
import {instance, isPaused, missed, own, setInstance, setPaused} from './state.js';
import {drawEmpty, setSenders} from './try.js';
import {route} from './views.js';

const LISTED_INCIDENTS = 10000;  // as many as the server lists
const KEPT_EVENTS = 5000;
const COUNTING_MS = 100;
const FIRST_DELIVERIES = 100;  // that are asked for at first, more than are seen at once
const MORE_DELIVERIES = 1000;  // that are asked for after them, and again: all at once would make a long task

let paused = null;  // the events that arrived while the page was paused
let isCut = false;  // whether more arrived during the pause than is worth keeping
let loading = null;  // what is still to be loaded, and the events that have to wait for that
let wasLoaded = false;  // since the page was connected
let isStale = false;  // whether to load once more after that
let arrived = 0;
let hasRemoved = 0;  // how many deliveries the server has removed to make room

// Show how many there are.
const count = paced(() => {
  $('count-deliveries').textContent = deliveries.isWhole ? String(deliveries.all.length || '') : `${deliveries.all.length}…`;
  $('count-incidents').textContent = String(incidents.all.length || '');
  $('no-incidents').hidden = incidents.all.length > 0 || !incidents.isWhole;
  $('removed-deliveries').hidden = !hasRemoved;
  const removed = `${thousands(deliveries.all.length)} kept, ${thousands(hasRemoved)} older removed`;
  if (hasRemoved) $('removed-deliveries').textContent = removed;
  drawEmpty();
  noteChange();
}, COUNTING_MS);

const HANDLERS = {
  delivery(item) {
    showPaths([item]);
    if (deliveries.add(item)) { arrived += 1; later(); }
    noteDelivery(item);
    linkIncident(item);
    noteForPreview(item);
    if (item.kind !== 'waiting' && view === 'deliveries') searchBodies();
    count();
  },
  removed({number, removed}) {
    deliveries.remove(number);
    hasRemoved = removed;
    if (opened && opened.number === number) noteRemoval();
    count();
  },
  incident(item) {
    const known = isOpened('incidents', item.id) && incidents.all.find(({id}) => id === item.id);
    incidents.add(item);
    if (known && JSON.stringify(known) !== JSON.stringify(item)) openIncident(item.id);  // drawn anew, a tree loses the focus
    if (view === 'incidents') searchBodies();
    if (incidents.all.length > LISTED_INCIDENTS) incidents.remove(incidents.all.at(-1).id);
    count();
  },
  act(item) {
    acts.push(item);
    noteAct(item);
    count();
  },
  log(line) {
    addLine(line);
    noteLine(line);
  },
  state(item) {
    if (item.instance !== instance.instance) return;
    Object.assign(instance, item);
    drawState();
    refreshHistory();
  },
  pack() { refreshCommands(); },
  cleared() {
    deliveries.set([]);
    if (loading) isStale = true;  // older ones may be on their way
    hasRemoved = 0;
    if (opened && view === 'deliveries') go('deliveries'); else closeDetail();
    count();
  },
};

let telling = null;
function later() {
  if (telling) return;
  telling = setTimeout(() => {
    telling = null;
    announce(`${arrived} new ${arrived === 1 ? 'delivery' : 'deliveries'}`);
    arrived = 0;
  }, 1500);
}

const TASK_MS = 20;  // a longer task makes keys and clicks wait, on a busy machine much longer
const waiting = [];  // the events that have arrived together, to be taken in several tasks

function takeWaiting() {
  const end = performance.now() + TASK_MS;
  try {
    while (waiting.length && (document.hidden || performance.now() < end)) take(...waiting.shift());
  } finally {
    if (waiting.length) setTimeout(takeWaiting);
  }
}

function take(kind, handle, text) {
  const data = JSON.parse(text);
  if (isEarly(kind, data)) return loading.early.push({kind, handle, data});
  if (!paused || kind === 'state') return handle(data);  // the state is true also while lists stand still
  if (paused.length < KEPT_EVENTS) paused.push([kind, handle, text]); else isCut = true;
  if (kind === 'delivery') missed.add(data.number);
  $('pause').textContent = missed.size ? `Resume (${missed.size})` : 'Resume';
  return drawEmpty();
}

export function listen() {
  const events = new EventSource('/localxsoar/events');
  events.addEventListener('hello', () => { setLost(false); if (!wasLoaded) load(); });
  events.addEventListener('reset', load);
  for (const [kind, handle] of Object.entries(HANDLERS)) {
    events.addEventListener(kind, (event) => {
      if (waiting.push([kind, handle, event.data]) === 1) setTimeout(takeWaiting);
    });
  }
  events.onerror = () => {
    setLost(true);
    if (events.readyState !== EventSource.CLOSED) return;
    wasLoaded = false;  // a new connection does not know what this one has seen
    setTimeout(listen, 1000);
  };
}

// Return whether an event may be newer than what it is about and is still to be loaded.
function isEarly(kind, {number}) {
  if (!loading) return false;
  if (kind === 'incident' || kind === 'act') return loading.incidents;
  return kind === 'delivery' || kind === 'removed' ? number < loading.before : loading.before === Infinity;
}

// Handle the events that have waited long enough. A line of the log may have been loaded as well.
function takeEarly(logged = []) {
  const all = loading.early;
  loading.early = all.filter(({kind, data}) => isEarly(kind, data));
  const isLoaded = (line) => logged.some((each) => each.time === line.time && each.text === line.text);
  for (const {kind, handle, data} of all) if (!isEarly(kind, data) && !(kind === 'log' && isLoaded(data))) handle(data);
}

// Note what of the deliveries has been loaded: all, or those from a number on.
function noteLoaded(some, limit) {
  loading.before = some.length < limit ? -Infinity : some.at(-1).number;
  deliveries.isWhole = some.length < limit;
}

// Load all that the views show but older deliveries and the incidents. Whoever sees all of them already keeps them.
async function loadFirst() {
  if (!instance.instance && chosen('instance')) setInstance({instance: chosen('instance')});
  const limit = deliveries.isWhole ? Infinity : FIRST_DELIVERIES;
  const latest = deliveries.isWhole ? 'deliveries' : `deliveries?limit=${limit}`;
  const routes = [own('instance'), latest, 'commands', own('log'), own('senders'), 'deliveries/removed'];
  const [described, some, commands, logged, known, {removed}] = await Promise.all(routes.map((path) => ask('GET', path)));
  setInstance(described);
  setCommands(commands);
  setSenders(known);
  setLines(logged);
  deliveries.set(some);
  hasRemoved = removed;
  showPaths(some);
  noteLoaded(some, limit);
  takeEarly(logged);
  setLost(false);
  count();
  route();
}

async function loadOlder() {
  while (!deliveries.isWhole) {
    const some = await ask('GET', `deliveries?before=${loading.before}&limit=${MORE_DELIVERIES}`);
    await nextTask();
    deliveries.append(some);
    showPaths(some);
    noteLoaded(some, MORE_DELIVERIES);
    takeEarly();
    count();
  }
}

async function loadIncidents() {
  const [listed, found] = await Promise.all([ask('GET', 'incidents/list'), ask('GET', 'incidents/acts')]);
  await nextTask();
  setActs(found);
  incidents.set(listed);
  incidents.isWhole = true;
  loading.incidents = false;
  takeEarly();
  count();
  if (view === 'incidents') incidents.select(chosen('open'));  // what is drawn of it is from the server; a lane is drawn again
}

async function load() {
  if (loading) { isStale = true; return; }
  wasLoaded = true;
  loading = {early: [], before: Infinity, incidents: true};
  try {
    await loadFirst();
    for (const part of view === 'incidents' ? [loadIncidents, loadOlder] : [loadOlder, loadIncidents]) await part();
  } catch {
    loading = null;
    setLost(true);
    setTimeout(load, 1000);
    return;
  }
  loading = null;
  count();
  noteWhole();
  refreshLinks();
  noteForPreview();
  if (isStale) { isStale = false; load(); }
}

export function pause() {
  const events = paused;
  paused = events ? null : [];
  setPaused(!events);
  missed.clear();
  $('pause').textContent = isPaused ? 'Resume' : 'Pause';
  $('pause').setAttribute('aria-pressed', String(isPaused));
  if (isCut) load();
  else if (events) {
    if (!waiting.length) setTimeout(takeWaiting);
    waiting.unshift(...events);
  }
  isCut = false;
  drawEmpty();
}
