// The words of a sender's URL: their values are split, joined and quoted here, and a value in a payload becomes a path.
//
// `a.b.0.c` is a path: keys joined by dots, `0` for the first item of a list. `a,b` are two parts, `a=text` is a condition, and
// quotes protect a text. A key of the payload may contain dots: the longest that exists is followed.
import {MASK} from './state.js';

const SEPARATORS = /[,|=:]/;
const BLANK_ENDS = /^[\s\x1c-\x1f\x85]|[\s\x1c-\x1f\x85]$/;
const NOT_UTF8 = /\ufffd|\p{Cs}/u;
const PATH = /^(?!@?(?:[!.]|$))[^.*']+(?:\.[^.*']+)*$/;
const MOST_KEYS = 16;
const LONGEST_TEXT = 300;  // of a condition

// Return the texts between the separators that are not inside quotes. A text with an open quote is one.
export function split(text, separator = ',') {
  const pieces = text.split("'");
  if (pieces.length % 2 === 0) return [text.trim()];
  const parts = [''];
  pieces.forEach((piece, at) => {
    const [first, ...others] = at % 2 ? [`'${piece}'`] : piece.split(separator);
    parts[parts.length - 1] += first;
    parts.push(...others);
  });
  return parts.map((each) => each.trim()).filter(Boolean);
}

// Return a text as the value of a condition, or null if it cannot be one.
export function quoted(text) {
  if (!text || text === 'null' || text.length > LONGEST_TEXT) return null;
  if (text.includes("'") || NOT_UTF8.test(text) || text.includes(MASK)) return null;
  return SEPARATORS.test(text) || BLANK_ENDS.test(text) || text.startsWith('!') ? `'${text}'` : text;
}

// Paths.

// Return the value at a key. Of a list only the first item has one; of a key that is there twice the last counts.
function member({isArray, entries}, key) {
  if (isArray) return key === '0' ? entries[0]?.[1] : undefined;
  return entries.findLast(([name]) => name === key)?.[1];
}

// Return the keys to which the text of a path leads in a payload, or null if it leads nowhere.
export function follow(node, text) {
  const parts = text.split('.');
  const keys = [];
  let start = 0;
  let value = node;
  while (start < parts.length) {
    if (!value.entries) return null;
    let end = parts.length;
    while (end > start && !member(value, parts.slice(start, end).join('.'))) end -= 1;
    if (end === start) return null;
    keys.push(parts.slice(start, end).join('.'));
    value = member(value, keys.at(-1));
    start = end;
  }
  return {keys, value};
}

// Return what an event is in a payload, and the keys that lead from it to a value: each item of a payload that is a list is one,
// and so is each item of the list at `each`. Return null if the value is outside of that list.
function inEvent(root, keys, each) {
  let event = root;
  let rest = keys;
  if (root.isArray) {
    event = root.entries[Number(keys[0].key)][1];
    rest = keys.slice(1);
  }
  const list = each && follow(event, each);
  if (!list?.value?.isArray) return {event, rest};
  if (rest.length <= list.keys.length + 1 || list.keys.some((key, at) => rest[at].key !== key)) return null;
  return {event: list.value.entries[Number(rest[list.keys.length].key)][1], rest: rest.slice(list.keys.length + 1)};
}

// Return the value at some keys of a payload.
const at = (root, keys) => keys.reduce((node, {key}) => (node.isArray ? node.entries[Number(key)][1] : member(node, key)), root);

const isUnnamable = ({key}) => !key || /[,|*'=]/.test(key) || BLANK_ENDS.test(key) || NOT_UTF8.test(key);
const UNNAMABLE = 'A URL cannot name this key: it is empty, ends in a blank or a dot, or has a character such as , | * = or a '
  + 'quote.';

// Return the path of a value in a payload as `text` with its `keys`, or as `reason` why a URL cannot have it. It `isOfSeveral` if
// a list on its way has more items, for which the first does not speak: such a value identifies no problem, and ends none.
export function pathTo(root, keys, value, each = '') {
  const found = inEvent(root, keys, each);
  if (!found) return {reason: `It is in no item of ${each}.`};
  const {event, rest} = found;
  const text = rest.map(({key}) => key).join('.');
  if (!rest.length || rest.some(isUnnamable) || !PATH.test(text)) return {reason: UNNAMABLE};
  if (text.includes(MASK)) return {reason: 'The key is masked.'};
  if (text.split('.').length > MOST_KEYS) return {reason: `A path has at most ${MOST_KEYS} keys.`};
  if (rest.some(({key, isIndex}) => isIndex && key !== '0')) return {reason: 'Of a list, a path names the first item only.'};
  const reached = follow(event, text);
  const isReached = reached && reached.value === value && reached.keys.length === rest.length;
  if (!isReached) return {reason: 'Another value has the same path.'};
  const isOfSeveral = rest.some(({isIndex}, place) => isIndex && at(event, rest.slice(0, place)).entries.length > 1);
  return {text, keys: reached.keys, isOfSeveral};
}

// Return the path of the outermost list of objects in which a value is, or ''.
export function listAround(root, keys) {
  const rest = root.isArray ? keys.slice(1) : keys;
  const place = rest.findIndex(({isIndex}) => isIndex);
  if (place < 1 || place === rest.length - 1) return '';
  const around = keys.slice(0, keys.length - rest.length + place);
  const path = pathTo(root, around, at(root, around));
  return path.text && !path.text.includes('@') ? path.text : '';
}

// Words: a Map of the texts of words by name, in the order in which they were chosen.

// Return the words in a query, and its other parameters as they are.
export function readQuery(query, known) {
  const others = [];
  const words = new Map();
  for (const parameter of query.split('&').filter(Boolean)) {
    const [[name, text]] = new URLSearchParams(parameter);
    if (!Object.hasOwn(known, name) || text.includes(MASK)) others.push(parameter);
    else if (text.trim()) words.set(name, text);
  }
  return {words, others};
}

// Percent-encode all but letters, digits and - _ . ~.
function encode(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
}

export function writeQuery(words, others = []) {
  return [...others, ...[...words].map(([name, text]) => `${name}=${encode(text)}`)].join('&');
}

// Return the parts of a word, each of which a person has chosen, and the prefix before them.
export function partsOf(kind, text) {
  if (kind === 'key') return {prefix: text.split(':')[0], parts: split(text.slice(text.split(':')[0].length + 1))};
  return {prefix: '', parts: ['parts', 'conditions'].includes(kind) ? split(text) : [text]};
}

export const joined = (kind, prefix, parts) => (kind === 'key' ? `${prefix}:${parts.join(',')}` : parts.join(','));

// Return a prefix for problem keys from the name of a sender.
export const prefixOf = (name) => name.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 40) || 'sender';

// Return the path that a part begins with, and what follows it: a scale, or the text of a condition.
export function pathIn(kind, part) {
  let end = -1;
  if (kind === 'severity' && /:[^:]*=/.test(part)) end = part.lastIndexOf(':');
  if (kind === 'conditions') end = part.indexOf('=');
  return end < 0 ? [part, ''] : [part.slice(0, end), part.slice(end)];
}

// Return the words after `each` has become another list, or none: paths into the list's first item begin in its items then.
export function moveInto(words, known, from, to) {
  const moved = (path) => {
    if (/^[@']/.test(path)) return path;
    const whole = from ? `${from}.0.${path}` : path;
    return to && whole.startsWith(`${to}.0.`) ? whole.slice(to.length + 3) : whole;
  };
  for (const [name, text] of words) {
    const {kind} = known[name];
    if (!['part', 'parts', 'severity', 'key', 'conditions'].includes(kind)) continue;
    const {prefix, parts} = partsOf(kind, text);
    const pairs = parts.map((part) => pathIn(kind, part));
    words.set(name, joined(kind, prefix, pairs.map(([path, rest]) => moved(path) + rest)));
  }
}

// Return the severities of a scale by name, such as {high: '7', low: '3|2'}.
export function readScale(text) {
  const levels = split(text.replace(/^:/, '')).map((part) => split(part, '='));
  return new Map(levels.map(([name, ...values]) => [name, values.join('=')]));
}

export function writeScale(levels) {
  const inQuotes = (text) => (text.startsWith("'") ? text : quoted(text));
  const parts = [...levels].map(([name, text]) => [name, split(text, '|').map(inQuotes)])
    .filter(([, texts]) => texts.length && !texts.includes(null));
  return parts.length ? `:${parts.map(([name, texts]) => `${name}=${texts.join('|')}`).join(',')}` : '';
}
