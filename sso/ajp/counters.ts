/** What happened on a listener since it was opened. */

const names = [
  'connections', // accepted
  'crowded', // closed at once, above maxConnections
  'requests', // handed to the application
  'answers', // answered whole
  'pings', // CPing answered
  'unready', // CPing not answered, because the node was not ready
  'malformed', // what was no AJP, or not as the protocol has it
  'shutdowns', // asked to shut down: never done
  'wrongSecret', // refused: none, or another
  'strangeAttribute', // refused: an attribute that is not allowed
  'unknownMethod', // refused: a method nobody knows
  'upgrades', // refused: a WebSocket
  'badRequests', // refused: everything else that no request may have
  'badBodies', // a body of another length than was said
  'answersTooLarge', // headers that did not fit into one packet
  'cut', // the application ended the connection in place of its answer
  'left', // the balancer was gone before the answer
  'late', // a limit of time was reached
] as const;

export type Counter = (typeof names)[number];
export type Counters = Record<Counter, number>;

export function newCounters(): Counters {
  return Object.fromEntries(names.map((name) => [name, 0])) as Counters;
}
