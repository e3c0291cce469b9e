/** Asks for every node by every carrier, and keeps what came of it; `checks/` say what it means. */

import { type Ask, type Chance, isFailure, nodeOf, type Question, type Reply } from './asking.ts';
import type { Carrier } from './carriers.ts';
import { type Trial, tryRoute } from './trial.ts';

export interface CarrierResult {
  readonly carrier: Carrier;
  /** By node. */
  readonly trials: ReadonlyMap<string, Trial>;
}

export interface Routing {
  readonly results: readonly CarrierResult[];
  /** A cookie that names a node which does not exist got no node's answer; what came instead. */
  readonly unknownRoute: { readonly carrier: Carrier; readonly reply: Reply } | undefined;
}

/** A route that no node has. */
export const nobody = (chance: Chance): string => `nobody${Math.floor(chance() * 1e9)}`;

export async function measureRouting(
  ask: Ask,
  chance: Chance,
  nodes: readonly string[],
  carriers: readonly Carrier[],
): Promise<Routing> {
  if (nodes.length < 2) return { results: [], unknownRoute: undefined };
  const results: CarrierResult[] = [];
  let unknownRoute: Routing['unknownRoute'];
  for (const carrier of carriers) {
    const refused = carrier.kind === 'balancer' ? undefined : await refusal(ask, chance, carrier);
    if (refused !== undefined) unknownRoute ??= { carrier, reply: refused };
    const hasControl = carrier.kind !== 'balancer' && refused === undefined;
    const tryNode = (node: string): Promise<Trial> =>
      tryRoute(chance, node, {
        wanted: async () => nodeOf(await ask(carrying(carrier.name, carrier.value(node, chance)!))),
        control: async () =>
          nodeOf(await ask(hasControl ? carrying(carrier.name, carrier.value(nobody(chance), chance)!) : {})),
      });
    const known = nodes.filter((node) => carrier.value(node, chance) !== undefined);
    const trials = new Map<string, Trial>();
    for (const node of known) trials.set(node, await tryNode(node));
    // Where some are followed and some are not, a trial that chance passed would look the same: those are tried again.
    const followed = known.filter((node) => trials.get(node)!.verdict === 'followed');
    for (const node of followed.length < known.length ? followed : []) trials.set(node, await tryNode(node));
    results.push({ carrier, trials });
  }
  return { results, unknownRoute };
}

export const carrying = (name: string, value: string): Question => ({ cookies: [`${name}=${value}`] });

/** A server error for a route that does not exist, twice: once may be a node that just went. */
async function refusal(ask: Ask, chance: Chance, carrier: Carrier): Promise<Reply | undefined> {
  for (let i = 0; ; i++) {
    const reply = await ask(carrying(carrier.name, carrier.value(nobody(chance), chance)!));
    if (!isFailure(reply)) return undefined;
    if (i === 1) return reply;
  }
}

/** Every node was found by it that was asked for, and one of them at least beyond chance. */
export function isFollowed({ trials }: CarrierResult): boolean {
  const verdicts = [...trials.values()].map(({ verdict }) => verdict);
  return verdicts.includes('followed') && !verdicts.includes('missed');
}

/** The first carrier that leads to every node. */
export const followedCarrier = ({ results }: Routing): Carrier | undefined => results.find(isFollowed)?.carrier;
