// JSON as its text has it: a number is never computed, and names keep their order, even those that repeat.

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g;

const decode = (token) => (token.includes('\\') ? JSON.parse(token) : token.slice(1, -1));

function add(box, node) {
  box.entries.push([box.isArray ? String(box.entries.length) : box.name, node]);
  box.name = undefined;
}

// Return the value in a text: one with `entries`, or one with its `source` and, if it is a string, its `text`. Raise SyntaxError.
export function readJson(text) {
  JSON.parse(text);  // only to raise; the tokens of a correct text need no further check
  const root = {isArray: true, entries: []};
  const open = [root];
  for (const token of text.match(TOKEN)) {
    const box = open.at(-1);
    if (token === '{' || token === '[') {
      const node = {isArray: token === '[', entries: []};
      add(box, node);
      open.push(node);
    } else if (token === '}' || token === ']') open.pop();
    else if (!box.isArray && box.name === undefined && token !== ',') box.name = decode(token);
    else if (token !== ',' && token !== ':') add(box, token.startsWith('"') ? {source: token, text: decode(token)} : {source: token});
  }
  return root.entries[0][1];
}

// Return the text with one entry on each line, and nothing else changed. Raise SyntaxError.
export function formatJson(text) {
  JSON.parse(text);
  const tokens = text.match(TOKEN);
  let depth = 0;
  const line = () => `\n${'  '.repeat(depth)}`;
  return tokens.map((token, at) => {
    const isEmpty = (token === '{' && tokens[at + 1] === '}') || (token === '[' && tokens[at + 1] === ']');
    if (isEmpty || (['}', ']'].includes(token) && ['{', '['].includes(tokens[at - 1]))) return token;
    if (token === '{' || token === '[') { depth += 1; return token + line(); }
    if (token === '}' || token === ']') { depth -= 1; return line() + token; }
    if (token === ',') return token + line();
    return token === ':' ? ': ' : token;
  }).join('');
}
