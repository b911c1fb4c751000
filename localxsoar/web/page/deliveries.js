// The list of deliveries.
import {go} from './address.js';
import {$, el, spaced} from './dom.js';
import {clock, duration, size, time} from './format.js';
import {Lines} from './lines.js';
import {cut, shortened} from './long.js';
import {instance, WAY_IN} from './state.js';
import {SEVERITIES} from './triage.js';

export function tone(delivery) {
  if (delivery.kind === 'waiting') return 'dim';
  if (delivery.kind === 'gone') return 'warn';
  if (delivery.kind === 'repeat' || delivery.kind === 'handshake') return 'again';
  return !delivery.status || delivery.status >= 400 ? 'bad' : 'good';
}

// Return the severity and the state of what a delivery became, which the server has in words such as `gravest critical` or
// `info resolved`.
function triaged({triage}) {
  const words = (triage || '').split(' ').filter(Boolean);
  const gravest = words[0] === 'gravest' ? words.shift() : '';
  const level = Object.values(SEVERITIES).includes(words[0]) ? words.shift() : '';
  const state = words.join(' ');
  const drawn = [gravest && el('span', {class: 'dim minor'}, gravest), level && el('span', {class: `severity ${level}`}, level),
    state && el('bdi', {class: 'state-word good'}, state)].filter(Boolean);
  if (!drawn.length) return [];
  return [...spaced(...drawn), el('span', {class: 'dim minor'}, '· ')];  // a name may begin with a word such as `closed`
}

// The words for what becomes of deliveries: their colors, and what a screen reader says before the number, in place of the sign.
export const WORDS = {
  created: ['good', 'incident '],
  joined: ['good', 'joined incident '],
  ended: ['good', 'ended incident '],
  dropped: ['dim', ''],
  skipped: ['dim', ''],
  repeat: ['again', 'delivery '],
  lost: ['bad', ''],
  rejected: ['bad', ''],
  left: ['warn', ''],
};
const NOTHING = 'nothing was created';

// Return the incidents that a delivery created, changed or repeated.
export const incidentsOf = ({chain}) => [...new Set(chain.flatMap(({incidents}) => incidents))];

// Return the incidents that a delivery created itself.
export const ownOf = ({chain}) => chain.find(({word}) => word === 'created')?.incidents || [];

function drawStep({word, sign, text, incidents}) {
  const [color, said] = WORDS[word];
  const unseen = !/^\d/.test(text) ? '' : incidents.length > 1 ? said.replace('incident ', 'incidents ') : said;
  return el('b', {class: color, title: word}, `${sign} `, unseen && el('span', {class: 'unseen'}, unseen), text);
}

// Return the steps of what became of a delivery.
function drawChain({chain, kind}, text) {
  const steps = chain.map((step) => (step.word === 'rejected' ? el('span', {class: 'bad'}, ...text) : drawStep(step)));
  return steps.flatMap((step, at) => (at ? [' · ', step] : [step])).concat(kind === 'repeat' ? [' repeat of '] : [' ']);
}

// Return what a delivery became and, in a line, what the receiver notes about that.
export function becameWithNote(delivery) {
  const {note} = delivery;
  return [...became(delivery), ...(note ? [el('span', {class: 'warn'}, ` · ${cut(note)}`)] : [])];
}

export function became(delivery, isWhole = false) {
  const {kind, chain} = delivery;
  const text = isWhole ? shortened(delivery.text) : [el('bdi', {}, cut(delivery.text))];
  if (chain.length) {
    const isSaid = kind === 'rejected' || delivery.text === NOTHING;
    return [...drawChain(delivery, text), ...(isSaid ? [] : [...triaged(delivery), ...text])];
  }
  if (kind === 'handshake') return [el('span', {class: 'again'}, 'handshake'), ' ', ...text];
  if (kind === 'waiting') return [el('span', {class: 'dim'}, 'waiting for the response…')];
  if (kind === 'answered') return [el('span', {class: 'dim'}, ...text)];
  return [el('span', {class: tone(delivery)}, ...text)];
}

// Return what of a target is beyond the address of the instance, or all of it.
function path(target) {
  const own = `${WAY_IN}${encodeURIComponent(instance.instance || '')}`;
  if (target === own || target === `${own}/`) return '';
  return target.startsWith(`${own}/`) || target.startsWith(`${own}?`) ? target.slice(own.length) : target;
}

function drawDelivery(delivery) {
  return el('div', {class: 'delivery'}, ...spaced(clock(time(delivery.started)), el('span', {class: 'method'}, delivery.method),
    el('span', {class: tone(delivery)}, String(delivery.status || (delivery.kind === 'waiting' ? '…' : '—'))),
    el('span', {class: 'sender'}, cut(delivery.sender || '—')),
    el('span', {class: 'became', title: cut(delivery.text, 1000)}, ...becameWithNote(delivery)),
    el('span', {class: 'path', title: cut(delivery.target, 1000)}, cut(path(delivery.target))),
    el('span', {class: 'ms'}, delivery.kind === 'waiting' ? '' : duration(delivery.milliseconds)),
    el('span', {class: 'size'}, delivery.size ? size(delivery.size) : '')));
}

// Show the column of paths only if a delivery has one beyond the address of the instance.
export function showPaths(items) {
  if (items.some((item) => path(item.target))) $('deliveries').classList.add('has-paths');
}

// Return what became of a delivery: one word or several.
export const kindsOf = ({chain, kind}) => (chain.length ? chain.map(({word}) => word) : [kind === 'handshake' ? kind : 'other']);

const statusOf = ({status}) => (status ? [String(status), `${String(status)[0]}xx`] : ['none']);

// Return the severity of the gravest of a delivery's incidents, or nothing if it has none.
function severitiesOf({triage, incidents}) {
  const found = (triage || '').split(' ').find((word) => Object.values(SEVERITIES).includes(word));
  return found || incidents.length ? [found || 'unknown'] : [];
}

// Return what a search looks through.
function textOf({method, target, status, sender, kind, chain, incidents, triage, text, note}) {
  const steps = chain.flatMap(({word, said}) => [word, said]);
  return [method, target, status, sender, kind, ...steps, ...incidents, triage, text, note || ''].join(' ');
}

const FACTS = {
  sender: ({sender}) => sender || '',
  status: statusOf,
  severity: severitiesOf,
  became: kindsOf,
  after: ({started}) => started * 1000,
};

const open = ({number}) => go(`deliveries/${number}`);
export const deliveries = new Lines('deliveries', 'number', drawDelivery, textOf, open, FACTS);
