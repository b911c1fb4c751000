// What survives a reload of this tab, as far as the browser allows.

const MOST_CHARACTERS = 2e6;  // a browser has room for 5 million

export function load(name, other) {
  try { return JSON.parse(sessionStorage.getItem(name)) ?? other; } catch { return other; }
}

export function save(name, value) {
  try { sessionStorage.setItem(name, JSON.stringify(value)); } catch { /* it is forbidden, or there is no room */ }
}

// Save the first of some values, as many as there is room for.
export function saveFirst(name, all) {
  let room = MOST_CHARACTERS;
  save(name, all.filter((each) => { room -= JSON.stringify(each).length; return room > 0; }));
}
