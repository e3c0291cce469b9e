/**
 * How long processes waited for a processor, by the kernel's own count: what is late because the machine
 * had other work is not a node's fault. Elsewhere than on Linux nothing is known, and nothing excused.
 */

import { readFileSync } from 'node:fs';
import { sharedNow } from '../bench/shared-now.ts';

export interface Span {
  readonly from: number;
  readonly to: number;
}

const everyMs = 100;
/** So much waiting in one such time is too much: half of what nodes ask each other may take (250 ms). */
const withinMs = 500;
const waitedMs = 125;

export class StarvationWatch {
  readonly spans: Span[] = [];
  readonly #waits = new Map<number, { at: number; totalMs: number }[]>();
  readonly #timer: NodeJS.Timeout;

  /** `pids`: the processes to watch, asked for each time. */
  constructor(pids: () => readonly number[]) {
    this.#timer = setInterval(() => {
      for (const pid of pids()) this.#look(pid);
    }, everyMs);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(pid: number): void {
    const totalMs = waitedFor(pid);
    if (totalMs === undefined) return;
    const at = sharedNow();
    const waits = [...(this.#waits.get(pid) ?? []), { at, totalMs }].filter((one) => one.at > at - withinMs);
    this.#waits.set(pid, waits);
    if (totalMs - waits[0]!.totalMs > waitedMs) this.spans.push({ from: waits[0]!.at, to: at });
  }
}

/** Milliseconds that a process's main thread was ready to run and did not, since it began. */
function waitedFor(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return undefined;
  }
}
