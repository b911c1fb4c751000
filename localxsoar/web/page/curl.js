// A delivery as a curl command for a shell.

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// Quote a word for a shell. A terminal interprets some bytes as key presses, even between quotes: a header with such bytes is
// written in octal.
function shellWord(text) {
  if (/^[\w.-]+$/.test(text)) return text;
  if (/^[ -~\u0100-\uffff]*$/.test(text)) return quoted(text);
  const octal = (byte) => `\\0${byte.charCodeAt(0).toString(8).padStart(3, '0')}`;
  return `"$(printf %b '${text.replace(/[^\w :;,./=\u0100-\uffff-]/g, octal)}')"`;
}

// A terminal cuts a longer line in a shell without line editing, such as dash.
const LINE_BYTES = 4000;
const bytesOf = (text) => new TextEncoder().encode(text);
const fits = (command) => command.split('\n').every((line) => bytesOf(line).length < LINE_BYTES);

// Return the body as base64 if it is not text, contains key presses or, after its first line, `!` (history in older shells), or
// is very long.
function bodyInBase64({body, base64}, plain) {
  if (base64 || (body.length < 30000 && !/[^\P{Cc}\n]|\n[^]*!/u.test(body) && fits(plain))) return base64;
  return btoa(Array.from(bytesOf(body), (byte) => String.fromCharCode(byte)).join(''));
}

// Headers of the connection, and the one that lets the response be compressed: a terminal would show its bytes.
const LEFT_OUT = ['host', 'content-length', 'transfer-encoding', 'connection', 'accept-encoding', 'expect'];

// Return the headers that curl adds by itself and the request does not have.
function unwanted(headers, request) {
  const names = headers.map((header) => header.name.toLowerCase());
  const added = ['User-Agent', 'Accept', ...(request.size ? ['Content-Type'] : [])];
  return added.filter((name) => !names.includes(name.toLowerCase()));
}

export const isInFile = (request) => request.cut;
export const fileName = (number) => `delivery-${number}-request.body`;

export function curlCommand({number, method, target, request}) {
  const headers = request.headers.filter((header) => !LEFT_OUT.includes(header.name.toLowerCase()));
  // curl reads brackets as patterns, takes dots out of a path, and would ask another host for a target such as @host.
  const isUrl = /^\/[^[\]{}#\\]*$/.test(target) && !/\/(\.|%2e)/i.test(target.split('?')[0]);
  const words = ['curl', ...(method === 'HEAD' && !request.size ? ['--head'] : ['-X', method]),
    ...(isUrl ? [location.origin + target] : [`${location.origin}/`, '--request-target', target]),
    ...headers.flatMap((header) => ['-H', header.value ? `${header.name}: ${header.value}` : `${header.name};`]),
    ...unwanted(headers, request).flatMap((name) => ['-H', `${name}:`])];
  const command = words.map(shellWord).join(' ');
  if (isInFile(request)) return `${command} --data-binary @${fileName(number)}`;
  const plain = request.body ? `${command} --data-raw ${quoted(request.body)}` : command;
  const base64 = bodyInBase64(request, plain);
  if (!base64) return plain;
  const piped = `echo ${base64} | base64 -d | ${command} --data-binary @-`;
  return fits(piped) ? piped : `base64 -d <<END | ${command} --data-binary @-\n${base64.match(/.{1,1000}/g).join('\n')}\nEND`;
}
