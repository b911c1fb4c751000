// What the pre-process rule did with events that became no incident of their own, oldest first.

export const acts = [];

export function setActs(found) { acts.splice(0, acts.length, ...found); }
