// What the page knows of the server's instances, and which instance and command are chosen.

export const WAY_IN = '/instance/execute/';
export const MASK = '••••••';  // in place of a secret

export let instance = {};  // the chosen instance, as the server describes it
export let chosen = '';  // the name of the command whose form is open
export let isPaused = false;
export const missed = new Set();  // the numbers of the deliveries that arrived while the page was paused

let ports;  // whether any instance has a port; undefined until the page has asked
let names = [];  // of all instances
let withPort = [];  // the names of those that have

export function setInstance(described) { instance = described; }
export function setChosen(command) { chosen = command; }
export function setPaused(wanted) { isPaused = wanted; }

export function setPorts(instances) {
  withPort = instances.filter((each) => each.hasPort).map((each) => each.name);
  ports = withPort.length > 0;
  names = instances.map((each) => each.name);
}

export const hasPorts = () => ports;
export const isOneOfSeveral = () => names.length > 1 && Boolean(instance.instance);
export const hasPort = (name) => withPort.includes(name);

// Return the path of a request about the chosen instance.
export const own = (path) => (instance.instance ? `${path}?instance=${encodeURIComponent(instance.instance)}` : path);
