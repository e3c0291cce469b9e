/** A process that writes rounds to a data directory until it is killed, and says each that is durable: `writer.ts <directory>`. */

import { systemClock } from '../../sso/clock.ts';
import { LmdbDisk } from '../../sso/disk/lmdb-disk.ts';

const directory = process.argv[2] ?? '';
// So that no kill can leave it behind for long.
setTimeout(() => process.exit(9), 20_000);
const disk = new LmdbDisk({ directory, clock: systemClock });
const kept = await disk.open();
process.stdout.write(`open ${kept.state} ${kept.note}\n`);
for (let round = Number(kept.note ?? 0) + 1; ; round++) {
  for (let index = 0; index < 50; index++)
    disk.put('a', `key${index}`, `${round} ${'x'.repeat((round * index) % 3_000)}`);
  disk.note(String(round));
  await disk.flush();
  process.stdout.write(`durable ${round}\n`);
}
