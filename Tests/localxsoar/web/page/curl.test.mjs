// A delivery as a curl command: what a shell, a terminal and curl itself would read otherwise.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';
import {curlCommand} from '../../../../localxsoar/web/page/curl.js';

const ORIGIN = 'http://127.0.0.1:8080';
const GIVEN = {'User-Agent': 'x', Accept: '*/*', 'Content-Type': 'text/plain'};  // curl adds these if they are not there
const ADDED = "-H 'User-Agent: x' -H 'Accept: */*' -H 'Content-Type: text/plain'";

function command({method = 'POST', target = '/', headers = {}, body = '', base64 = '', ...more}) {
  const named = Object.entries({...GIVEN, ...headers}).map(([name, value]) => ({name, value}));
  return curlCommand({number: 7, method, target, request: {headers: named, body, base64, size: Buffer.byteLength(body), cut: false, ...more}});
}
const bodyOf = (piped) => Buffer.from(/^echo (\S+) \| base64 -d \| curl/.exec(piped)[1], 'base64').toString();

test('a request is a method, an address, its headers and its body', () => {
  assert.equal(command({target: '/a?b=c&d', headers: {'X-Empty': ''}, body: "it's"}), `curl -X POST '${ORIGIN}/a?b=c&d' ${ADDED} -H 'X-Empty;' --data-raw 'it'\\''s'`);
});

test('headers of the connection are left out, and what curl would add by itself is taken away', () => {
  const headers = ['Host', 'content-length', 'Transfer-Encoding', 'Connection', 'Accept-Encoding', 'Expect', 'X'].map((name) => ({name, value: 'v'}));
  assert.equal(curlCommand({method: 'GET', target: '/', request: {headers, body: '', base64: '', size: 0}}), `curl -X GET '${ORIGIN}/' -H 'X: v' -H User-Agent: -H Accept:`
    .replace('User-Agent:', "'User-Agent:'").replace('Accept:', "'Accept:'"));
  assert.match(curlCommand({method: 'POST', target: '/', request: {headers: [], body: 'a', base64: '', size: 1}}), / -H 'Content-Type:' --data-raw 'a'$/);
});

test('a HEAD without a body waits for none, and one with a body sends it', () => {
  assert.match(command({method: 'HEAD'}), /^curl --head /);
  assert.match(command({method: 'HEAD', body: 'a'}), /^curl -X HEAD /);
});

for (const target of ['/.', '/..', '/a/../b', '/a/./b', '/.hidden', '/%2e/', '/a/%2E%2e', '/a[1-9]', '/a]', '/{a,b}', '/a}', '/a#b', '/a\\b', '@host', '*', 'http://other.example/']) {
  test(`the target ${target} goes to this server as it is`, () => {
    const word = /^[\w.-]+$/.test(target) ? target : `'${target}'`;
    assert.equal(command({target}), `curl -X POST '${ORIGIN}/' --request-target ${word} ${ADDED}`);
  });
}

for (const target of ['/a.b', '/a../b', '/a?b=/../c', '/a?b=/%2e', '/a%2eb', '/~a', '/a!b']) {
  test(`the target ${target} is part of the address`, () => assert.equal(command({target}), `curl -X POST '${ORIGIN}${target}' ${ADDED}`));
}

test('an exclamation mark stays in quotes on one line, but not after a line break in a body', () => {
  assert.match(command({headers: {A: 'b!!'}}), / -H 'A: b!!'$/);
  assert.match(command({body: 'wow!!'}), / --data-raw 'wow!!'$/);
  assert.match(command({body: 'wow!\nso'}), / --data-raw 'wow!\nso'$/);
  for (const body of ['so\nwow!', 'so\n\n\n!:\n']) assert.equal(bodyOf(command({body})), body);
});

test('keys of a terminal are in octal in a header, with every mark beside them, and in base64 in a body', () => {
  assert.match(command({headers: {A: "\x1b[201~`!!'é\xff\t%"}}), / -H "\$\(printf %b 'A: \\0033\\0133201\\0176\\0140\\0041\\0041\\0047\\0351\\0377\\0011\\0045'\)"$/);
  for (const body of ['\x03', 'a\tb', 'a\rb', '\x7f', '\x85']) assert.equal(bodyOf(command({body})), body);
});

test('a body that is not text goes as its own bytes', () => {
  assert.match(command({body: 'a\ufffd', base64: 'Yf8='}), new RegExp(`^echo Yf8= \\| base64 -d \\| curl -X POST .* --data-binary @-$`));
});

test('no line is longer than a terminal takes, whatever the length of the body', () => {
  for (const body of ['x'.repeat(40_000), 'é'.repeat(2500), `${'x'.repeat(3999)}\n`, 'x\n'.repeat(20_000)]) {
    const made = command({body});
    assert.ok(made.split('\n').every((line) => Buffer.byteLength(line) < 4000));
    if (made.startsWith('base64')) assert.equal(Buffer.from(made.split('\n').slice(1, -1).join(''), 'base64').toString(), body);
  }
});

test('a body that is not shown whole comes from the file that can be downloaded', () => {
  assert.equal(command({body: 'a', cut: true}), `curl -X POST '${ORIGIN}/' ${ADDED} --data-binary @delivery-7-request.body`);
});
