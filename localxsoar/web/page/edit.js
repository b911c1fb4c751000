// The editor of a delivery.
import {go} from './address.js';
import {drawDetail, wantFocus} from './detail.js';
import {$, button, el} from './dom.js';
import {formatJson} from './json.js';
import {closeNaming} from './naming.js';
import {once} from './once.js';
import {opened} from './opened.js';
import {ask} from './server.js';
import {load, save} from './session.js';

function formatButton(body) {
  const format = button('Format', () => {
    if (faultOf(body.value)) return;
    body.value = formatJson(body.value);
    body.dispatchEvent(new Event('input', {bubbles: true}));
  }, {class: 'quiet', title: 'One entry on each line'});
  try { formatJson(body.value); } catch { format.hidden = true; }
  return format;
}

// Return where a body that begins as JSON is no longer JSON, or ''.
function faultOf(text) {
  if (!/^\s*[{[]/.test(text)) return '';
  try { JSON.parse(text); } catch (error) { return error.message; }
  return '';
}

// Return the line below the body that says so while it is edited. It can be sent all the same.
function drawFault(body) {
  const fault = el('p', {class: 'wrong', id: 'edit-fault', role: 'status'});
  const check = () => {
    const found = faultOf(body.value);
    fault.textContent = found && `This is not JSON: ${found}`;
    if (found) body.setAttribute('aria-invalid', 'true'); else body.removeAttribute('aria-invalid');
  };
  body.addEventListener('input', check);
  check();
  return fault;
}

// Return why the body cannot be edited here, or ''.
function uneditable({request}) {
  if (!request.is_text) return 'The body is not text';
  if (request.cut) return 'The body is too long to be edited here';
  return lineBreaks(request.body).length > 1 ? 'The body mixes several kinds of line breaks' : '';
}

// A field of a form has line feeds only.
const lineBreaks = (text) => [...new Set(text.match(/\r\n|\r|\n/g))];

// Headers of the connection, which the server sets.
const SET_BY_THE_SERVER = ['host', 'content-length', 'transfer-encoding', 'connection', 'expect'];

function readHeaders(text) {
  return text.split('\n').filter((line) => line.includes(':')).map((line) => [line.slice(0, line.indexOf(':')).trim(),
    line.slice(line.indexOf(':') + 1).trim()]);
}

function notes(item, reason) {
  if (item.missing) return [item.missing, 'What is written here is sent.'];
  if (reason) return [`${reason}, so it is sent as it came.`];
  return item.request.decompressed ? ['A body that is edited is sent as plain text.'] : [];
}

// Return the rows of a field for the text, which is wrapped at about 60 characters.
const rowsOf = (text) => Math.min(16, Math.max(4, text.split('\n').length + 1, Math.ceil(text.length / 60)));

const keyOf = ({number, started}) => `${number} at ${started}`;  // another server may give the same number
const drafts = new Map(load('drafts', []));  // what was edited and not sent, by the keys of the deliveries
const unsaved = new Set();  // the keys of those with secrets

export const hasDraft = (item) => drafts.has(keyOf(item));

function keepDraft(item, texts) {
  drafts.set(keyOf(item), texts);
  if (item.shows) unsaved.add(keyOf(item));
  saveDrafts();
}

function dropDraft(item) {
  drafts.delete(keyOf(item));
  saveDrafts();
}

function saveDrafts() { save('drafts', [...drafts].filter(([key]) => !unsaved.has(key))); }

// Close the editor, and draw the delivery in its place. The draft is kept.
export function closeEditor(drawOpened) {
  drawOpened();
  ($('edit').checkVisibility() ? $('edit') : $('more-acts')).focus();
}

export function edit(drawOpened) {
  if (!opened) return;
  closeNaming();
  const item = opened;
  const reason = uneditable(item);
  const target = el('input', {id: 'edit-target', value: item.target, spellcheck: false});
  const shown = item.request.headers.filter((header) => !SET_BY_THE_SERVER.includes(header.name.toLowerCase()));
  const headers = el('textarea', {id: 'edit-headers', rows: Math.min(12, shown.length + 1), spellcheck: false,
    value: shown.map((header) => `${header.name}: ${header.value}`).join('\n')});
  const isFixed = Boolean(reason && !item.missing);
  const body = el('textarea', {id: 'edit-body', rows: isFixed ? 2 : rowsOf(item.request.body),
    value: reason ? '' : item.request.body, spellcheck: false, disabled: isFixed, 'aria-describedby': 'edit-fault'});
  const before = {headers: headers.value, body: body.value};
  const fields = {target, headers, body};
  for (const [name, text] of Object.entries(drafts.get(keyOf(item)) || {})) fields[name].value = text;
  const keep = () => keepDraft(item, Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value])));
  const close = () => closeEditor(drawOpened);
  const discard = () => { dropDraft(item); close(); };
  const proof = el('input', {type: 'checkbox', id: 'edit-proof', checked: item.can_be_signed && !item.unprovable,
    disabled: Boolean(item.unprovable)});
  const wrong = el('p', {class: 'wrong', role: 'alert'});
  const submit = el('button', {class: 'main', id: 'edit-send'}, 'Send');
  const send = async (event) => {
    event.preventDefault();
    const edited = {target: target.value, proof: proof.checked};
    if (headers.value !== before.headers) edited.headers = readHeaders(headers.value);
    if (body.value !== before.body || item.missing) {
      edited.body = body.value.replaceAll('\n', lineBreaks(item.request.body)[0] || '\n');
    }
    await once(submit, [], async () => {
      wrong.textContent = '';
      try {
        const {number} = await ask('POST', `deliveries/${item.number}/send`, edited);
        dropDraft(item);
        wantFocus();
        go(`deliveries/${number}`);
      } catch (error) { wrong.textContent = error.message; }
    });
  };
  drawDetail('delivery', el('form', {class: 'edit', onsubmit: send, oninput: keep}, el('h2', {}, 'Edit and send'),
    el('p', {class: 'dim'}, 'Masked values stay unchanged.'),
    el('label', {htmlFor: 'edit-target'}, 'Path and query'), target, el('label', {htmlFor: 'edit-headers'}, 'Headers'), headers,
    el('div', {class: 'part'}, el('label', {htmlFor: 'edit-body'}, 'Body'), isFixed ? null : formatButton(body)),
    body, isFixed ? null : drawFault(body),
    ...notes(item, reason).map((note) => el('p', {class: 'dim'}, note)),
    el('label', {class: 'check', title: item.unprovable}, proof, ' With a valid proof'), wrong,
    el('div', {class: 'acts below'}, submit, button('Close', close, {title: 'The edit is kept'}),
      button('Discard', discard, {class: 'quiet'}), el('span', {class: 'dim'}, 'Ctrl+Enter sends, Esc closes'))));
  (isFixed ? headers : body).focus();
}
