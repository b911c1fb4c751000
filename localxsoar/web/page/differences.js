// What differs between two values, by the keys of their source text: `1.0` and `1` differ, the order of keys does not count.

const MOST_PAIRS = 250000;  // of items of two lists that are compared with each other; longer lists are compared place by place

// Return a function that gives equal values the same number, so that they are compared at once however large they are.
function numbering() {
  const known = new Map();
  const found = new Map();
  const number = (text) => known.get(text) ?? known.set(text, known.size).get(text);
  return function numberOf(value) {
    if (!value.entries) return number(value.source);
    if (!found.has(value)) {
      const part = ([key, each]) => (value.isArray ? numberOf(each) : `${JSON.stringify(key)}:${numberOf(each)}`);
      const parts = value.entries.map(part);
      found.set(value, number(value.isArray ? `[${parts.join()}]` : `{${parts.sort().join()}}`));
    }
    return found.get(value);
  };
}

// Pairs of entries: each is [key, before, after], of which one is missing if it was added or removed.

// Return the values of an object by their names and, of a name that repeats, by its place among them.
function named({entries}) {
  const counts = new Map();
  return new Map(entries.map(([key, value]) => {
    counts.set(key, (counts.get(key) ?? -1) + 1);
    return [`${counts.get(key)} ${key}`, {key, value}];
  }));
}

function pairKeys(before, after) {
  const [olds, news] = [named(before), named(after)];
  const removed = new Map();  // by the name before them that is still there, what was removed
  let place = '';
  for (const [name, {key, value}] of olds) {
    if (news.has(name)) place = name;
    else if (removed.has(place)) removed.get(place).push([key, value]);
    else removed.set(place, [[key, value]]);
  }
  const pairs = [...removed.get('') || []];
  for (const [name, {key, value}] of news) {
    pairs.push([key, olds.get(name)?.value, value]);
    for (const each of removed.get(name) || []) pairs.push(each);
  }
  return pairs;
}

// Return pairs of places of equal numbers in two lists, as many as there are in the same order.
function longestCommon(olds, news) {
  const width = news.length + 1;
  const lengths = new Uint32Array((olds.length + 1) * width);
  for (let at = olds.length - 1; at >= 0; at -= 1) {
    for (let to = news.length - 1; to >= 0; to -= 1) {
      lengths[at * width + to] = olds[at] === news[to] ? lengths[(at + 1) * width + to + 1] + 1
        : Math.max(lengths[(at + 1) * width + to], lengths[at * width + to + 1]);
    }
  }
  const common = [];
  for (let at = 0, to = 0; at < olds.length && to < news.length;) {
    if (olds[at] === news[to]) common.push([at++, to++]);
    else if (lengths[(at + 1) * width + to] >= lengths[at * width + to + 1]) at += 1;
    else to += 1;
  }
  return common;
}

// Return the places of equal items of two lists: of their equal beginnings, of what is between, and of their equal ends.
function equalItems(olds, news) {
  const most = Math.min(olds.length, news.length);
  let first = 0;
  while (first < most && olds[first] === news[first]) first += 1;
  let last = 0;
  while (last < most - first && olds.at(-1 - last) === news.at(-1 - last)) last += 1;
  const [someOlds, someNews] = [olds, news].map((all) => all.slice(first, all.length - last));
  const between = someOlds.length * someNews.length > MOST_PAIRS ? [] : longestCommon(someOlds, someNews);
  const from = (count, old, other) => Array.from({length: count}, (_, at) => [old + at, other + at]);
  return [...from(first, 0, 0), ...between.map(([old, other]) => [old + first, other + first]),
    ...from(last, olds.length - last, news.length - last)];
}

// Pair equal items of two lists and, between those, the others by their places.
function pairItems(before, after, numberOf) {
  const [olds, news] = [before, after].map(({entries}) => entries.map(([, value]) => value));
  const pairs = [];
  let [at, to] = [0, 0];
  for (const [old, other] of [...equalItems(olds.map(numberOf), news.map(numberOf)), [olds.length, news.length]]) {
    for (; at < old || to < other; at += 1, to += 1) {
      if (at < old && to < other) pairs.push([String(to), olds[at], news[to]]);
      else if (at < old) pairs.push([String(at), olds[at]]);
      else pairs.push([String(to), undefined, news[to]]);
    }
    [at, to] = [old, other];
    if (old < olds.length) pairs.push([String(to++), olds[at++], news[other]]);
  }
  return pairs;
}

const haveEntriesOfOneKind = (old, other) => old.entries && other.entries && old.isArray === other.isArray;

// Return the parts of two values in the order of the second, each with the `keys` of its path: what is `changed`, `added` or
// `removed`, with `before` and `after`, and what is the `same` between those, with its `parts`. Raise RangeError if a value is
// too deep.
export function differencesOf(before, after) {
  const numberOf = numbering();
  const rows = [];
  const addSame = (part) => {
    if (rows.at(-1)?.kind === 'same') rows.at(-1).parts.push(part);
    else rows.push({kind: 'same', parts: [part]});
  };
  const compare = (old, other, keys) => {
    if (!old || !other) rows.push({kind: old ? 'removed' : 'added', keys, before: old, after: other});
    else if (numberOf(old) === numberOf(other)) addSame({keys, value: other});
    else if (!haveEntriesOfOneKind(old, other)) rows.push({kind: 'changed', keys, before: old, after: other});
    else {
      const pairs = other.isArray ? pairItems(old, other, numberOf) : pairKeys(old, other);
      for (const [key, one, two] of pairs) compare(one, two, [...keys, {key, isIndex: other.isArray}]);
    }
  };
  compare(before, after, []);
  return rows;
}

// Return a text as a list of its lines, and names with values as an object.
const asText = (text) => ({source: text, text});
export const linesOf = (text) => ({isArray: true, entries: text.split('\n').map((line, at) => [String(at), asText(line)])});
export const fieldsOf = (fields) => ({isArray: false, entries: fields.map(({name, value}) => [name, asText(value)])});

const isPair = (text, at) => /[\ud800-\udbff]/.test(text[at - 1] || '');  // whether a pair would be cut there

// Return how many characters two texts have in common at their beginning and, after that, at their end.
export function commonEnds(one, other) {
  const most = Math.min(one.length, other.length);
  let first = 0;
  while (first < most && one[first] === other[first]) first += 1;
  if (isPair(one, first)) first -= 1;
  let last = 0;
  while (last < most - first && one.at(-1 - last) === other.at(-1 - last)) last += 1;
  if (isPair(one, one.length - last)) last -= 1;
  return [first, Math.max(0, last)];
}
