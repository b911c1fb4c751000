// When work is done: in which task, and how often.

// Let what has waited meanwhile have its turn.
export const nextTask = () => new Promise((done) => setTimeout(done));

// Return a function that does the work once it has not been called for a while. Its `now` does at once what still waits for that.
export function afterLast(work, pauseMs) {
  let waiting = null;
  const act = () => {
    clearTimeout(waiting);
    waiting = null;
    work();
  };
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(act, pauseMs); };
  return Object.assign(soon, {now: () => { if (waiting) act(); }});
}

// Return a function that does the work at once, and then at most once in each pause.
export function paced(work, pauseMs) {
  let rests = false;
  let isWanted = false;
  function act() {
    if (rests) { isWanted = true; return; }
    rests = true;
    setTimeout(() => {
      rests = false;
      if (isWanted) { isWanted = false; act(); }
    }, pauseMs);
    work();
  }
  return act;
}
