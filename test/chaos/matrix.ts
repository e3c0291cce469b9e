/**
 * The cells, in the order in which they count: the first two dozen meet every kind of fault once, and
 * are what every change must pass; the rest are other sizes, lengths and combinations.
 */

import { diskFull, whyNotMounted } from './disk-full.ts';
import {
  calm,
  type Fault,
  flapping,
  halfOpen,
  killed,
  killedForGood,
  losingAll,
  losingOne,
  oneLinkCut,
  oneWay,
  partitioned,
  paused,
  pausedThenOtherKilled,
  rollingRestart,
  weather,
} from './faults.ts';

export interface Cell {
  readonly name: string;
  readonly size: 3 | 5;
  /** Nodes besides, without a vote. Default 0. */
  readonly voteless?: number;
  readonly disk?: boolean;
  /** Short: sign-ons end by themselves while all this goes on, and are forgotten 4 s later. Default 12 h. */
  readonly lifeMs?: number;
  readonly fault: Fault;
  /** Why it cannot run here. */
  readonly skip?: () => string | undefined;
}

const shortLifeMs = 5_000;
const slowLinks = weather('slow links', { bytesPerSecond: 128 * 1024, delayMs: 10 });
const piecemealLinks = weather('byte-wise links', { piecemeal: true });
const farLinks = weather('far links', { delayMs: 60, jitterMs: 20 });

export const matrix: readonly Cell[] = [
  { name: 'one killed, restarted empty', size: 3, fault: killed('one', 1_000) },
  { name: 'one paused 5 s', size: 3, fault: paused('one', 5_000) },
  { name: 'one cut off, packets wait', size: 3, fault: partitioned('hold', 4_000) },
  { name: 'rolling restart', size: 3, fault: rollingRestart },
  { name: 'one killed, restarted with its disk', size: 3, disk: true, fault: killed('one', 1_000) },
  { name: 'all killed, restarted with their disks', size: 3, disk: true, fault: killed('all', 500) },
  { name: 'one paused 1 s', size: 3, fault: paused('one', 1_000) },
  { name: 'one paused 10 s', size: 3, fault: paused('one', 10_000) },
  { name: 'minority killed for good', size: 5, fault: killedForGood },
  { name: 'minority cut off, connections end', size: 5, fault: partitioned('cut', 4_000) },
  { name: 'one deaf', size: 3, fault: oneWay('deaf', 4_000) },
  { name: 'one dumb', size: 3, fault: oneWay('dumb', 4_000) },
  { name: 'one flapping', size: 3, fault: flapping },
  { name: 'one half-open', size: 3, fault: halfOpen },
  { name: 'one link cut', size: 3, fault: oneLinkCut(5_000) },
  { name: 'disk full', size: 3, disk: true, fault: diskFull, skip: whyNotMounted },
  { name: 'connections of one pair end', size: 3, fault: losingOne },
  { name: 'all connections end', size: 3, fault: losingAll },
  { name: 'slow links', size: 3, fault: slowLinks },
  { name: 'byte-wise links', size: 3, fault: piecemealLinks },
  { name: 'one killed while sign-ons run out', size: 3, lifeMs: shortLifeMs, fault: killed('one', 1_000) },
  { name: 'minority paused 5 s', size: 5, fault: paused('minority', 5_000) },
  { name: 'one paused, another killed when it wakes', size: 3, disk: true, fault: pausedThenOtherKilled },
  { name: 'rolling restart with disks', size: 3, disk: true, fault: rollingRestart },

  { name: 'no fault', size: 3, fault: calm },
  { name: 'no fault, five with disks', size: 5, disk: true, fault: calm },
  { name: 'all killed, restarted empty', size: 3, fault: killed('all', 500) },
  { name: 'minority killed, restarted empty', size: 5, fault: killed('minority', 1_000) },
  { name: 'minority killed, restarted with disks', size: 5, disk: true, fault: killed('minority', 1_000) },
  { name: 'one of five killed, restarted at once', size: 5, fault: killed('one', 0) },
  { name: 'one killed, restarted at once with its disk', size: 3, disk: true, fault: killed('one', 0) },
  { name: 'all of five killed, restarted with their disks', size: 5, disk: true, fault: killed('all', 500) },
  { name: 'one killed for good', size: 3, disk: true, fault: killedForGood },
  { name: 'one paused 5 s, disks', size: 3, disk: true, fault: paused('one', 5_000) },
  { name: 'one paused 5 s while sign-ons run out', size: 3, lifeMs: shortLifeMs, fault: paused('one', 5_000) },
  { name: 'minority paused 10 s', size: 5, fault: paused('minority', 10_000) },
  { name: 'minority paused 1 s', size: 5, fault: paused('minority', 1_000) },
  { name: 'one paused beside a node without a vote', size: 3, voteless: 1, fault: paused('one', 5_000) },
  { name: 'one cut off beside a node without a vote', size: 3, voteless: 1, fault: partitioned('hold', 4_000) },
  { name: 'minority cut off, packets wait', size: 5, fault: partitioned('hold', 4_000) },
  { name: 'minority cut off, bytes vanish', size: 5, fault: partitioned('swallow', 4_000) },
  { name: 'one cut off, bytes vanish', size: 3, fault: partitioned('swallow', 4_000) },
  { name: 'one cut off, connections end', size: 3, fault: partitioned('cut', 4_000) },
  { name: 'one cut off 8 s, packets wait', size: 3, fault: partitioned('hold', 8_000) },
  { name: 'one cut off while sign-ons run out', size: 3, lifeMs: shortLifeMs, fault: partitioned('hold', 4_000) },
  { name: 'minority deaf', size: 5, fault: oneWay('deaf', 4_000) },
  { name: 'minority dumb', size: 5, fault: oneWay('dumb', 4_000) },
  { name: 'minority flapping', size: 5, fault: flapping },
  { name: 'minority half-open', size: 5, fault: halfOpen },
  { name: 'one link of five cut', size: 5, fault: oneLinkCut(5_000) },
  { name: 'all connections of five end', size: 5, fault: losingAll },
  { name: 'far links', size: 3, fault: farLinks },
  { name: 'far links, five', size: 5, fault: farLinks },
  { name: 'slow links, five', size: 5, fault: slowLinks },
  { name: 'byte-wise links, five', size: 5, fault: piecemealLinks },
  { name: 'rolling restart of five', size: 5, fault: rollingRestart },
];
