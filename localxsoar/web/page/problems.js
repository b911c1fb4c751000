// The problems that incidents and deliveries report, each as a lane of events in the order of their times.
import {ownOf} from './deliveries.js';
import {isOpen, problem} from './triage.js';

// Each lane has its `key`, which an address keeps, its `incidents` and `events`, oldest first, and `isOpen`. Lanes of a problem have its
// key, too. What belongs to no problem is in lanes at the end: the incidents of an instance without a key, and deliveries of a sender that
// became no incident. An event has its `kind`, its time `at` in milliseconds and, where they are known, its `delivery` and its `incident`.

class Building {
  constructor() {
    this.lanes = new Map();
    this.known = new Map();  // by the id of an incident, itself and its lane
  }

  lane(name, facts) {
    if (!this.lanes.has(name)) this.lanes.set(name, {incidents: [], events: [], ...facts});
    return this.lanes.get(name);
  }

  addIncidents(incidents, creators) {
    for (const incident of [...incidents].sort((one, other) => one.id - other.id)) {
      const lane = this.lane(problem(incident) || JSON.stringify([incident.sourceInstance]), {problem: incident.dbotMirrorId, source: incident.sourceInstance});
      lane.incidents.push(incident);
      this.known.set(incident.id, {incident, lane});
      const delivery = creators.get(incident.id);
      const isLate = delivery && ['gone', 'rejected'].includes(delivery.kind);  // it was made after its sender had left, or had got another response
      lane.events.push({kind: incident.state === 'resolved' ? 'end' : 'created', at: delivery && !isLate ? delivery.started * 1000 : Date.parse(incident.created), delivery, incident, isLate});
    }
  }

  // Add a delivery that repeats incidents, was rejected, or whose sender left, to the lanes that it belongs to.
  addDelivery(delivery, alike) {
    const at = delivery.started * 1000;
    if (['gone', 'rejected'].includes(delivery.kind)) {
      const kind = delivery.kind === 'gone' ? 'left' : 'rejected';
      const own = this.lanesOf(delivery.incidents);
      const lanes = own.size ? own : alike.get(delivery.alike) || new Set([this.lane(JSON.stringify(['', delivery.sender]), {problem: '', source: ''})]);
      for (const lane of lanes) lane.events.push({kind, at, delivery, isAlike: !own.size && lane.incidents.length > 0});
    } else {
      const own = ownOf(delivery);
      const repeated = delivery.incidents.filter((id) => !own.includes(id));
      for (const lane of this.lanesOf(repeated)) lane.events.push({kind: 'repeat', at, delivery, incident: repeated.map((id) => this.known.get(id)).find((each) => each?.lane === lane).incident});
    }
  }

  lanesOf(ids) { return new Set(ids.map((id) => this.known.get(id)?.lane).filter(Boolean)); }

  // Return the lanes of deliveries with the same body, by the number that those have in common.
  lanesOfAlike(deliveries) {
    const found = new Map();
    for (const {alike, incidents} of deliveries) {
      if (alike && incidents.length && !found.has(alike)) found.set(alike, new Set());
      if (alike) for (const lane of this.lanesOf(incidents)) found.get(alike).add(lane);
    }
    return found;
  }
}

// Tell a problem that begins from an incident that reports it again.
function noteAgain(events) {
  let hasBegun = false;
  for (const event of events) {
    if (event.kind === 'created' && hasBegun) event.kind = 'again';
    if (event.kind === 'created') hasBegun = true;
    if (event.kind === 'end') hasBegun = false;
  }
}

const ORDER = {left: 0, rejected: 1, created: 2, repeat: 3, end: 4};  // of events at the same time

function finish(lane) {
  const {incidents, events} = lane;
  events.sort((one, other) => one.at - other.at || ORDER[one.kind] - ORDER[other.kind]);
  if (lane.problem) noteAgain(events);
  const reports = incidents.filter(({state}) => state !== 'resolved');
  const open = reports.filter(isOpen);
  lane.isOpen = Boolean(lane.problem) && open.length > 0;
  lane.last = reports.at(-1) || incidents.at(-1);  // which names the problem as it is now
  lane.severity = lane.problem ? Math.max(...(open.length ? open : incidents).map(({severity}) => severity || 0)) : 0;
  const senders = new Set(events.flatMap(({delivery}) => (delivery ? [delivery.sender] : [])));
  lane.sender = senders.size > 1 ? `${senders.size} senders` : [...senders][0] ?? '';
  lane.key = incidents.length ? `lane-${incidents[0].id}` : `lane-of-${events[0].delivery.number}`;
  return lane;
}

const byNeed = (one, other) => Boolean(other.problem) - Boolean(one.problem) || other.isOpen - one.isOpen || other.events.at(-1).at - one.events.at(-1).at;

// Return the lanes of problems, open ones first, those with the latest events before the others. The ends of all incidents have been noted.
export function lanesOf(incidents, deliveries) {
  const building = new Building();
  const creators = new Map(deliveries.flatMap((delivery) => ownOf(delivery).map((id) => [id, delivery])));
  building.addIncidents(incidents, creators);
  const alike = building.lanesOfAlike(deliveries);
  for (const delivery of deliveries) building.addDelivery(delivery, alike);
  return [...building.lanes.values()].map(finish).sort(byNeed);
}
