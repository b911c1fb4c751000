// The problems that incidents and deliveries report, each as a lane of events in the order of their times.
import {ownOf} from './deliveries.js';
import {isOpen, problem} from './triage.js';

// Each lane has its `key`, which an address keeps, its `incidents` and `events`, oldest first, and `isOpen`. Lanes of a problem
// have its key, too. What belongs to no problem is in lanes at the end: the incidents of an instance without a key, and
// deliveries of a sender that concern no incident. An event has its `kind`, which is a word for what became of a delivery or
// `end` for an incident that reports the end of its problem, its time `at` in milliseconds and, where they are known, its
// `delivery`, its `incident` and a `text`.

const OF_DELIVERY = ['skipped', 'repeat', 'lost', 'rejected', 'left'];  // what concerns a delivery, and no incident of its own

class Building {
  constructor(deliveries) {
    this.lanes = new Map();
    this.known = new Map();  // by the id of an incident, itself and its lane
    this.touched = new Map();  // by the number of a delivery, the lanes of what it created and changed
    this.deliveries = new Map(deliveries.map((delivery) => [delivery.number, delivery]));
  }

  lane(name, facts) {
    if (!this.lanes.has(name)) this.lanes.set(name, {incidents: [], events: [], ...facts});
    return this.lanes.get(name);
  }

  laneOfProblem(item) {
    const {dbotMirrorId, sourceInstance: source} = item;
    return this.lane(problem(item) || JSON.stringify([source]), {problem: dbotMirrorId, source});
  }

  // Add what the server did at a time because of a delivery, which came before if its sender had left or got another response.
  add(lane, at, event) {
    const {delivery} = event;
    const isLate = delivery && ['gone', 'rejected'].includes(delivery.kind);
    lane.events.push({...event, isLate, done: at, at: delivery && !isLate ? delivery.started * 1000 : at});
    if (!delivery) return;
    if (!this.touched.has(delivery.number)) this.touched.set(delivery.number, new Set());
    this.touched.get(delivery.number).add(lane);
  }

  addIncidents(incidents) {
    const creators = new Map([...this.deliveries.values()].flatMap((delivery) => ownOf(delivery).map((id) => [id, delivery])));
    for (const incident of [...incidents].sort((one, other) => one.id - other.id)) {
      const lane = this.laneOfProblem(incident);
      lane.incidents.push(incident);
      this.known.set(incident.id, {incident, lane});
      const kind = incident.first_state === 'resolved' ? 'end' : 'created';
      this.add(lane, Date.parse(incident.created), {kind, delivery: creators.get(incident.id), incident});
    }
  }

  addActs(acts) {
    for (const {word, text, at, incident, delivery, ...event} of acts) {
      const found = this.known.get(incident);
      const about = {name: event.name, delivery: this.deliveries.get(delivery), incident: found?.incident};
      this.add(found?.lane || this.laneOfProblem(event), at * 1000, {kind: word, text, ...about});
    }
  }

  // Add what became of a delivery beside that to the lanes that it belongs to: those of deliveries with the same body, if need
  // be.
  addDelivery(delivery, alike) {
    for (const {word, text, incidents, delivery: original} of delivery.chain.filter(({word}) => OF_DELIVERY.includes(word))) {
      const repeated = word === 'repeat' && (this.lanesOf(incidents) || this.touched.get(original));
      const own = repeated || this.touched.get(delivery.number);
      const ofSender = () => [this.lane(JSON.stringify(['', delivery.sender]), {problem: '', source: ''})];
      const known = repeated ? incidents.map((id) => this.known.get(id)) : [];
      for (const lane of own || alike.get(delivery.alike) || ofSender()) {
        const incident = known.find((each) => each?.lane === lane)?.incident;
        const isAlike = !own && lane.incidents.length > 0;
        lane.events.push({kind: word, at: delivery.started * 1000, delivery, text, incident, isAlike});
      }
    }
  }

  lanesOf(ids) {
    const found = new Set(ids.map((id) => this.known.get(id)?.lane).filter(Boolean));
    return found.size ? found : null;
  }

  // Return the lanes of deliveries with the same body, by the number that those have in common.
  lanesOfAlike() {
    const found = new Map();
    for (const {alike, number} of this.deliveries.values()) {
      if (alike && this.touched.has(number)) found.set(alike, new Set([...found.get(alike) || [], ...this.touched.get(number)]));
    }
    return found;
  }
}

// Of events at the same time, if they are not two things that the server did because of one delivery, one after the other.
const ORDER = ['left', 'rejected', 'skipped', 'created', 'joined', 'dropped', 'repeat', 'lost', 'end', 'ended'];
const inOrder = (one, other) => one.at - other.at || (one.delivery === other.delivery && one.done - other.done)
  || ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind);

function finish(lane) {
  const {incidents, events} = lane;
  events.sort(inOrder);
  const reports = incidents.filter(({first_state: state}) => state !== 'resolved');
  const open = reports.filter(isOpen);
  lane.isOpen = Boolean(lane.problem) && open.length > 0;
  const last = reports.at(-1) || incidents.at(-1);
  lane.name = last ? last.name : events[0].name;  // of the problem as it is now
  lane.severity = lane.problem ? Math.max(0, ...(open.length ? open : incidents).map(({severity}) => severity || 0)) : 0;
  const senders = new Set(events.flatMap(({delivery}) => (delivery ? [delivery.sender] : [])));
  lane.sender = senders.size > 1 ? `${senders.size} senders` : [...senders][0] ?? '';
  lane.key = incidents.length ? `lane-${incidents[0].id}` : `lane-of-${events[0].delivery?.number ?? Math.round(events[0].at)}`;
  return lane;
}

const byNeed = (one, other) => Number(Boolean(other.problem)) - Number(Boolean(one.problem)) || other.isOpen - one.isOpen
  || (one.isOpen && other.severity - one.severity) || other.events.at(-1).at - one.events.at(-1).at;

// Return the lanes of problems, open ones first, of these the gravest, and those with the latest events before the others.
export function lanesOf(incidents, deliveries, acts) {
  const building = new Building(deliveries);
  building.addIncidents(incidents);
  building.addActs(acts);
  const alike = building.lanesOfAlike();
  for (const delivery of deliveries) building.addDelivery(delivery, alike);
  return [...building.lanes.values()].map(finish).sort(byNeed);
}
