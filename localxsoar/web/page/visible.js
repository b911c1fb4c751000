// Texts of senders, with what cannot be seen made visible.

// Control characters but tab and line feed, halves of a pair, and characters that set the direction of their neighbours or cannot
// be seen: all that Unicode calls format characters but visible Arabic signs and the joiners of emoji and scripts, and fillers.
const FORMAT = /(?![\u0600-\u0605\u06dd\u08e2\u200c\u200d])\p{Cf}/u;
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f]|\p{Cs}/u;
const FILLER = /[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2028\u2029\u2065\u3164\uffa0]/u;
const HIDDEN = new RegExp([FORMAT, CONTROL, FILLER].map(({source}) => source).join('|'), 'gu');
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

function name(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);  // such as ␛
  return code === 0x7f ? '␡' : `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

export const visible = (text) => text.replace(HIDDEN, name);

const BLANKS = /^ +| +$| {2,}|[\t\n\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;  // single spaces between words need no mark
const MARKS = {' ': '·', '\t': '⇥\t', '\n': '↵\n', '\u00a0': '⍽'};

// Return the parts of a text, or of a piece of it, with a mark for each blank that could be overlooked, each tab and each line
// break.
export function marked(text, from = 0, to = text.length) {
  const parts = [];
  let end = from;
  for (const {0: {length}, index} of text.matchAll(BLANKS)) {
    const begin = Math.max(index, from);
    const blanks = text.slice(begin, Math.min(index + length, to));
    if (!blanks) continue;
    const mark = document.createElement('span');
    mark.className = 'mark';
    mark.textContent = [...blanks].map((blank) => MARKS[blank] || name(blank)).join('');
    parts.push(visible(text.slice(end, begin)), mark);
    end = begin + blanks.length;
  }
  return [...parts, visible(text.slice(end, to))].filter((part) => part !== '');
}

// Return the parts of a text, each string in quotes apart if its direction could swap it with its neighbours.
export function isolated(text) {
  if (!RIGHT_TO_LEFT.test(text)) return [text];
  return text.split(/("[^"\\\n]*(?:\\.[^"\\\n]*)*")/).map((part, at) => {
    if (at % 2 === 0) return part;
    const apart = document.createElement('bdi');
    apart.textContent = visible(part);
    return apart;
  });
}
