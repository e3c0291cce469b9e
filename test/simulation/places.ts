/**
 * Judges sessions whose data only some nodes have, from outside: nobody lets go of data that nobody else has, nobody serves
 * what is another's or what is older than what it answered itself, nobody calls lost what somebody has, and a disk that
 * works brings back what was on it. After healing the data is where its record says, equal there and nowhere else.
 */

import { mergeData, SessionData } from '../../sso/session/data/session-data.ts';
import type { LiveSession, SessionRecord } from '../../sso/session/record.ts';
import type { SessionLook } from '../../sso/session/table.ts';
import type { Checkers } from './checkers.ts';
import type { Climate } from './climate.ts';
import type { SimulatedNode } from './cluster.ts';
import { faultOfData } from './fields.ts';
import type { AppSession, Life, Model } from './model.ts';

export interface PlacesParts {
  readonly model: Model;
  readonly climate: Climate;
  readonly now: () => number;
  readonly fail: Checkers['fail'];
}

/** Who answered that it keeps something may crash before whoever asked has heard so: so long, and what frames take, milliseconds. */
const underWayMs = 500;
/** What was changed so long before a crash is on the disk, milliseconds. */
const onDiskMs = 3_000;

export class Places {
  readonly #parts: PlacesParts;

  constructor(parts: PlacesParts) {
    this.#parts = parts;
  }

  /** A node's record of a session became another; before the model is told. Returns whether data was let go of. */
  changed(
    node: SimulatedNode,
    key: string,
    before: SessionRecord | undefined,
    after: SessionRecord,
    own: boolean,
  ): boolean {
    if (after.state === 'ended' && after.cause === 'node-lost' && own) this.#judgeLost(node, key);
    if (after.state === 'live' && after.buddies !== undefined) this.#judgeGiven(node, key, before, after);
    if (before?.state !== 'live' || after.state !== 'live') return false;
    if (own && after.owner === node.life.name && before.owner !== after.owner) this.#judgeTaken(node, key, after);
    if (after.buddies === undefined || before.data.latest === 0 || after.data.latest > 0) return false;
    this.#judgeShed(node.life, key, before, after);
    return true;
  }

  /** What a node would answer a request with. */
  looked(node: SimulatedNode, key: string, look: SessionLook): void {
    const { model, fail, now } = this.#parts;
    if (look.state !== 'live' || look.session.buddies === undefined) return;
    const { life } = node;
    const { owner, data } = look.session;
    if (owner !== life.name)
      fail('G', `${life.name} serves session ${short(key)}, which ${owner || 'nobody'} serves`, [key]);
    const session = model.sessions.get(key);
    if (session === undefined) return;
    const inReach = model.lives.filter((one) => one.alive && this.#isMember(node, one));
    const fault = faultOfData(
      session,
      data,
      // What another request writes at this very instant it need not see.
      (write) => write.life === life && write.at < now() && inReach.some((one) => has(one, key, write.data!)),
    );
    if (fault !== undefined)
      fail('G', `${life.name} shows less than it wrote, it ${fault}: session ${short(key)}`, [key]);
  }

  /** A node that worked well runs again, and has joined: what was on its disk came back. */
  cameBack(node: SimulatedNode, former: Life): void {
    const { model, fail } = this.#parts;
    const { life, machine, heart } = node;
    if (machine.hasFailed) return;
    for (const [key, { data, since }] of former.heldSessions) {
      if (since > former.diedAt - onDiskMs || data.latest === 0 || life.endedSessions.has(key)) continue;
      const session = heart.sessions.get(key);
      // Given to others since.
      if (session?.state !== 'live' || session.buddies === undefined || life.shedSessions.has(key)) continue;
      if (model.sessions.has(key) && !session.data.includes(data))
        fail('D1', `${life.name} has not got the data of session ${short(key)} back, which was on its disk`, [key]);
    }
  }

  /** A node left, and says that it handed over all that only it had when it `began`: what came later goes when it leaves. */
  handedOver(node: SimulatedNode, began: number): void {
    const { model, fail } = this.#parts;
    for (const session of model.sessions.values()) {
      const record = node.heart.sessions.get(session.key);
      if (record?.state !== 'live' || record.buddies === undefined || record.data.latest === 0) continue;
      if ((node.life.heldSessions.get(session.key)?.since ?? began) >= began) continue;
      if (model.lives.some((one) => one !== node.life && one.alive && has(one, session.key, record.data))) continue;
      fail('V88', `${node.life.name} left, and nobody else has the data of session ${short(session.key)}`, [
        session.key,
      ]);
    }
  }

  /** A node was asked in peace for a session of which somebody has data. */
  gathered(node: SimulatedNode, session: AppSession, look: SessionLook): void {
    const { model, climate, fail } = this.#parts;
    const { key } = session;
    if (look.state === 'ended' && look.cause !== 'node-lost') return;
    if (look.state !== 'live') {
      fail('G', `${node.life.name} has not got session ${short(key)} though all is healed: ${look.state}`, [key]);
      return;
    }
    const { data, owner, buddies } = look.session;
    const fault = faultOfData(session, data, (write) =>
      model.lives.some((one) => one.alive && has(one, key, write.data!)),
    );
    if (fault !== undefined)
      fail('G', `${node.life.name} took over session ${short(key)} in peace, and ${fault}`, [key]);
    if (owner !== node.life.name || buddies === undefined) return;
    const others = new Set([...climate.voters, ...climate.others, ...(climate.laterVoters ?? [])]);
    if (buddies.length === 0 && others.size > 1)
      fail('G', `${node.life.name} serves session ${short(key)} without a buddy, though all is healed`, [key]);
  }

  /** D1, D2: so long after healing the data is with those whom the record names, equal there, and nowhere else. */
  judge(nodes: readonly SimulatedNode[]): void {
    for (const session of this.#parts.model.sessions.values()) {
      const records = nodes.map((node) => ({ node, record: node.heart.sessions.get(session.key) }));
      if (records.some(({ node: { life } }) => life.endedSessions.has(session.key))) continue;
      const held = records.flatMap(({ node, record }) =>
        record?.state === 'live' && record.buddies !== undefined ? { node, record } : [],
      );
      if (held.length === nodes.length) this.#judgeSession(session, held);
    }
  }

  #judgeSession(session: AppSession, held: readonly { node: SimulatedNode; record: LiveSession }[]): void {
    const { fail } = this.#parts;
    const { key } = session;
    const { owner, buddies = [] } = held[0]!.record;
    const ownerNode = nodeOf(owner);
    // A later life of the owner's node has what the former one had: by its name.
    const served = held.find(({ node }) => node.life.node === ownerNode)?.record;
    for (const { node, record } of held) {
      const { life } = node;
      const isListed = life.node === ownerNode || buddies.includes(life.node);
      if (isListed && served !== undefined && record.data.version !== served.data.version)
        fail(
          'D2',
          `session ${short(key)} differs: ${owner}, whose node has ${served.data.version}, its buddy ${life.name} has ${record.data.version}`,
          [key],
        );
      const isTaken = served !== undefined || buddies.length > 0;
      if (!isListed && isTaken && record.data.latest > 0)
        fail('D2', `${life.name} still has data of session ${short(key)}, which is ${owner}'s and ${buddies}'s`, [key]);
    }
    const all = held.reduce((sum, { record }) => mergeData(sum, record.data), SessionData.empty);
    const living = held.map(({ node }) => node.life);
    const fault = faultOfData(session, served?.data ?? all, ({ data }) => living.some((life) => has(life, key, data!)));
    if (fault !== undefined)
      fail('D1', `${served === undefined ? 'nobody' : owner} ${fault}: session ${short(key)}`, [key]);
  }

  /** Data comes to those that a record has named, and to those that were asked for it. */
  #judgeGiven({ life }: SimulatedNode, key: string, before: SessionRecord | undefined, after: LiveSession): void {
    const { model, fail } = this.#parts;
    const session = model.sessions.get(key);
    if (session === undefined) return;
    session.named.add(nodeOf(after.owner));
    for (const name of after.buddies ?? []) session.named.add(name);
    const had = before?.state === 'live' && before.data.latest > 0;
    if (!had && after.data.latest > 0 && !session.named.has(life.node))
      fail('G', `${life.name} was given the data of session ${short(key)}, though nobody named it`, [key]);
  }

  /** Nobody takes over what he has nothing of while somebody has it. */
  #judgeTaken(node: SimulatedNode, key: string, after: LiveSession): void {
    const { model, fail } = this.#parts;
    if (after.buddies === undefined || after.data.latest > 0) return;
    const holder = model.lives.find((one) => one.alive && (one.heldSessions.get(key)?.data.latest ?? 0) > 0);
    if (holder !== undefined)
      fail('G', `${node.life.name} took over session ${short(key)} without its data, which ${holder.name} has`, [key]);
  }

  /** What is let go of is with somebody else, who is to have it. */
  #judgeShed(life: Life, key: string, before: LiveSession, after: LiveSession): void {
    const { model, climate, now, fail } = this.#parts;
    life.shedSessions.add(key);
    if (after.owner === life.name || after.buddies?.includes(life.node))
      fail('G', `${life.name} lets go of the data of session ${short(key)}, which it is to have`, [key]);
    const since = now() - underWayMs - climate.delay.max - climate.late.byMs;
    if (model.lives.every((one) => one === life || one.diedAt < since || !has(one, key, before.data)))
      fail('G', `${life.name} lets go of data of session ${short(key)} that nobody else has`, [key]);
  }

  /** Nobody ends for want of data what somebody has, in reach or not. */
  #judgeLost(node: SimulatedNode, key: string): void {
    const { model, fail } = this.#parts;
    const left = new Set(
      node.heart.gossip.members().flatMap((one) => (one.state === 'left' ? [`${one.node}:${one.incarnation}`] : [])),
    );
    for (const life of model.lives)
      if (life.alive && !left.has(life.name) && (life.heldSessions.get(key)?.data.latest ?? 0) > 0)
        fail('G', `${node.life.name} ends session ${short(key)} for want of its data, which ${life.name} has`, [key]);
  }

  /** Whether this node takes a life for one that goes on. */
  #isMember({ life, heart }: SimulatedNode, one: Life): boolean {
    if (one === life) return true;
    const known = heart.gossip.members().find(({ node, incarnation }) => `${node}:${incarnation}` === one.name);
    return known !== undefined && known.state !== 'lost' && known.state !== 'left';
  }
}

/** Whether a life has all of this data now, or had it when it ended. */
export function has(life: Life, key: string, data: SessionData): boolean {
  return life.heldSessions.get(key)?.data.includes(data) === true;
}

const nodeOf = (life: string) => life.slice(0, life.lastIndexOf(':'));
const short = (id: string) => id.slice(0, 8);
