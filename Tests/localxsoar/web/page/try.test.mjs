// Trying a sender: which are offered, what is said if there is none, and what a newcomer sees before anything has arrived.
import assert from 'node:assert/strict';
import test from 'node:test';
import {asked, reply, requested} from './document.mjs';

const {deliveries} = await import('../../../../localxsoar/web/page/deliveries.js');
const {missed, setInstance} = await import('../../../../localxsoar/web/page/state.js');
const {drawEmpty, drawTry, refreshTry, setSenders} = await import('../../../../localxsoar/web/page/try.js');
const $ = document.getElementById;

const sender = (name, kind, place, more) => ({key: name.toLowerCase(), name, kind, place, proof: `The proof of ${name}.`, deliveries: [`${name} fires`], unusable: '', ...more});
const SENDERS = [sender('Slack', 'chat', 1), sender('Okta', 'identity', 3), sender('Entra', 'identity', 2), sender('Other', 'other', 9), sender('Nagios', 'monitoring', 5, {unusable: 'It needs a token.'}), sender('GitHub', 'code', 4),
  sender('AWS', 'cloud', 6)];
const said = (wanted, id = 'view-try') => $(id).all(wanted).map((each) => each.textContent);
setInstance({instance: 'left', fields: []});

for (const [known, search, hint, kinds, titles] of [
  [[], '', 'No senders: start the local XSOAR with --senders DIR.', [], []],
  [SENDERS, 'no such', '0 of 7 senders match.', [], []],
  [SENDERS, '', 'Click to send a documented sample with a valid proof, and see what it becomes.', ['Cloud', 'Identity', 'Code', 'Monitoring', 'Chat', 'Others'], ['AWS', 'Okta', 'Entra', 'GitHub', 'Nagios', 'Slack', 'Other']],
  [SENDERS, 'IDENTITY', 'Click to send a documented sample with a valid proof, and see what it becomes.', ['Identity'], ['Okta', 'Entra']],
  [SENDERS, 'slack fires', 'Click to send a documented sample with a valid proof, and see what it becomes.', ['Chat'], ['Slack']],
]) {
  test(`of ${known.length} senders, the search "${search}" offers ${titles.join(', ') || 'none'}`, () => {
    setSenders(known);
    $('search').value = search;
    drawTry();
    assert.deepEqual([said('.dim')[0], said('.kind'), said('strong')], [hint, kinds, titles]);
    $('search').value = '';
  });
}

test('a sender that cannot prove itself says why, until another token lets it', async () => {
  setSenders(SENDERS);
  drawTry();
  const nagios = () => $('view-try').all('.card').find((card) => card.textContent.startsWith('Nagios'));
  const facts = () => { const [made] = nagios().all('button'); return [nagios().textContent, made.attributes.title, made.disabled, made.attributes['aria-label']]; };
  assert.deepEqual(facts(), ['NagiosThe proof of Nagios.Nagios firesIt needs a token.', 'It needs a token.', true, 'Send Nagios: Nagios fires']);
  refreshTry();
  await reply('/localxsoar/senders', SENDERS.map((each) => ({...each, unusable: ''})));
  assert.deepEqual(facts(), ['NagiosThe proof of Nagios.Nagios fires', '', false, 'Send Nagios: Nagios fires']);
  for (const [body, error, hash] of [[{error: 'not now'}, 'not now', ''], [{number: 7}, '', '#/deliveries?open=7']]) {
    location.hash = '';
    nagios().all('button')[0].click();
    assert.deepEqual([requested.pop(), nagios().all('button')[0].disabled], [{title: 'Nagios fires'}, true]);
    await reply('/localxsoar/senders/nagios/send?instance=left', body);
    assert.deepEqual([nagios().all('.wrong')[0].textContent, location.hash, nagios().all('button')[0].disabled], [error, hash, false]);
  }
});

test('a newcomer sees a command and five senders of the first kinds, and later only that no deliveries are kept', async () => {
  const SECRETS = [{label: 'Token', secret: true, set: true}, {label: 'Port'}, {label: 'Key', secret: true}];
  const shown = () => [$('empty').hidden, ...said('h2', 'empty'), ...said('p', 'empty').slice(1, -1), said('.acts', 'empty')[0] ?? ''];
  setSenders([]);
  drawEmpty();
  assert.deepEqual(shown(), [false, 'Nothing has arrived yet', '']);
  setSenders(SENDERS);
  setInstance({instance: 'left', curl: 'curl x', fields: SECRETS});
  drawEmpty();
  assert.deepEqual(shown(), [false, 'Nothing has arrived yet', "The command may need a header, such as -H 'Authorization: …', because a secret is set: Token.", 'Or send a sample of one of these senders:', 'AWSEntraGitHubNagiosSlackall senders']);
  setInstance({instance: 'left', curl: "curl -H 'Authorization: x'", fields: SECRETS});
  drawEmpty();
  assert.deepEqual(shown()[2], 'Or send a sample of one of these senders:');
  $('empty').all('.quiet')[0].click();
  await reply('/localxsoar/curl?instance=left', {error: 'only here'});
  assert.equal($('empty').all('.wrong')[0].textContent, 'only here');
  $('empty').all('.acts')[0].all('button')[1].click();
  assert.deepEqual([requested.pop(), [...asked.keys()].at(-1)], [{}, '/localxsoar/senders/entra/send?instance=left']);
  missed.add(1);
  drawEmpty();
  assert.equal($('empty').hidden, true);
  missed.clear();
  for (const [items, isHidden] of [[[{number: 1, target: '/', chain: [], text: '', status: 200, sender: '', started: 0}], true], [[], false]]) {
    deliveries.set(items);
    drawEmpty();
    assert.equal($('empty').hidden, isHidden);
  }
  assert.equal(said('h2', 'empty')[0], 'No deliveries are kept');
});
