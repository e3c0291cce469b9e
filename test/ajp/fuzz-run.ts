/** `node --expose-gc --import tsx test/ajp/fuzz-run.ts --packets N --seed S`: the fuzzer for as long as one likes, with a line of progress; ends with 1 at the first fault. */

import { tool } from '../support/tool.ts';
import { Fuzzer } from './support/fuzz.ts';

const { whole } = tool(
  `node --expose-gc --import tsx test/ajp/fuzz-run.ts [--packets N] [--seed S]

  --packets N   so many packets (1000000)
  --seed S      the same seed sends the same (1)`,
  { packets: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
);
const packets = whole('packets');
const fuzzer = new Fuzzer(whole('seed', 0));
const startedAt = performance.now();
for (let first: number | undefined; fuzzer.sum.packets < packets; ) {
  const { faults, ...sum } = await fuzzer.run(Math.min(50_000, packets - fuzzer.sum.packets));
  // Without --expose-gc what is shown holds garbage.
  (globalThis as { gc?: () => void }).gc?.();
  const megabytes = process.memoryUsage().heapUsed / 1_048_576;
  first ??= megabytes;
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  console.log(
    `${sum.packets} packets on ${sum.connections} connections, ${sum.requests} requests, ${sum.counters['malformed']} malformed; ` +
      `heap ${megabytes.toFixed(1)} MB (${(megabytes - first).toFixed(1)} more than after the first 50,000); ${seconds} s`,
  );
  if (faults.length > 0) {
    console.error(faults.join('\n'));
    process.exit(1);
  }
}
console.log(JSON.stringify(fuzzer.sum.counters));
