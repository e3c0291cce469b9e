/**
 * A later version on the wire: a channel whose every outgoing frame has what this version may append one
 * day. More fields at the end of tuples, of values and of what lists hold; a map that this version does
 * not know, with what it holds, in batches and comparisons; and frames of types that it has never seen.
 */

import type { Channel } from '../../sso/channel/channel.ts';

const types = ['batch', 'ack', 'confirm', 'compare', 'differs', 'keys', 'page', 'question', 'answer'];
const lease = 32;
const grant = 33;
const seal = 34;
const sealed = 35;

type Tuple = unknown[];

/** What is appended. */
const more = ['later', { more: [1] }];

/** `[key, data, …]`: each value with more at its end. */
const laterItems = (items: Tuple): Tuple =>
  items.map((item, at) => (at % 2 === 1 && Array.isArray(item) ? [...item, ...more] : item));

const each = (list: unknown, change: (tuple: Tuple) => Tuple): unknown =>
  Array.isArray(list) ? list.map((one: Tuple) => change(one)) : list;

/** `[[map, items], …]`. */
const laterMaps = (maps: unknown): unknown => [
  ...(each(maps, ([map, items]) => [map, laterItems(items as Tuple), ...more]) as Tuple),
  ['later-map', ['key', ['value', 7]]],
];

/** By the frame's type: its tuple as the later version sends it. */
const changes: Readonly<Record<number, (tuple: Tuple) => Tuple>> = {
  [types.indexOf('batch')]: ([number, confirm, maps]) => [number, confirm, laterMaps(maps)],
  [types.indexOf('compare')]: ([id, minute, size, sees, maps]) => [
    id,
    minute,
    size,
    sees,
    [...(each(maps, (one) => [...one, ...more]) as Tuple), ['later-map', (maps as Tuple[])[0]?.[1]]],
  ],
  [types.indexOf('differs')]: ([id, number, whole, size, sees, maps, mark]) => [
    id,
    number,
    whole,
    size,
    sees,
    each(maps, ([map, groups]) => [map, each(groups, (group) => [...group, ...more]), ...more]),
    mark,
  ],
  [types.indexOf('page')]: ([id, map, done, wanted, items]) => [id, map, done, wanted, laterItems(items as Tuple)],
  [types.indexOf('answer')]: ([id, map, unknown, items]) => [id, map, unknown, laterItems(items as Tuple)],
  [lease]: (tuple) => tuple,
  [grant]: (tuple) => [...tuple.slice(0, -1), laterMaps(tuple.at(-1))],
  [seal]: ([id, maps]) => [id, laterMaps(maps)],
  [sealed]: ([id, voter, restMs, pair, running, lives, ended, restEpoch]) => [
    id,
    voter,
    restMs,
    pair,
    each(running, (one) => [...one, ...more]),
    each(lives, (one) => [...one, ...more]),
    each(ended, (one) => [...one, ...more]),
    restEpoch,
  ],
};

/** The frame as a later version would send it. */
export function laterFrame(frame: Uint8Array): Uint8Array {
  const [version, type] = [frame[0]!, frame[1]!];
  const tuple = JSON.parse(Buffer.from(frame).toString('utf8', 2)) as Tuple;
  const changed = (changes[type] ?? ((same: Tuple) => same))(tuple);
  return Buffer.from(String.fromCharCode(version, type) + JSON.stringify([...changed, ...more]), 'utf8');
}

/** Of types that are unknown yet: tuples, and bytes of another kind. */
const strange: readonly Uint8Array[] = [
  Buffer.from([1, 30, 0xff, 0, 0xfe, 7]),
  Buffer.from([1, 98, 0xff, 0, 0xfe, 7]),
  Buffer.from(`${String.fromCharCode(1, 31)}[1,"a later type of gossip"]`),
  Buffer.from(`${String.fromCharCode(1, 99)}[1,"a later type of the rooms above"]`),
];

/** Everything that leaves this channel is of a later version. */
export function laterChannel(channel: Channel): Channel {
  return {
    open: (events) => channel.open(events),
    peers: () => channel.peers(),
    pending: () => channel.pending(),
    send(to, frame) {
      channel.send(to, laterFrame(frame));
      for (const one of strange) channel.send(to, one);
    },
    broadcast(frame) {
      channel.broadcast(laterFrame(frame));
      for (const one of strange) channel.broadcast(one);
    },
    know: (addresses) => channel.know(addresses),
    counters: () => channel.counters(),
    close: () => channel.close(),
  };
}
