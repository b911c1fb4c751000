// What deliveries would become at another URL: the server sends them into a second container, which lives as long as this page
// holds a connection for it.
import {el} from './dom.js';
import {clock, day, time} from './format.js';
import {cut} from './long.js';
import {ask} from './server.js';
import {drawSeverity, problem} from './triage.js';

const SHOWN_INCIDENTS = 3;  // of one delivery
const SHOWN_VALUES = 12;
const IDLE_MS = 20000;
const LACKING = [null, '', 'null', '[]', '{}'];

const forget = () => {};

let held = null;  // the connection that the container lives for
let idle = 0;  // the timer that ends it if it was only asked once
let wanted = null;  // what is to be shown next
let isRunning = false;

// Hold a second container of an instance until `endPreview`. `lost` is called with the reason if it ends before.
// With `joins`, one that another window holds already will do.
export function holdPreview(instance, lost, joins = false) {
  if (held?.lost === forget && held.instance === instance) {
    held.lost = lost;
    return;
  }
  endPreview();
  const control = new AbortController();
  const query = new URLSearchParams({instance, ...(joins ? {join: 'true'} : {})});
  const begun = fetch(`/localxsoar/preview?${query}`, {method: 'POST', signal: control.signal});
  const own = held = {instance, begun, lost, signal: control.signal, end: () => control.abort()};
  begun.then(async (response) => {
    const text = await response.text();  // which comes once the container has ended
    return response.ok ? text.trim() : JSON.parse(text).error;
  }).catch(() => 'The connection to the local XSOAR is lost.').then((reason) => {
    if (held !== own) return;
    held = null;
    own.lost(reason);
  });
}

export function endPreview() {
  held?.end();
  held = null;
  wanted = null;
}

// Return what a delivery becomes at its own URL, once more, or null if nobody wants that any more. For that the page joins or
// starts a preview, which it soon leaves.
export async function askOnce(instance, {number, target}, isWanted) {
  if (!isWanted()) return null;
  if (held?.instance !== instance) holdPreview(instance, forget, true);
  clearTimeout(idle);
  idle = setTimeout(() => { if (held?.lost === forget) endPreview(); }, IDLE_MS);
  const {begun, signal} = held;
  await begun;
  const [row] = isWanted() ? await ask('POST', 'preview/deliveries', {numbers: [number], target}, signal) : [null];
  return row && row.after;
}

// Ask for a preview, and call `show` with its rows or an Error. While one is made, only the latest that is asked for waits.
export async function askPreview(request, show) {
  wanted = {request, show, holder: held};
  if (isRunning) return;
  isRunning = true;
  while (wanted) {
    const {request: next, show: showNext, holder} = wanted;
    wanted = null;
    await holder?.begun.catch(() => null);
    const rows = await ask('POST', 'preview/deliveries', next).catch((error) => error);
    if (!wanted && holder === held) showNext(rows);
  }
  isRunning = false;
}

// Drawing.

const plural = (count, one, more = `${one}s`) => `${count} ${count === 1 ? one : more}`;

// Return an incident with its severity and state. `problems` has how many there are of each problem; with `withTime` it says
// when.
function drawIncident(item, problems, withTime) {
  const {name, state, occurred, dbotMirrorId: key} = item;
  const others = (problems.get(problem(item)) || 1) - 1;
  const facts = [...(key ? ['problem ', el('code', {}, cut(key)), others ? `, as ${plural(others, 'other')}` : ''] : []),
    ...(withTime ? [key ? ' · ' : '', `occurred ${day(occurred)}`] : [])];
  return el('li', {}, el('bdi', {class: 'name'}, cut(name)), ' ',
    el('span', {class: 'severity'}, 'severity ', drawSeverity(item)), ' ',
    state ? [el('bdi', {class: 'state-word good'}, state), ' '] : [], el('div', {class: 'dim'}, ...facts));
}

// Return what a delivery became or would become.
function drawResult({kind, text, incidents, count, repeats}, problems = new Map(), withTime = false) {
  if (incidents.length) {
    const more = (count || incidents.length) - SHOWN_INCIDENTS;
    const shown = incidents.slice(0, SHOWN_INCIDENTS).map((each) => drawIncident(each, problems, withTime));
    return [repeats ? el('span', {class: 'again'}, `repeat of delivery ${repeats}: `) : '',
      el('ul', {}, ...shown, more > 0 ? el('li', {class: 'dim'}, `and ${more} more`) : [])];
  }
  const [tone, before] = {rejected: ['bad', 'rejected: '], unsent: ['warn', 'not sent: ']}[kind] || ['dim', ''];
  return [el('span', {class: tone}, before, el('bdi', {}, cut(text && text !== '[]' ? text : 'no incident')))];
}

function drawRow({number, before, after}, started, problems, withTime) {
  const link = el('a', {href: `#/deliveries/${number}`, title: `delivery ${number}`},
    started ? clock(time(started)) : String(number));
  return el('tr', {}, el('th', {scope: 'row'}, link), el('td', {}, ...drawResult(before)),
    el('td', {}, ...drawResult(after, problems, withTime)));
}

// Return how many incidents of each problem there are.
function countProblems(rows) {
  const found = new Map();
  const keys = rows.flatMap(({after}) => after.incidents).map(problem).filter(Boolean);
  for (const key of keys) found.set(key, (found.get(key) || 0) + 1);
  return found;
}

// By kind, what is said of one delivery and of several.
const SAID = {
  created: ['creates incidents', 'create incidents'],
  repeat: ['is a repeat', 'are repeats'],
  none: ['creates none', 'create none'],
  rejected: ['is rejected', 'are rejected'],
  unsent: ['cannot be sent', 'cannot be sent'],
};

function summary(rows) {
  const counted = Object.entries(SAID).map(([kind, said]) => [rows.filter(({after}) => after.kind === kind).length, ...said]);
  const found = counted.filter(([count]) => count);
  if (rows.length === 1) return `This delivery ${found[0][1]}.`;
  const parts = found.map(([count, one, more]) => `${count} ${count === 1 ? one : more}`);
  return `Of the last ${rows.length} deliveries of this sender, ${parts.join(', ')}.`;
}

// Return what events lack, and what the integration notes about the URL, each with how many deliveries it is about.
function remarks(rows, paths) {
  const counts = new Map();
  const count = (text, before) => counts.set(before + text, (counts.get(before + text) || 0) + 1);
  for (const {after} of rows) {
    const lacking = paths.filter((_, at) => after.values?.[at]?.some((value) => LACKING.includes(value)));
    lacking.forEach((path) => count(path, ' lack '));
    for (const note of (after.note || '').split('; ')) {
      if (note && !(lacking.length && /^\w+, parts? /.test(note))) count(note, ': ');  // which says that a part is lacking
    }
  }
  const said = (text, number) => (number === 1 ? text.replace(/^ lack /, ' lacks ') : text);
  return [...counts].map(([text, number]) => `${number} of ${rows.length}${said(text, number)}`);
}

// Draw the rows, which are an Error if there are none. `startedAt` returns when a delivery came.
export function drawPreview(rows, paths, startedAt, withTime) {
  if (rows instanceof Error) return [el('p', {class: 'wrong', role: 'alert'}, rows.message)];
  const problems = countProblems(rows);
  const heads = ['Came', 'Became', 'Would become'].map((name) => el('th', {scope: 'col'}, name));
  return [el('p', {role: 'status', id: 'preview-summary'}, summary(rows)),
    ...remarks(rows, paths).map((text) => el('p', {class: 'warn remark'}, text)),
    el('table', {class: 'several becoming'}, el('thead', {}, el('tr', {}, ...heads)),
      el('tbody', {}, ...rows.map((row) => drawRow(row, startedAt(row.number), problems, withTime))))];
}

// Draw what one of the deliveries would become, with its time if `withTime`.
export function drawOne(rows, number, withTime) {
  const row = rows instanceof Error ? null : rows.find((each) => each.number === number);
  return row ? [el('span', {class: 'dim'}, 'It would become '), ...drawResult(row.after, undefined, withTime)] : [];
}

// Return the values at a path that the events of the deliveries have, as a sentence.
export function valuesSeen(rows, at) {
  if (rows instanceof Error) return '';
  const values = new Set(rows.flatMap(({after}) => after.values?.[at] || []).filter((value) => !LACKING.includes(value)));
  const shown = [...values].slice(0, SHOWN_VALUES).map((value) => cut(value, 30));
  return shown.length ? `Seen: ${shown.join(', ')}${values.size > SHOWN_VALUES ? ', …' : ''}.` : '';
}

// Return whether no incident has a severity, but for those that report an end.
export function hasNoSeverity(rows) {
  const made = rows instanceof Error ? [] : rows.flatMap(({after}) => after.incidents).filter(({state}) => !state);
  return made.length > 0 && made.every((each) => !each.severity);
}
