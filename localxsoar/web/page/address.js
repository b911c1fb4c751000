// Where the page is: the hash of its address names the view and, after a slash, what is open in it.

export let view = '';  // the name of the view that is shown

export function setView(name) { view = name; }

export function go(to) { location.hash = `#/${to}`; }
