/** Whether the nodes' clocks agree. Nodes correct small differences themselves; large ones cost sign-ons their time. */

import type { Reply } from '../asking.ts';
import { listed } from '../cluster.ts';
import type { Exam } from '../exam.ts';
import type { Finding } from '../finding.ts';

/** Between two nodes, beyond what the network leaves open, milliseconds. A node refuses what comes from 4 s in its future. */
const apartMsAtMost = 2_000;
/** From our own clock, which may be the wrong one, milliseconds: as far as a pass is good. */
const oursMsAtMost = 5 * 60_000;

export interface ClockReading {
  readonly node: string;
  /** Ahead of our clock, milliseconds. */
  readonly offsetMs: number;
  /** How far the truth may be from that. */
  readonly uncertainMs: number;
}

export const checkClocks = ({ survey }: Exam): readonly Finding[] => [judgeClocks(readings(survey))];

/** The best reading of each node: the one that took the shortest time. */
export function readings(replies: readonly Reply[]): readonly ClockReading[] {
  const best = new Map<string, ClockReading>();
  for (const reply of replies) {
    if (reply.kind !== 'answered' || reply.isCopy) continue;
    const { node } = reply.answer;
    const uncertainMs = reply.tookMs / 2;
    if (uncertainMs < (best.get(node)?.uncertainMs ?? Number.POSITIVE_INFINITY))
      best.set(node, { node, offsetMs: reply.clockOffsetMs, uncertainMs });
  }
  return [...best.values()];
}

export function judgeClocks(all: readonly ClockReading[]): Finding {
  const check = 'clocks';
  const sorted = [...all].sort((a, b) => a.offsetMs - b.offsetMs);
  const [slowest, fastest] = [sorted[0], sorted.at(-1)];
  if (slowest === undefined || fastest === undefined) return { check, ok: 'unknown', says: 'no node told its time' };
  const apartMs = fastest.offsetMs - slowest.offsetMs - fastest.uncertainMs - slowest.uncertainMs;
  if (apartMs > apartMsAtMost)
    return {
      check,
      ok: false,
      says: `the clock of ${fastest.node} is ${seconds(fastest.offsetMs - slowest.offsetMs)} ahead of that of ${slowest.node}`,
      remedy: 'run a time service (chrony, systemd-timesyncd) on every node',
    };
  const farMs = Math.max(...sorted.map(({ offsetMs }) => Math.abs(offsetMs)));
  if (farMs > oursMsAtMost)
    return {
      check,
      ok: 'unknown',
      says: `the nodes’ clocks agree, and are ${seconds(farMs)} from this machine’s: one of them is wrong`,
      remedy: 'compare both with a time service',
    };
  if (sorted.length === 1) return { check, ok: true, says: `the clock of ${fastest.node} is right by this machine’s` };
  return {
    check,
    ok: true,
    says: `the clocks of ${listed(sorted.map(({ node }) => node).sort())} agree within ${seconds(fastest.offsetMs - slowest.offsetMs + fastest.uncertainMs + slowest.uncertainMs)}`,
  };
}

const seconds = (ms: number): string =>
  ms < 1_000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1_000).toFixed(1)} s`;
