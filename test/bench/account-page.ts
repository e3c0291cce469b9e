/** m. The account page while 100,000 sign-ons are held: of somebody with two of them, and of somebody with as many as one may have. */

import { type Bench, interleaved } from './bench.ts';
import { startChild } from './child.ts';
import type { LoginSite } from './login-people.ts';
import { openLoop } from './open-loop.ts';
import { markdownTable, percentile, spread } from './table.ts';

const held = 100_000;
const perUser = 1_000;
const load = { perSecond: 20, seconds: 3, connections: 8 };

export const accountPage: Bench = {
  key: 'm',
  title: 'The account page at 100,000 sign-ons (goal: within 50 ms)',
  async run({ rounds, most, say }) {
    const child = startChild('account site', 'login-site-worker');
    try {
      const { port } = await child.call<LoginSite>('start');
      const count = Math.min(held, most);
      const signOn = (name: string, many: number) => child.call<readonly string[]>('signOn', { name, count: many });
      say(`opening ${count} sign-ons`);
      for (let from = 0; from < count; from += 5_000) await signOn(`holder${from}-#`, Math.min(5_000, count - from));
      const two = await signOn('two', 2);
      const many = await signOn('many', perUser);
      const reads = (cookie: string) => async () => {
        const { answers } = await openLoop({
          ...{ port, ...load },
          request: () =>
            Buffer.from(
              `GET /account HTTP/1.1\r\nHost: localhost:${port}\r\nAccept: text/html\r\nCookie: ${cookie}\r\n\r\n`,
            ),
        });
        for (const { status } of answers)
          if (status !== 200) throw new Error(`the account page was answered ${status}`);
        return answers.map(({ ms }) => ms);
      };
      const contestants = [
        { name: 'of somebody with 2 sign-ons', run: reads(two[1]!) },
        { name: `of somebody with ${perUser}`, run: reads(many[perUser - 1]!) },
      ];
      await interleaved(1, contestants, (line) => say(`warm-up, ${line}`));
      const results = await interleaved(rounds, contestants, say);
      const at = (turns: readonly (readonly number[])[], part: number) =>
        spread(turns.map((turn) => percentile(turn, part)));
      const rows = [...results].map(([name, turns]) => [name, at(turns, 0.5), at(turns, 0.99)]);
      return markdownTable(['page', 'p50, ms', 'p99, ms'], rows);
    } finally {
      await child.stop();
    }
  },
};
