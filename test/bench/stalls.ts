/** How long this process' event loop stood still, and what memory it takes: the calls of every measured process. */

import { monitorEventLoopDelay } from 'node:perf_hooks';

const delays = monitorEventLoopDelay({ resolution: 1 });

export const stallCalls = {
  stallBegin() {
    delays.reset();
    delays.enable();
  },
  /** The longest that the event loop stood still since `stallBegin`, milliseconds. */
  stallEnd() {
    delays.disable();
    return delays.max / 1e6;
  },
  /** The most memory that the process had so far, megabytes. */
  peakMegabytes: () => process.resourceUsage().maxRSS / 1_024,
};
