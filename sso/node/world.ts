/**
 * The world as a node has it: its clock, its chance, its keys, where its words go, which life this is, its
 * disk, and the channel to the others. What `Settings.world` puts in their place, in a test, comes first.
 */

import type { Channel, Peer } from '../channel/channel.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Disk } from '../disk/disk.ts';
import { LmdbDisk } from '../disk/lmdb-disk.ts';
import { LmdbShelf } from '../disk/lmdb-shelf.ts';
import type { Shelf } from '../disk/shelf.ts';
import { deriveKeys, type Keys } from '../keys.ts';
import { type Log, silentLog } from '../log.ts';
import type { Settings } from '../options.ts';
import { type Random, systemRandom } from '../random.ts';
import { channelOf } from './channel.ts';

export interface NodeWorld {
  /** Raw: the heart corrects it by those of the voters. */
  readonly clock: Clock;
  readonly random: Random;
  readonly keys: Keys;
  readonly log: Log;
  /** This life of the node. */
  readonly self: Peer;
  /** `undefined`: a node without a cluster. */
  readonly channel: Channel | undefined;
  /** `undefined`: everything is in memory. */
  readonly disk: Disk | undefined;
  readonly shelf: Shelf | undefined;
}

/**
 * Nothing of it runs yet. `after`: the incarnation of this node that another one has met, which this life must exceed.
 * `onReplaced`: the channel has met a later process of its name. @throws SsoError ERR_CONFIG_INVALID
 */
export function worldOf(settings: Settings, after: number, onReplaced: (latest: number) => void): NodeWorld {
  const { world, dataDir, route, log = consoleLog } = settings;
  const { clock = systemClock, random = systemRandom } = world;
  const keys = deriveKeys(settings.secret, settings.retiredSecrets);
  const chance = Math.floor(random.fraction() * 512);
  const self = { node: route, incarnation: Math.max(Math.floor(clock.now()) * 512, after + 1) + chance };
  return {
    ...{ clock, random, keys, log, self },
    channel: channelOf(settings, self, keys, { clock, random, log, onReplaced }),
    disk: world.disk ?? (dataDir === undefined ? undefined : new LmdbDisk({ directory: dataDir, clock, log })),
    shelf: world.shelf ?? (dataDir === undefined ? undefined : new LmdbShelf(dataDir)),
  };
}

/** Says what an operator must know where no log was given. */
const consoleLog: Log = {
  ...silentLog,
  warn: (fields, message) => console.warn(`latchkey: ${message}`, fields),
  error: (fields, message) => console.error(`latchkey: ${message}`, fields),
};
