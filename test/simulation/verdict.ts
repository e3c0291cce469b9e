/** The rules that hold once the last fault is over and the copies had their rounds: D1, D2, S5, S8, and that a logout is known everywhere; later on L1 and L2. */

import type { Copies } from '../../sso/gossip/copies.ts';
import type { Lattice } from '../../sso/gossip/lattice.ts';
import { lattices } from '../../sso/heart.ts';
import type { LiveSession } from '../../sso/session/record.ts';
import { type Checkers, short } from './checkers.ts';
import type { Climate } from './climate.ts';
import type { Cluster, SimulatedNode } from './cluster.ts';
import { faultOfData } from './fields.ts';
import type { AppSession, Life, Model, SignOn } from './model.ts';

/** Close to its end a value is over on one node and not yet on another, milliseconds. */
const edgeMs = 10_000;

export function judgeHealed(cluster: Cluster, climate: Climate, model: Model, checkers: Checkers, now: number): void {
  const nodes = cluster.names.flatMap((name) => cluster.at(name) ?? []);
  for (const { life, heart } of nodes)
    if (heart.gossip.state !== 'up')
      checkers.fail('L', `${life.name} has not joined, so long after the last fault`, [life.node]);
  judgeCopies(nodes, checkers, now);
  const alive = nodes.map(({ life }) => life);
  for (const signOn of model.signOns.values()) judgeSignOn(nodes, alive, signOn, model, checkers, now);
  for (const session of model.sessions.values()) judgeSession(nodes, alive, session, model, checkers, now);
  for (const name of climate.users) judgeRoles(nodes, alive, name, model, checkers);
}

/** D1, D2 for sessions whose data only some nodes have: digests and offers have had their time as well. */
export function judgePlaces(cluster: Cluster, checkers: Checkers): void {
  checkers.places.judge(cluster.names.flatMap((name) => cluster.at(name) ?? []));
}

/** L1: everybody has recovered and accepts again, and L2: every end is complete, so long after the last fault. */
export function judgeRecovered(cluster: Cluster, checkers: Checkers): void {
  for (const node of cluster.names.flatMap((name) => cluster.at(name) ?? [])) {
    const { life, heart } = node;
    const { standing, waitsFor, leases, quorum } = heart.finality.view();
    if (standing !== 'up')
      checkers.fail('L1', `${life.name} has not recovered: ${standing}, waits for ${waitsFor}`, []);
    if (!heart.finality.mayAccept())
      checkers.fail(
        'L1',
        `${life.name} accepts nothing: it has ${leases.length} leases of others, the quorum is ${quorum}`,
        [],
      );
  }
}

/** D2: all copies are equal. By content, as their digests see it, not by the digests. */
function judgeCopies(nodes: readonly SimulatedNode[], checkers: Checkers, now: number): void {
  const [first, ...others] = nodes;
  if (first === undefined) return;
  for (const other of others) {
    compare(first, other, 'entries', checkers, now);
    compare(first, other, 'sessions', checkers, now);
    compare(first, other, 'subjects', checkers, now);
  }
}

function compare(
  a: SimulatedNode,
  b: SimulatedNode,
  map: keyof typeof lattices,
  checkers: Checkers,
  now: number,
): void {
  const lattice = lattices[map] as Lattice<unknown>;
  const text = (value: unknown) =>
    `${lattice.digestText?.(value) ?? JSON.stringify(lattice.encode(value))}${dataOf(value)}`;
  const here = a.heart[map] as Copies<unknown>;
  const there = b.heart[map] as Copies<unknown>;
  const differs = (key: string, one: unknown, other: unknown, where: SimulatedNode) => {
    if (lattice.forgetAt(one) <= now + edgeMs || (other !== undefined && lattice.forgetAt(other) <= now + edgeMs))
      return;
    if (other === undefined)
      checkers.fail('D2', `only ${where.life.name} of the two has ${map} ${short(key)}: ${text(one)}`, [
        key,
        a.name,
        b.name,
      ]);
    else if (text(one) !== text(other))
      checkers.fail('D2', `${map} ${short(key)} differs: ${a.name} has ${text(one)}, ${b.name} has ${text(other)}`, [
        key,
      ]);
  };
  for (const [key, value] of here.entries()) differs(key, value, there.get(key), a);
  for (const [key, value] of there.entries()) if (here.get(key) === undefined) differs(key, value, undefined, b);
}

/** The data of a session, of which the digest has only the context. */
function dataOf(value: unknown): string {
  const { state, stays, buddies, data } = value as Partial<LiveSession>;
  return state !== 'live' || stays || buddies !== undefined || data === undefined
    ? ''
    : ` ${JSON.stringify(data.encode())}`;
}

function judgeSignOn(
  nodes: readonly SimulatedNode[],
  alive: readonly Life[],
  signOn: SignOn,
  model: Model,
  checkers: Checkers,
  now: number,
): void {
  const { id, name, endsAt } = signOn;
  const about = [id, name];
  const isClosedSomewhere = alive.some((life) => life.closed.has(id));
  const isEndedSomewhere = alive.some((life) => model.mustEndWithItsSubject(signOn, life));
  const mustLive =
    signOn.acknowledged &&
    signOn.epoch >= model.epoch &&
    endsAt > now + edgeMs &&
    alive.some((life) => life.held.has(id)) &&
    !isClosedSomewhere &&
    !isEndedSomewhere &&
    !model.mayEndWithItsSubject(signOn);
  for (const { heart, life } of nodes) {
    const { state } = heart.registry.look(id);
    const isOpen = state === 'open' || state === 'doubtful';
    if (isOpen && isClosedSomewhere)
      checkers.fail(
        'S1',
        `${life.name} accepts ${short(id)}, whose end another node knows, though all is healed`,
        about,
      );
    if (isOpen && isEndedSomewhere)
      checkers.fail(
        'S8',
        `${life.name} accepts ${short(id)}, though ${name} was ended since its credentials were checked`,
        about,
      );
    if (!isOpen && mustLive)
      checkers.fail(
        'D1',
        `${life.name} does not know ${short(id)}, which was acknowledged, which a living node holds, and which nobody ended: ${state}`,
        about,
      );
  }
}

function judgeSession(
  nodes: readonly SimulatedNode[],
  alive: readonly Life[],
  session: AppSession,
  model: Model,
  checkers: Checkers,
  now: number,
): void {
  const { key, signOn, telling, writes } = session;
  const isEndedSomewhere = alive.some((life) => life.endedSessions.has(key));
  const isHeld = writes.some(({ holders }) => holders.some((life) => life.alive));
  for (const { heart, life } of nodes) {
    const look = heart.table.look(key);
    if ((look.state === 'live' || look.state === 'doubtful') && isEndedSomewhere)
      checkers.fail('S2', `${life.name} shows session ${short(key)}, whose end another node knows`, [key]);
    const held = heart.sessions.get(key);
    const isOver =
      isEndedSomewhere ||
      (signOn !== undefined && isNearlyOver(model.signOns.get(signOn), model, now)) ||
      session.idleMs > 0;
    if (!isHeld || isOver) continue;
    if (held?.state !== 'live') {
      checkers.fail('D1', `${life.name} has not got session ${short(key)}, which a living node holds`, [key]);
      continue;
    }
    // What stays is where it was written alone.
    if (telling.stays && writes.every((write) => write.life !== life)) continue;
    // Where its data is to be is judged in places.ts, later.
    if (held.buddies !== undefined) continue;
    const fault = faultOfData(session, held.data);
    if (fault !== undefined) checkers.fail('D1', `${life.name} ${fault}: session ${short(key)}`, [key]);
  }
}

function isNearlyOver(signOn: SignOn | undefined, model: Model, now: number): boolean {
  return signOn === undefined || signOn.endsAt < now + edgeMs || signOn.epoch < model.epoch;
}

/** S5: all nodes have the same roles in force, and none older than what a living node was told. */
function judgeRoles(
  nodes: readonly SimulatedNode[],
  alive: readonly Life[],
  name: string,
  model: Model,
  checkers: Checkers,
): void {
  const open = [...model.signOns.values()].filter(
    (one) => one.name === name && nodes.every(({ heart }) => heart.registry.look(one.id).state === 'open'),
  );
  const [one] = open;
  if (one === undefined) return;
  const told = Math.max(...open.map(({ stamp }) => stamp), ...alive.map((life) => life.rolesStamps.get(name) ?? 0));
  const stampOf = new Map([
    ...[...model.signOns.values()].map((signOn) => [signOn.roles[0], signOn.stamp] as const),
    ...model.rolesSet.map(({ roles, stamp }) => [roles[0], stamp] as const),
  ]);
  const inForce = nodes.map(({ heart }) => {
    const entry = heart.entries.get(one.id);
    return entry?.state === 'open' ? heart.registry.rolesOf(entry)[0] : undefined;
  });
  if (new Set(inForce).size > 1)
    checkers.fail('S5', `the nodes disagree about the roles of ${name}: ${inForce.join(', ')}`, [
      name,
      ...open.map(({ id }) => id),
    ]);
  for (const roles of inForce) {
    if ((stampOf.get(roles) ?? 0) < told)
      checkers.fail('S5', `${name} has ${roles} in force, though later ones are known`, [
        name,
        ...open.map(({ id }) => id),
      ]);
  }
}
