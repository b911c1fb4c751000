// A delivery beside another one, such as the previous one of its sender: what each became, and what differs in what they sent.
import {choose, chosen} from './address.js';
import {became, deliveries} from './deliveries.js';
import {commonEnds, differencesOf, fieldsOf, linesOf} from './differences.js';
import {button, el} from './dom.js';
import {day} from './format.js';
import {readJson} from './json.js';
import {cut, shortened} from './long.js';
import {ask} from './server.js';
import {drawTree, pathOf} from './tree.js';
import {marked} from './visible.js';

const OFFERED = 100;  // deliveries of this sender to compare with, and as many of others
const SHOWN_ROWS = 100;
const NAMED_PARTS = 4;  // of those that are equal and folded
const SHOWN_CHARACTERS = 600;
const CONTEXT = 40;  // characters of a long text before and after what differs
const MASK = '••••••';
const SIGNS = {changed: ['≠', 'changed: ', 'warn'], added: ['+', 'added: ', 'good'], removed: ['−', 'removed: ', 'bad']};

const isAlike = (item) => (each) => each.sender === item.sender;

function previousOf(item) {
  return deliveries.all.find((each) => each.number < item.number && each.method !== '?' && isAlike(item)(each));
}

// Values.

// Return a value that is no list or object, with some nodes as its text.
function drawLeaf({source, text}, nodes) {
  const quote = text === undefined || text === source ? '' : '"';  // a line or a header is shown as it is
  const type = text !== undefined ? 'text' : /^[-\d]/.test(source) ? 'number' : 'plain';
  return el('span', {class: type}, quote, el('bdi', {}, nodes), quote);
}

const shownText = ({source, text}) => text ?? source;
const long = (text) => (text.length > SHOWN_CHARACTERS ? shortened(text, SHOWN_CHARACTERS) : marked(text));

function drawValue(value) {
  if (!value) return el('span', {class: 'dim'}, 'not there');
  return value.entries ? drawTree(value) : drawLeaf(value, long(shownText(value)));
}

// Return two values with what differs marked, if both are texts.
function drawBoth(before, after) {
  if (before?.text === undefined || after?.text === undefined) return [before, after].map(drawValue);
  const isWritten = before.text === after.text;  // the same text, written in two ways
  const texts = [before, after].map((each) => (isWritten ? each.source.slice(1, -1) : each.text));
  const [first, last] = commonEnds(...texts);
  return texts.map((text, at) => {
    const end = text.length - last;
    const [from, to] = [first > 2 * CONTEXT ? first - CONTEXT : 0, last > 2 * CONTEXT ? end + CONTEXT : text.length];
    const isLong = end - first > SHOWN_CHARACTERS;
    const middle = isLong ? shortened(text.slice(first, end), SHOWN_CHARACTERS) : marked(text, first, end);
    return drawLeaf([before, after][at], [from ? '…' : '', ...marked(text, from, first),
      middle.length ? el('mark', {}, middle) : '', ...marked(text, end, to), to < text.length ? '…' : '']);
  });
}

// The table of differences.

const drawPath = (keys) => el('bdi', {}, pathOf(keys) || 'all of it');

function drawDifference({kind, keys, before, after}) {
  const [sign, word, color] = SIGNS[kind];
  const [one, other] = drawBoth(before, after);
  const mark = el('b', {class: color}, el('span', {'aria-hidden': 'true'}, sign), el('span', {class: 'unseen'}, word));
  return el('tr', {class: kind}, el('th', {scope: 'row'}, mark, ' ', drawPath(keys)), el('td', {}, one), el('td', {}, other));
}

function drawEqual({keys, value}) {
  const head = el('th', {scope: 'row'}, el('span', {class: 'unseen'}, 'equal: '), drawPath(keys));
  return el('tr', {class: 'equal'}, head, el('td', {colSpan: 2}, drawValue(value)));
}

// Return rows and, if there are many, one with a button that gives way to the next ones.
function drawRows(all, draw) {
  const rows = all.slice(0, SHOWN_ROWS).map(draw);
  const left = all.length - SHOWN_ROWS;
  if (left <= 0) return rows;
  const label = `show ${Math.min(SHOWN_ROWS, left)} of ${left} more`;
  return [...rows, wideRow(label, () => drawRows(all.slice(SHOWN_ROWS), draw))];
}

// Return a row with a button that gives way to other rows. The first of them has the focus then.
function wideRow(label, draw) {
  const row = el('tr', {class: 'fold'}, el('td', {colSpan: 3}, button(label, () => {
    const rows = draw();
    row.replaceWith(...rows);
    rows[0].tabIndex = -1;
    rows[0].focus();
  }, {class: 'quiet more'})));
  return row;
}

function drawFold({parts}) {
  const names = parts.slice(0, NAMED_PARTS).map(({keys}) => cut(keys.at(-1)?.key ?? '', 30)).join(', ');
  return wideRow(`${parts.length} equal: ${names}${parts.length > NAMED_PARTS ? ', …' : ''}`, () => drawRows(parts, drawEqual));
}

const counted = (count) => (count === 1 ? '1 difference' : count ? `${count} differences` : 'equal');

function drawTable(rows, heads) {
  const names = ['Where', ...heads].map((head) => el('th', {scope: 'col'}, head));
  return el('table', {class: 'differences stacked'}, el('thead', {}, el('tr', {}, ...names)),
    el('tbody', {}, drawRows(rows, (row) => (row.kind === 'same' ? drawFold(row) : drawDifference(row)))));
}

function drawSection(title, rows, heads, notes = []) {
  const count = rows.filter(({kind}) => kind !== 'same').length;
  return [el('div', {class: 'part'}, el('h3', {}, `${title}: ${counted(count)}`)),
    ...notes.map((note) => el('p', {class: 'dim'}, note)), count ? drawTable(rows, heads) : null];
}

// What is compared.

const jsonOf = ({body}) => { try { return readJson(body); } catch { return null; } };

// Return the differences of two bodies by their keys if both have some, or else by their lines.
function bodyRows(one, other) {
  const [before, after] = [one, other].map(jsonOf);
  try {
    if (before && after) return differencesOf(before, after);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;  // too deep
  }
  if (one.fields.length && other.fields.length) return differencesOf(fieldsOf(one.fields), fieldsOf(other.fields));
  return differencesOf(linesOf(one.body), linesOf(other.body));
}

function bodyNotes(both, rows) {
  const messages = both.map(({request}) => request);
  const notes = both.filter(({missing}) => missing).map(({number, missing}) => `Delivery ${number}: ${missing}`);
  if (!notes.length && messages.some((each) => each.cut)) notes.push('Only the beginnings are compared.');
  if (messages.some((each) => !each.is_text)) notes.push('This is not text. The readable parts of it are compared.');
  const isEqual = rows.every(({kind}) => kind === 'same');
  if (isEqual && messages[0].body !== messages[1].body) notes.push('Only blanks or the order of keys differ.');
  return notes;
}

function hasMasks(both) {
  return both.every(({target, request: {headers, body}}) => JSON.stringify([target, headers, body]).includes(MASK));
}

function requestRows(both) {
  const line = ({method, target}) => fieldsOf([{name: 'method', value: method}, {name: 'path', value: target.split('?')[0]}]);
  const all = (each) => ({isArray: false, entries: [...line(each).entries, ...fieldsOf(each.query).entries]});
  const [before, after] = both.map(all);
  return differencesOf(before, after);
}

function drawResults(both, open) {
  const head = (number) => el('th', {scope: 'row'}, el('a', {href: `#/deliveries/${number}`}, `delivery ${number}`),
    number === open ? el('span', {class: 'dim'}, ' (open)') : '');
  const row = (each) => el('tr', {}, head(each.number), el('td', {class: 'when'}, day(each.started * 1000)),
    el('td', {class: 'wide'}, each.status ? `${each.status} ` : '', ...became(each)));
  return el('table', {class: 'several stacked'}, el('tbody', {}, ...both.map(row)));
}

function drawDifferences(both, open) {
  const [one, other] = both.map(({request}) => request);
  const heads = both.map(({number, started}) => `delivery ${number}, ${day(started * 1000).slice(11)}`);
  const body = bodyRows(one, other);
  return [drawResults(both, open), ...drawSection('Body', body, heads, bodyNotes(both, body)),
    ...drawSection('Path and parameters', requestRows(both), heads),
    ...drawSection('Headers', differencesOf(fieldsOf(one.headers), fieldsOf(other.headers)), heads,
      hasMasks(both) ? ['Masked secrets look alike, here and above, whether they differ or not.'] : [])];
}

// The tab.

let drawn = {key: '', box: null};  // what is shown, and of what

function label({number, started, chain, text}) {
  return [number, day(started * 1000), [...chain.map(({said}) => said), cut(text, 60)].join(' ')].join(' · ');
}

// Return the choice of the other delivery: those of the same sender first.
function drawChoice(item, other, show) {
  const all = deliveries.all.filter((each) => each.number !== item.number && each.method !== '?');
  const group = (title, some) => {
    const offered = some.filter((each, at) => at < OFFERED || each.number === other);
    const option = (each) => el('option', {value: String(each.number), selected: each.number === other}, label(each));
    return el('optgroup', {label: title}, offered.map(option));
  };
  const groups = [group('This sender', all.filter(isAlike(item))), group('Others', all.filter((each) => !isAlike(item)(each)))]
    .filter(({childElementCount}) => childElementCount);
  const none = el('option', {value: '', selected: true, disabled: true}, other ? `${other} (not kept)` : 'choose');
  const choice = el('select', {id: 'compare-with', onchange: () => { choose({with: choice.value}); show(Number(choice.value)); }},
    ...(other && all.some((each) => each.number === other) ? [] : [none]), ...groups);
  return el('label', {class: 'with'}, 'Compare with ', choice);
}

async function fill(box, item, number, isWanted) {
  const none = () => (deliveries.isWhole ? `No earlier delivery of ${item.sender || 'an unknown sender'} is kept here.`
    : 'Older deliveries are still being loaded.');
  if (!number) return box.replaceChildren(el('p', {class: 'dim'}, none()));
  const path = `deliveries/${number}`;
  const other = await ask('GET', item.shows ? `${path}?secrets=show` : path).catch((error) => error);
  if (!isWanted()) return null;  // another one was chosen meanwhile
  if (other instanceof Error) return box.replaceChildren(el('p', {class: 'wrong', role: 'alert'}, other.message));
  const both = [item, other].sort((one, two) => one.number - two.number);
  return box.replaceChildren(...drawDifferences(both, item.number).filter(Boolean));
}

// Return what is shown of the delivery that is open beside the one that the address names, or else the previous one of its
// sender.
export function drawComparison(item) {
  const number = Number(chosen('with')) || previousOf(item)?.number || 0;
  const state = (one) => [one?.kind, one?.incidents, one?.missing];
  const key = JSON.stringify([item.number, number, item.shows, number || deliveries.isWhole, state(item),
    state(deliveries.all.find((each) => each.number === number))]);
  if (drawn.key === key) return drawn.box;
  const box = el('div', {class: 'comparison'});
  let shown = 0;
  const show = (to) => { shown = to; fill(box, item, to, () => shown === to); };
  drawn = {key, box: el('div', {}, drawChoice(item, number, show), box)};
  show(number);
  return drawn.box;
}
