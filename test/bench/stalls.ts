/** How long this process' event loop stood still, and what memory it takes: the calls of every measured process. */

import { existsSync, openSync, readSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delays = monitorEventLoopDelay({ resolution: 1 });
/** The most processor time of the main thread between two beats, milliseconds. */
let busiest = 0;
let beat: NodeJS.Timeout | undefined;

export const stallCalls = {
  stallBegin() {
    delays.reset();
    delays.enable();
    busiest = 0;
    clearInterval(beat);
    let at = threadMillis();
    beat = setInterval(() => {
      const now = threadMillis();
      busiest = Math.max(busiest, now - at);
      at = now;
    }, 1);
  },
  /** The longest that the event loop stood still since `stallBegin`, milliseconds. */
  stallEnd() {
    delays.disable();
    clearInterval(beat);
    return delays.max / 1e6;
  },
  /** After `stallEnd`: the longest turn by the processor time of this thread, milliseconds; on a busy machine the loop stands still for others, too. */
  stallOwn: () => busiest,
  /** The most memory that the process had so far, megabytes. */
  peakMegabytes: () => process.resourceUsage().maxRSS / 1_024,
};

/** What the kernel has counted for this process' first thread: nanoseconds at work, and waiting for a processor. */
const counted = `/proc/self/task/${process.pid}/schedstat`;
const file = existsSync(counted) ? openSync(counted, 'r') : undefined;
const line = Buffer.alloc(64);

/** Where nothing is counted for a thread, that of all of them. */
function threadMillis(): number {
  if (file === undefined) {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  }
  const length = readSync(file, line, 0, line.length, 0);
  return Number.parseInt(line.toString('latin1', 0, length), 10) / 1e6;
}
