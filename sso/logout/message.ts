/**
 * The frames of final logout, carried by gossip (gossip/talk.ts): positional tuples as JSON. Reading is
 * total: anything else is `undefined`. A later version may append to a tuple; what is beyond is ignored.
 */

import { type Items, isCount, isItems, isKey, parseTalk, talkFrame } from '../gossip/message.ts';
import type { Life } from './confirmations.ts';
import type { EndedApp } from './finality.ts';
import type { Running } from './grants.ts';
import type { Pair, Standing } from './recovery.ts';

export type Maps = readonly (readonly [map: string, items: Items])[];

export type Message =
  /** Lend me a lease; and who I am. */
  | {
      readonly type: 'lease';
      readonly ask: number;
      /** The life that is asked: `have` counts its closings. */
      readonly incarnation: number;
      readonly have: number;
      readonly standing: Standing;
      readonly voter: string | undefined;
    }
  /** Closings you lack, then the lease, or why there is none. */
  | {
      readonly type: 'grant';
      readonly ask: number;
      /** The life that asked. */
      readonly incarnation: number;
      readonly voter: string | undefined;
      readonly standing: Standing;
      readonly checked: boolean;
      readonly granted: boolean;
      readonly epoch: number;
      /** The closings here are those of mine beyond `from`, up to `to`. */
      readonly from: number;
      readonly to: number;
      /** All of mine. */
      readonly number: number;
      /** You are too far behind: compare with me. */
      readonly compare: boolean;
      /** My raw clock. */
      readonly wall: number;
      /** My present life, and how many closings it has flushed. */
      readonly pair: Pair | undefined;
      /** What I remember of your voter. */
      readonly remembers: Pair | undefined;
      readonly maps: Maps;
    }
  /** Confirm that you have stored these. */
  | { readonly type: 'seal'; readonly id: number; readonly maps: Maps }
  | {
      readonly type: 'sealed';
      readonly id: number;
      readonly voter: string | undefined;
      readonly restMs: number;
      readonly restEpoch: number;
      readonly pair: Pair | undefined;
      readonly running: readonly Running[];
      readonly lives: readonly Life[];
      /** By the closing's name. */
      readonly ended: readonly (readonly [closing: string, ended: EndedApp])[];
    };

type Type = Message['type'];
type Of<T extends Type> = Extract<Message, { readonly type: T }>;

/** The order is the byte on the wire, from `firstTalk` on: append, never insert. */
const types = ['lease', 'grant', 'seal', 'sealed'] as const;
const firstType = 32;
const standings = ['up', 'disk', 'lost'] as const;

export const leaseFrame = (m: Of<'lease'>): Uint8Array =>
  frameOf('lease', JSON.stringify([m.ask, m.incarnation, m.have, standings.indexOf(m.standing), m.voter ?? 0]));

/** `maps`: written out already. */
export const grantFrame = (m: Omit<Of<'grant'>, 'maps'>, maps: string): Uint8Array => {
  const head = [
    m.ask, m.incarnation, m.voter ?? 0, standings.indexOf(m.standing), +m.checked, +m.granted, m.epoch,
    m.from, m.to, m.number, +m.compare, m.wall, m.pair ?? 0, m.remembers ?? 0,
  ]; // biome-ignore format: the tuple is a table
  return frameOf('grant', `${JSON.stringify(head).slice(0, -1)},${maps}]`);
};

/** `maps`: written out already. */
export const sealFrame = (id: number, maps: string): Uint8Array => frameOf('seal', `[${id},${maps}]`);

export const sealedFrame = (m: Of<'sealed'>): Uint8Array =>
  frameOf(
    'sealed',
    JSON.stringify([
      m.id,
      m.voter ?? 0,
      Math.ceil(m.restMs),
      m.pair ?? 0,
      m.running.map(({ node, incarnation, remainingMs }) => [node, incarnation, Math.ceil(remainingMs)]),
      m.lives,
      m.ended.map(([closing, { app, sessions, failure }]) => [closing, app, sessions, failure ?? 0]),
      m.restEpoch,
    ]),
  );

export function parseMessage(frame: Uint8Array): Message | 'unknown' | undefined {
  const type = types[frame[1]! - firstType];
  if (type === undefined) return 'unknown';
  const talk = parseTalk(frame);
  return talk && parsers[type](talk.data);
}

const parsers: { readonly [T in Type]: (data: readonly unknown[]) => Of<T> | undefined } = {
  lease([ask, incarnation, have, standingAt, voterData]) {
    const standing = standingOf(standingAt);
    const voter = voterOf(voterData);
    if (!isCount(ask) || !isCount(incarnation) || !isCount(have) || standing === undefined || voter === false)
      return undefined;
    return { type: 'lease', ask, incarnation, have, standing, voter };
  },
  grant([ask, incarnation, voterData, standingAt, checked, granted, epoch, from, to, number, compare, wall, ...rest]) {
    const [pairData, remembersData, mapsData] = rest;
    const standing = standingOf(standingAt);
    const voter = voterOf(voterData);
    const pair = pairOf(pairData);
    const remembers = pairOf(remembersData);
    const maps = mapsOf(mapsData);
    if (!isCount(ask) || !isCount(incarnation) || voter === false || standing === undefined) return undefined;
    if (!isCount(epoch) || !isCount(from) || !isCount(to) || !isCount(number) || !isCount(wall)) return undefined;
    if (pair === false || remembers === false || maps === undefined) return undefined;
    return {
      type: 'grant', ask, incarnation, voter, standing, checked: checked === 1, granted: granted === 1, epoch,
      from, to, number, compare: compare === 1, wall, pair, remembers, maps,
    }; // biome-ignore format: as the tuple
  },
  seal([id, mapsData]) {
    const maps = mapsOf(mapsData);
    return isCount(id) && maps !== undefined ? { type: 'seal', id, maps } : undefined;
  },
  sealed([id, voterData, restMs, pairData, runningData, livesData, endedData, restEpoch = 0]) {
    const voter = voterOf(voterData);
    const pair = pairOf(pairData);
    const running = listOf(runningData, ([node, incarnation, remainingMs]) =>
      isKey(node) && isCount(incarnation) && isCount(remainingMs) ? { node, incarnation, remainingMs } : undefined,
    );
    const lives = listOf(livesData, ([node, incarnation]) =>
      isKey(node) && isCount(incarnation) ? ([node, incarnation] as const) : undefined,
    );
    const ended = listOf(endedData, ([closing, app, sessions, failure]) =>
      isKey(closing) && isKey(app) && isCount(sessions)
        ? ([closing, { app, sessions, failure: isKey(failure) ? failure : undefined }] as const)
        : undefined,
    );
    if (
      !isCount(id) ||
      voter === false ||
      !isCount(restMs) ||
      !isCount(restEpoch) ||
      pair === false ||
      !running ||
      !lives ||
      !ended
    )
      return undefined;
    return { type: 'sealed', id, voter, restMs, restEpoch, pair, running, lives, ended };
  },
};

function frameOf(type: Type, json: string): Uint8Array {
  return talkFrame(firstType + types.indexOf(type), json);
}

const standingOf = (data: unknown): Standing | undefined => standings[data as number];

/** `false`: it is nothing of the kind. */
const voterOf = (data: unknown): string | undefined | false => (data === 0 ? undefined : isKey(data) && data);

function pairOf(data: unknown): Pair | undefined | false {
  if (data === 0) return undefined;
  if (!Array.isArray(data)) return false;
  const [incarnation, flushed] = data;
  return isCount(incarnation) && isCount(flushed) && [incarnation, flushed];
}

function mapsOf(data: unknown): Maps | undefined {
  return listOf(data, ([map, items]) => (isKey(map) && isItems(items) ? ([map, items] as const) : undefined));
}

/** All of a list of tuples, or `undefined` if one of it is nothing of the kind. */
function listOf<T>(data: unknown, parse: (tuple: readonly unknown[]) => T | undefined): T[] | undefined {
  if (!Array.isArray(data)) return undefined;
  const list: T[] = [];
  for (const item of data) {
    const parsed = Array.isArray(item) ? parse(item) : undefined;
    if (parsed === undefined) return undefined;
    list.push(parsed);
  }
  return list;
}
