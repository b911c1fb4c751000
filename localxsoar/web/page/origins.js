// Where an incident has its values from. Only the pack knows: the delivery is sent once more, into the container of a preview.
import {deliveries, ownOf} from './deliveries.js';
import {el} from './dom.js';
import {cut} from './long.js';
import {instanceOf, rootOf, wordsOf} from './naming.js';
import {askOnce} from './preview.js';
import {ask} from './server.js';
import {hasPort} from './state.js';
import {severity} from './triage.js';
import {joined, prefixOf, quoted, readQuery, writeQuery} from './words.js';

const GLANCE_MS = 400;  // an incident that is open for less starts no container
const MOST_BYTES = 1024 * 1024;
const SHOWN_CHARACTERS = 60;

// The incident that this was found for last: it may be drawn again.
let last = {id: '', origins: {}, severity: 0, delivery: null, known: {}, canName: false};

// Return a table that says where the values of an incident come from. It is hidden until that is known.
export function drawOrigins(item, delivery) {
  const table = el('table', {class: 'origins', hidden: true, 'aria-label': 'Where its values come from'});
  if (!delivery || !hasPort(instanceOf(delivery)) || delivery.size > MOST_BYTES) return table;
  if (last.id === item.id) fill(table, item);
  else setTimeout(() => look(table, item, delivery).catch(() => null), GLANCE_MS);
  return table;
}

async function look(table, item, delivery) {
  const isWanted = () => table.isConnected && !table.parentElement.closest('[hidden]') && deliveries.all.includes(delivery);
  const known = await wordsOf(instanceOf(delivery));
  const {count, incidents} = (Object.keys(known).length && await askOnce(instanceOf(delivery), delivery, isWanted)) || {};
  if (!incidents || !isWanted()) return;
  const own = ownOf(delivery);
  // If they are not as many, a pre-process rule has dropped some.
  const found = count === own.length ? [incidents[own.indexOf(item.id)]] : incidents.filter(({name}) => name === item.name);
  if (found.length !== 1 || !found[0]?.origins) return;
  const whole = await ask('GET', `deliveries/${delivery.number}`);
  const {origins, severity: first} = found[0];
  last = {id: item.id, origins, severity: first, delivery, known, canName: rootOf(whole) !== null};
  fill(table, item);
}

// Return what else made the value: the severity may have been raised by another delivery since.
const since = (name, item) => (name === 'severity' && (item.severity || 0) !== (last.severity || 0)
  ? ` It has become ${severity(item)} since.` : '');

function fill(table, item) {
  const {origins, delivery, known, canName} = last;
  const rows = Object.keys(known).filter((name) => origins[name]).map((name) => el('tr', {},
    el('th', {scope: 'row'}, known[name].label), el('td', {}, ...said(origins[name], known[name].kind), since(name, item),
      canName ? [' ', link(name, origins[name], delivery, known)] : [])));
  table.replaceChildren(el('tbody', {}, ...rows));
  table.hidden = false;
}

const code = (text) => el('code', {}, cut(text, SHOWN_CHARACTERS));

// Return where a value comes from, or why there is none.
function said({at, by, why}, kind) {
  const hasText = why || ['severity', 'conditions'].includes(kind);  // any other is shown above, as it is
  const drawn = ([path, text]) => [code(path), ...(hasText && text ? [' is ', code(text)] : [])];
  const found = at.flatMap((each, place) => [place ? ', ' : '', ...drawn(each)]);
  if (why) return found.length ? [...found, `: ${why}.`] : [el('span', {class: 'dim'}, `none: ${why}.`)];
  return [...found, el('span', {class: 'dim'}, found.length ? `, by ${by}.` : `by ${by}.`)];
}

// Return a link to the panel of the delivery's URL, with the word filled in that could say this.
function link(name, {at, why}, {number, sender, target}, known) {
  const {kind, label, sentence} = known[name];
  const {words} = readQuery(target.split(/\?(.*)/s)[1] || '', known);
  const parts = at.filter(([path]) => !/^'|^host: /.test(path))
    .map(([path, text]) => (kind === 'conditions' ? quoted(text) && `${path}=${quoted(text)}` : path)).filter(Boolean);
  const isOne = ['part', 'severity'].includes(kind);
  if (parts.length && !words.has(name)) words.set(name, joined(kind, prefixOf(sender), isOne ? parts.slice(0, 1) : parts));
  const query = new URLSearchParams({open: number, words: `?${writeQuery(words)}`});
  return el('a', {id: `origin-${name}`, href: `#/deliveries?${query}`, title: sentence},
    !why ? 'Change…' : parts.length ? 'Use it…' : 'Say it…', el('span', {class: 'unseen'}, ` ${label}`));
}
