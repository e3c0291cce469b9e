/**
 * What a write of a session costs owner and buddy in processor time and bytes: npx tsx test/session/buddies/cost.ts
 * The network is memory, so that of sockets and TLS is not in it; the record's own change (`SessionData.change`) is.
 */

import { CourierWorld } from './world.ts';

const writes = 5_000;
const sessions = 500;

for (const size of [100, 4_000]) {
  for (const buddies of [1, 2]) {
    const world = await CourierWorld.of(['n1', 'n2', 'n3', 'n4']);
    const keys = Array.from(
      { length: sessions },
      (_, index) => `a-session-of-forty-three-characters-as-usual-${index}`,
    );
    for (const key of keys) world.make('n1', key, buddies, 'x'.repeat(size));
    await world.pass(2_000);
    const run = async () => {
      const from = process.cpuUsage();
      for (let index = 0; index < writes; index++) {
        world.write('n1', keys[index % sessions]!, index, 'counter');
        if (index % 20 === 19) world.clock.advance(1);
      }
      const { user, system } = process.cpuUsage(from);
      return (user + system) / writes;
    };
    await run();
    const bytes = () => world.at('n1').courier.counters()['buddy-bytes-sent']!;
    const before = bytes();
    const cost = await run();
    process.stdout.write(
      `${size} characters, ${buddies} buddies: ${cost.toFixed(1)} µs a write on all of them, ${Math.round((bytes() - before) / writes)} bytes\n`,
    );
  }
}
