// Where the marks of a lane's events are on a line of time that all lanes share, and where its ticks are.

const MARK = 16;  // pixels
const DIGIT = 8;
const CELL = 64;  // of a line with too many events to tell their kinds
const TICK = 96;  // pixels between two ticks at least
const SECOND = 1000;
const DAY = 86400 * SECOND;
const STEPS = [...[1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200].map((each) => each * SECOND),
  ...[1, 2, 7, 14, 28, 56, 112, 224, 448, 896, 3584].map((each) => each * DAY)];

const widthOf = ({events}) => MARK + (events.length > 1 ? DIGIT * String(events.length).length : 0);

// Return the place of a time, in pixels.
export function placeOf(at, {from, to, width}) {
  return to > from ? (at - from) / (to - from) * (width - MARK) : 0;
}

// Return marks of neighbours that `belong` together.
function gather(events, scale, belong) {
  const marks = [];
  for (const event of events) {
    const left = placeOf(event.at, scale);
    const last = marks.at(-1);
    if (last && belong(last, event, left)) last.events.push(event);
    else marks.push({kind: event.kind, left, events: [event]});
  }
  return marks;
}

// Move marks apart that would cover each other. Their order stays.
function separate(marks, width) {
  let free = 0;
  for (const mark of marks) {
    mark.left = Math.max(mark.left, free);
    free = mark.left + widthOf(mark);
  }
  let end = width;
  for (const mark of marks.toReversed()) {
    mark.left = Math.max(0, Math.min(mark.left, end - widthOf(mark)));
    end = mark.left;
  }
  return marks;
}

// Return the marks of events, oldest first: each has its `kind`, its place `left` in pixels and the events that it stands for.
// Events of one kind that are close together share a mark and, where even that leaves too many, all that are close do.
export function marksOf(events, scale) {
  const marks = gather(events, scale, (last, {kind}, left) => last.kind === kind && left - last.left < MARK);
  if (marks.reduce((sum, mark) => sum + widthOf(mark), 0) <= scale.width) return separate(marks, scale.width);
  const cells = gather(events, scale, (last, event, left) => left - last.left < CELL);
  for (const cell of cells) if (cell.events.some(({kind}) => kind !== cell.kind)) cell.kind = 'many';
  return separate(cells, scale.width);
}

// Return the spans, each [left, right] in pixels, in which a problem was open, as far as its marks tell.
export function spansOf(marks, isOpen, width) {
  const spans = [];
  let begin = null;
  for (const {kind, left} of marks) {
    if (begin === null && ['created', 'joined', 'many'].includes(kind)) begin = left;
    if (begin === null || !['end', 'ended'].includes(kind)) continue;
    spans.push([begin, left]);
    begin = null;
  }
  if (begin !== null) spans.push([begin, isOpen ? width : marks.at(-1).left]);
  return spans.map(([left, right]) => [left + MARK / 2, right === width ? width : right + MARK / 2])
    .filter(([left, right]) => right > left);
}

// Return the ticks of the line of time, each with its time and its place, and whether the next is a day later or more, or less
// than a minute.
export function ticksOf({from, to, width}) {
  const wanted = Math.max(1, Math.floor((width - MARK) / TICK));
  const step = STEPS.find((each) => (to - from) / each <= wanted) || STEPS.at(-1);
  const offset = new Date(from).getTimezoneOffset() * 60 * SECOND;  // a tick is at a full hour of the viewer's zone
  const ticks = [];
  const first = Math.ceil((from - offset) / step) * step + offset;
  for (let at = first; at <= to && ticks.length <= wanted; at += step) ticks.push({at, left: placeOf(at, {from, to, width})});
  return {ticks, isOfDays: step >= DAY, isOfSeconds: step < 60 * SECOND};
}
