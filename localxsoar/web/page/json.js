// JSON as its text has it: a number is never computed, and names keep their order, even those that repeat.

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g;

const decode = (token) => (token.includes('\\') ? JSON.parse(token) : token.slice(1, -1));

const QUOTE = 34;
const BACKSLASH = 92;
const BLANK = 32;  // in JSON, all blanks are at most this
const COLON = 58;
const COMMA = 44;
const isOpening = (code) => code === 91 || code === 123;  // [ {
const isClosing = (code) => code === 93 || code === 125;  // ] }

// Return the place after the string that begins at a place.
function endOfString(text, at) {
  for (let end = text.indexOf('"', at + 1); ; end = text.indexOf('"', end + 1)) {
    let first = end;
    while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
    if ((end - first) % 2 === 0) return end + 1;
  }
}

// Return the places after the lists and objects of a text, by the places where they begin.
function endsOf(text) {
  const ends = new Int32Array(text.length);
  const open = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at) - 1;
    else if (isOpening(code)) open.push(at);
    else if (isClosing(code)) ends[open.pop()] = at + 1;
  }
  return ends;
}

function endOfWord(text, at) {
  let end = at;
  for (let code = text.charCodeAt(end); code > BLANK && code !== COMMA && !isClosing(code); code = text.charCodeAt(end)) end += 1;
  return end;
}

// Return the value that begins at a place, and the place after it.
function valueAt(text, ends, at) {
  const code = text.charCodeAt(at);
  if (isOpening(code)) return [new Branch(text, ends, at), ends[at]];
  const end = code === QUOTE ? endOfString(text, at) : endOfWord(text, at);
  const source = text.slice(at, end);
  return [code === QUOTE ? {source, text: decode(source)} : {source}, end];
}

function readEntries(text, ends, begin, isArray) {
  const entries = [];
  let name;
  for (let at = begin + 1; at < ends[begin] - 1;) {
    const code = text.charCodeAt(at);
    if (code <= BLANK || code === COLON || code === COMMA) { at += 1; continue; }
    if (!isArray && name === undefined) {
      const end = endOfString(text, at);
      name = decode(text.slice(at, end));
      at = end;
      continue;
    }
    const [value, end] = valueAt(text, ends, at);
    entries.push([isArray ? String(entries.length) : name, value]);
    name = undefined;
    at = end;
  }
  return entries;
}

// A list or an object. Its entries are read when they are asked for: a person opens little of a large text.
class Branch {
  #source;
  #entries = null;

  constructor(text, ends, at) {
    this.#source = [text, ends, at];
    this.isArray = text[at] === '[';
  }

  get entries() { return this.#entries ??= readEntries(...this.#source, this.isArray); }
}

// Return the value in a text: one with `entries`, or one with its `source` and, if it is a string, its `text`. Raise SyntaxError.
// A byte order mark, which some senders put first, is no part of it.
export function readJson(text) {
  JSON.parse(text.replace(/^\ufeff/, ''));  // only to raise; a correct text needs no further check
  return valueAt(text, endsOf(text), /\S/.exec(text).index)[0];
}

// Return the text with one entry on each line, and nothing else changed. Raise SyntaxError.
export function formatJson(text) {
  JSON.parse(text);
  const tokens = text.match(TOKEN);
  let depth = 0;
  const line = () => `\n${'  '.repeat(depth)}`;
  return tokens.map((token, at) => {
    const isOpen = '{['.includes(token);
    const isClose = '}]'.includes(token);
    if ((isOpen && '}]'.includes(tokens[at + 1])) || (isClose && '{['.includes(tokens[at - 1]))) return token;  // it is empty
    if (isOpen) { depth += 1; return token + line(); }
    if (isClose) { depth -= 1; return line() + token; }
    if (token === ',') return token + line();
    return token === ':' ? ': ' : token;
  }).join('');
}
