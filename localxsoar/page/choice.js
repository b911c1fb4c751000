// Which of the server's instances the page shows.
import {$, el} from './dom.js';
import {drawState, instance, setInstance} from './instance.js';
import {setLines} from './log.js';
import {ask} from './server.js';
import {route} from './views.js';

let names = [];
let ports;  // whether any instance has a port; undefined until the page has asked
let withPort = [];  // the names of those that have

export const hasPorts = () => ports;
export const hasPort = (name) => withPort.includes(name);

// Return the path of a request about the chosen instance.
export const own = (path) => (instance.instance ? `${path}?instance=${encodeURIComponent(instance.instance)}` : path);

// Offer the instances if there are several. What is of use for senders only is hidden if none has a port.
export function setChoice(instances) {
  names = instances.map((each) => each.name);
  withPort = instances.filter((each) => each.hasPort).map((each) => each.name);
  ports = withPort.length > 0;
  for (const link of document.querySelectorAll('.for-senders')) link.hidden = !ports;
  $('instances').hidden = names.length < 2;
  $('view-incidents').classList.toggle('of-several', names.length > 1);
  $('instance-name').classList.toggle('unseen', names.length > 1);  // the choice shows it
  $('instances').replaceChildren(...names.map((name) => el('option', {value: name, selected: name === instance.instance}, name)));
}

async function choose() {
  const about = `?instance=${encodeURIComponent($('instances').value)}`;
  const [described, logged] = await Promise.all([ask('GET', `instance${about}`), ask('GET', `log${about}`)]).catch(() => []);
  if (!described) {  // the connection is lost
    $('instances').value = instance.instance;
    return;
  }
  setInstance(described);
  setLines(logged);
  $('view-instance').replaceChildren();  // what was typed and not saved is of the other instance
  drawState();
  route();
}

export function startChoice() { $('instances').addEventListener('change', choose); }
