// Which of the server's instances the page shows.
import {choose, chosen, goToInstance} from './address.js';
import {deliveries} from './deliveries.js';
import {$, el} from './dom.js';
import {drawState} from './instance.js';
import {setLines} from './log.js';
import {ask} from './server.js';
import {hasPorts, instance, setInstance, setPorts} from './state.js';

// Offer the instances if there are several. What is of use for senders only is hidden if none has a port.
export function setChoice(instances) {
  const names = instances.map((each) => each.name);
  setPorts(instances);
  for (const link of document.querySelectorAll('.for-senders')) link.hidden = !hasPorts();
  $('instances').hidden = names.length < 2;
  $('view-incidents').classList.toggle('of-several', names.length > 1);
  $('instance-name').classList.toggle('unseen', names.length > 1);  // the choice shows it
  $('instances').replaceChildren(...names.map((name) => el('option', {value: name, selected: name === instance.instance}, name)));
}

// Show the instance that the address names.
export async function showInstance(name, route) {
  const about = `?instance=${encodeURIComponent(name)}`;
  const [described, logged] = await Promise.all([ask('GET', `instance${about}`), ask('GET', `log${about}`)]).catch(() => []);
  if (chosen('instance') !== name) return;  // another was chosen meanwhile
  if (!described || described.instance !== name) {  // the connection is lost, or there is no such instance
    choose({instance: instance.instance});
    $('instances').value = instance.instance;
    return;
  }
  setInstance(described);
  setLines(logged);
  $('view-instance').replaceChildren();  // what was typed and not saved is of the other instance
  $('instances').value = name;
  drawState();
  deliveries.redraw();  // a path is that of the instance
  route();
}

export function startChoice() { $('instances').addEventListener('change', () => goToInstance($('instances').value)); }
