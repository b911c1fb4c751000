// The delivery in the detail.

export let opened = null;

export function setOpened(delivery) { opened = delivery; }
