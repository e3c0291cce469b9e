/**
 * Whether a balancer follows a route, or chance only looked like it. Least-loaded and round-robin balancers
 * make a naive test lie: after requests to the other nodes they send the next one to the wanted node by
 * themselves. So each wanted request has a control beside it that differs in nothing but the route, and chance
 * decides which goes first. To a balancer that does not know the route the two are the same; each pair of
 * which only one arrived at the node is then a fair coin, and all of them fell the right way.
 */

import { type Ask, type Chance, nodeOf, type Question } from './asking.ts';

/** So many coins in a row: one in 65,536 for a balancer that knows nothing. */
const coinsEnough = 16;
/** With fewer than one coin in four pairs the balancer's own choice is that node anyway. */
const pairsAtMost = 64;
/** After a miss so many wanted requests show where they go instead. */
const wantedAfterMiss = 10;
/** Requests that come to no node may each take a whole timeout: after so many it is clear. */
const lostAtMost = 3;

export type Verdict =
  /** Every wanted request went there, and chance cannot have done it. */
  | 'followed'
  /** Every wanted request went there, and so did nearly every other one. */
  | 'unsure'
  /** At least one wanted request went elsewhere. */
  | 'missed';

export interface Trial {
  readonly verdict: Verdict;
  /** Who answered the wanted requests, how often. '' stands for no node of the cluster. */
  readonly wanted: ReadonlyMap<string, number>;
  readonly controls: ReadonlyMap<string, number>;
}

/** Each asks once, with a value that never came before, and says who answered. */
export interface Pair {
  readonly wanted: () => Promise<string>;
  readonly control: () => Promise<string>;
}

/** Asks until it is clear whether `wanted` requests go to `node`. */
export async function tryRoute(chance: Chance, node: string, pair: Pair): Promise<Trial> {
  const wanted = new Map<string, number>();
  const controls = new Map<string, number>();
  const askOne = async (kind: 'wanted' | 'control'): Promise<boolean> => {
    const by = await pair[kind]();
    count(kind === 'wanted' ? wanted : controls, by);
    return by === node;
  };
  let coins = 0;
  let asked = 0;
  let hasMissed = false;
  for (; asked < pairsAtMost && coins < coinsEnough; asked++) {
    const isWantedFirst = chance() < 0.5;
    const first = await askOne(isWantedFirst ? 'wanted' : 'control');
    const second = await askOne(isWantedFirst ? 'control' : 'wanted');
    const [hit, control] = isWantedFirst ? [first, second] : [second, first];
    hasMissed ||= !hit;
    if (hasMissed && (asked + 1 >= wantedAfterMiss || (wanted.get('') ?? 0) >= lostAtMost)) break;
    if (hit && !control) coins++;
  }
  return { verdict: hasMissed ? 'missed' : coins >= coinsEnough ? 'followed' : 'unsure', wanted, controls };
}

/**
 * The short form, for guesses that are mostly wrong: which node is wanted is drawn each time, so that a balancer that does not
 * look is right so often in a row once in a billion: many guesses are tried one after the other. Ends with the
 * first miss.
 */
export async function follows(
  ask: Ask,
  chance: Chance,
  nodes: readonly string[],
  question: (node: string) => Question | undefined,
  times = Math.ceil(Math.log(1e-9) / -Math.log(nodes.length)),
): Promise<boolean> {
  if (nodes.length < 2) return false;
  for (let i = 0; i < times; i++) {
    const node = nodes[Math.floor(chance() * nodes.length)]!;
    const asked = question(node);
    if (asked === undefined || nodeOf(await ask(asked)) !== node) return false;
  }
  return true;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
