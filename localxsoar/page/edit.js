// The editor of a delivery.
import {drawOpened, opened} from './delivery.js';
import {drawDetail} from './detail.js';
import {button, el} from './dom.js';
import {formatJson} from './json.js';
import {ask} from './server.js';
import {go} from './views.js';

function formatButton(body) {
  const format = button('Format', () => { body.value = formatJson(body.value); }, {class: 'quiet', title: 'One entry on each line'});
  try { formatJson(body.value); } catch { format.hidden = true; }
  return format;
}

export function edit() {
  if (!opened) return;
  const item = opened;
  const target = el('input', {id: 'edit-target', value: item.target, spellcheck: false});
  const headers = el('textarea', {id: 'edit-headers', rows: Math.min(12, item.request.headers.length + 1), spellcheck: false,
    value: item.request.headers.map((header) => `${header.name}: ${header.value}`).join('\n')});
  const body = el('textarea', {id: 'edit-body', rows: 16, value: item.request.body, spellcheck: false});
  const original = body.value;
  const proof = el('input', {type: 'checkbox', id: 'edit-proof', checked: item.can_be_signed && !item.unprovable, disabled: Boolean(item.unprovable)});
  const wrong = el('p', {class: 'wrong', role: 'alert'});
  const send = async (event) => {
    event.preventDefault();
    const lines = headers.value.split('\n').filter((line) => line.includes(':'));
    const edited = {target: target.value, headers: lines.map((line) => [line.slice(0, line.indexOf(':')).trim(),
      line.slice(line.indexOf(':') + 1).trim()])};
    if (body.value !== original) edited.body = body.value;
    edited.proof = proof.checked;
    try { go(`deliveries/${(await ask('POST', `deliveries/${item.number}/send`, edited)).number}`); } catch (error) { wrong.textContent = error.message; }
  };
  drawDetail('delivery', el('form', {class: 'edit', onsubmit: send}, el('h2', {}, 'Edit and send'),
    el('p', {class: 'dim'}, 'Masked values stay unchanged.'),
    el('label', {htmlFor: 'edit-target'}, 'Path and query'), target, el('label', {htmlFor: 'edit-headers'}, 'Headers'), headers,
    el('div', {class: 'part'}, el('label', {htmlFor: 'edit-body'}, 'Body'), formatButton(body)), body,
    el('label', {class: 'check', title: item.unprovable}, proof, ' With a valid proof'), wrong,
    el('div', {class: 'acts'}, el('button', {class: 'main'}, 'Send'), button('Cancel', drawOpened))));
  body.focus();
}
