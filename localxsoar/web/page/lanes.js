// The lanes of problems: a third way to see incidents, one line for each problem, with what happened to it from left to right.
import {acts} from './acts.js';
import {choose, chosen, go, view} from './address.js';
import {deliveries} from './deliveries.js';
import {$, el, spaced} from './dom.js';
import {day} from './format.js';
import {incidents} from './incidents.js';
import {Lines, ROW_HEIGHT} from './lines.js';
import {cut} from './long.js';
import {paced} from './pace.js';
import {lanesOf} from './problems.js';
import {marksOf, spansOf, ticksOf} from './tracks.js';
import {drawSeverity, severity} from './triage.js';

const NOW_MS = 5000;
const TICK_LABEL = 80;  // pixels
const PAUSE_MS = 500;  // between two drawings of what changes: thousands of events take a while

// The signs of events, what they are called, and their colors; those of an incident have that of its severity.
export const SIGNS = {
  created: ['→', 'created', ''],
  joined: ['↳', 'joined', ''],
  ended: ['✓', 'ended', 'good'],
  end: ['→', 'created: the end', 'good'],
  dropped: ['⊘', 'dropped', 'dim'],
  skipped: ['⊘', 'skipped', 'dim'],
  repeat: ['↺', 'repeat', 'again'],
  lost: ['✗', 'lost', 'bad'],
  rejected: ['✗', 'rejected', 'bad'],
  left: ['↯', 'sender left', 'warn'],
  many: ['⋯', 'several', 'dim'],
};

let scale = {from: 0, to: 0, width: 0};  // of all lanes that are shown
let isStale = true;

export const areLanesShown = () => view === 'incidents' && chosen('as') === 'lanes';
const areLanesWanted = () => areLanesShown() || (view === 'incidents' && chosen('open').startsWith('lane-'));


export function titleOf({problem, name, sender, source}) {
  if (problem) return name;
  return source ? 'Incidents without a problem key' : `${sender || 'Unknown senders'}: without an incident`;
}

export const stateOf = ({problem, isOpen}) => (problem ? (isOpen ? 'open' : 'ended') : '');

export const toneOf = (kind, lane) => SIGNS[kind][2] || (lane.problem ? `severity ${severity(lane)}` : '');

// Return how often each kind of event occurs, such as `created, 3 × again, end`.
function summary({events}) {
  const counts = new Map();
  for (const {kind} of events) counts.set(kind, (counts.get(kind) || 0) + 1);
  return [...counts].map(([kind, count]) => (count > 1 ? `${count} × ${SIGNS[kind][1]}` : SIGNS[kind][1])).join(', ');
}

function drawMark({kind, left, events}, lane) {
  const [first, last] = [events[0], events.at(-1)];
  const count = events.length > 1 ? String(events.length) : '';
  const [sign, word] = SIGNS[kind];
  const title = count ? `${count} × ${word} ${day(first.at)} to ${day(last.at)}` : `${word} ${day(first.at)}`;
  const mark = el('span', {class: `sign ${toneOf(kind, lane)}`, title}, sign, count && el('small', {}, count));
  mark.style.left = `${left}px`;
  return mark;
}

function drawSpan(left, right, lane) {
  const span = el('span', {class: `span ${toneOf('created', lane)}`});
  Object.assign(span.style, {left: `${left}px`, width: `${right - left}px`});
  return span;
}

function drawTrack(lane) {
  const marks = marksOf(lane.events, scale);
  const spans = lane.problem ? spansOf(marks, lane.isOpen, scale.width) : [];
  return el('span', {class: 'track', 'aria-hidden': 'true'}, spans.map(([left, right]) => drawSpan(left, right, lane)),
    marks.map((mark) => drawMark(mark, lane)));
}

function drawLane(lane) {
  const [first, last] = [lane.events[0], lane.events.at(-1)];
  return el('div', {class: `lane ${lane.problem && !lane.isOpen ? 'over' : ''}`}, ...spaced(
    lane.problem ? drawSeverity(lane) : el('span', {class: 'severity'}),
    el('span', {class: lane.isOpen ? 'state-word' : 'state-word good'}, stateOf(lane)),
    el('span', {class: 'became', title: cut(`${titleOf(lane)} ${lane.problem}`, 1000)},
      el('bdi', {class: 'name'}, cut(titleOf(lane))), ' ', el('bdi', {class: 'dim'}, cut(lane.problem))),
    el('span', {class: 'unseen'}, `${summary(lane)}, from ${day(first.at)} to ${day(last.at)}`), drawTrack(lane)));
}

class Lanes extends Lines {
  refreshed = () => {};  // called when they may be others

  // Show other lanes without moving the one that is read.
  set(items) {
    const top = Math.floor(this.top() / ROW_HEIGHT);
    const read = this.box.scrollTop > 0 && this.shown[top]?.key;
    super.set(items);
    const to = read ? this.shown.findIndex(({key}) => key === read) : -1;
    if (to >= 0) this.moved += (to - top) * ROW_HEIGHT;
  }

  hasWords(lane, wanted) {
    return super.hasWords(lane, wanted) || lane.incidents.some((item) => incidents.hasWords(item, wanted));
  }

  render() {
    if (this.height) measure(this);
    super.render();
  }
}

const FACTS = {
  sender: ({sender}) => sender,
  status: (lane) => [stateOf(lane), lane.isOpen ? 'open' : 'over'],
  severity: (lane) => [severity(lane)],
  became: ({events}) => events.map(({kind}) => (kind === 'end' ? 'created' : kind)),
  after: ({events}) => events.at(-1).at,
};

export const lanes = new Lanes('lanes', 'key', drawLane,
  (lane) => [titleOf(lane), lane.problem, lane.source, lane.sender, stateOf(lane)].join(' '),
  ({key}) => go(`incidents/${key}`),
  FACTS);


// The line of time.

function label(at, {isOfDays, isOfSeconds}) {
  const text = day(at);
  return isOfDays ? text.slice(0, 10) : text.slice(11, isOfSeconds ? undefined : 16);
}

// Fit the line of time to the lanes that are shown and to the room that they have.
function measure({shown, box}) {
  const axis = $('axis');
  $('lanes-heads').style.paddingRight = `${16 + box.offsetWidth - box.clientWidth}px`;  // beside the scroll bar
  const width = axis.clientWidth;
  const from = Math.min(...shown.map(({events}) => events[0].at));
  const now = Date.now();
  const isWithin = shown.every(({events}) => events.at(-1).at <= scale.to)
    && (now - scale.to) * width < scale.to - scale.from;  // a pixel
  if (from === scale.from && width === scale.width && isWithin) return;
  scale = {from, to: Math.max(now, ...shown.map(({events}) => events.at(-1).at)), width};
  lanes.drawn.clear();
  const found = ticksOf(scale);
  axis.replaceChildren(...found.ticks.filter(({left}) => left < width - TICK_LABEL).map(({at, left}) => {
    const tick = el('span', {class: 'tick', title: day(at)}, label(at, found));
    tick.style.left = `${left}px`;
    return tick;
  }));
}

// When they are shown.

function refresh() {
  if (!isStale || !areLanesWanted()) return;
  isStale = false;
  lanes.set(lanesOf(incidents.all, deliveries.all, acts));
  lanes.isWhole = incidents.isWhole && deliveries.isWhole;
  lanes.refreshed();
}

const refreshSoon = paced(refresh, PAUSE_MS);
let ticking = null;  // while the lanes are shown, whose line of time ends now

// Take note that incidents or deliveries have changed.
export function noteChange() {
  isStale = true;
  if (areLanesWanted()) refreshSoon();
}

function drawSigns() {
  const all = Object.values(SIGNS).slice(0, -1);
  return spaced(...all.map(([sign, word, color]) => el('span', {}, el('b', {class: color}, sign), ` ${word}`)));
}

let areDrawn = false;  // whether the lanes were shown last, or the list
export const isChoiceShown = () => areDrawn === areLanesShown();

// Show the lanes or the list, as the address says.
export function showLanes() {
  const areShown = areLanesShown();
  areDrawn = areShown;
  $('as-list').setAttribute('aria-pressed', String(!areShown));
  $('as-lanes').setAttribute('aria-pressed', String(areShown));
  $('view-incidents').classList.toggle('as-lanes', areShown);
  if (!$('signs').childElementCount) $('signs').append(...drawSigns());
  refresh();
  clearInterval(ticking);
  ticking = areShown ? setInterval(() => lanes.plan(), NOW_MS) : null;
  if (areShown) lanes.filter();
}

export function chooseLanes(areChosen = !areLanesShown()) {
  choose({as: areChosen ? 'lanes' : ''});
  showLanes();
}

// Return the lane with a key, or the one that has the incident or the delivery of which the key was made.
export function laneOf(key) {
  refresh();
  const [, , number] = /^lane-(of-)?(\d+)$/.exec(key) || [];
  const isOfDelivery = ({incidents: own, events}) => !own.length
    && events.some(({delivery}) => String(delivery?.number) === number);
  const isOfIncident = (lane) => lane.incidents.some(({id}) => id === number);
  return lanes.all.find((lane) => lane.key === key)
    || lanes.all.find(key.startsWith('lane-of-') ? isOfDelivery : isOfIncident);
}
