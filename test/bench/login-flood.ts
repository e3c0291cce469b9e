/**
 * l. A flood of log-ins with real hashing (check 77): many more than two cores can hash are offered, all
 * with the right password, so that nothing but the hashing's own queue refuses. How the pages of those who
 * are signed on answer meanwhile, how soon the excess is told no, and how long a logout takes.
 */

import { type Bench, interleaved } from './bench.ts';
import { type Child, startChild } from './child.ts';
import { type LoginSite, password, people } from './login-people.ts';
import { type Answered, openLoop, type Streamed } from './open-loop.ts';
import { figure, markdownTable, median, percentile } from './table.ts';

const offered = 2_000;
const seconds = 5;
const pages = { perSecond: 200, connections: 64 };
const logouts = { perSecond: 4, connections: 16 };

interface Turn {
  readonly pages: readonly Answered[];
  readonly logouts: readonly Answered[];
  /** Of the log-ins; none where none were offered. */
  readonly logIns: Streamed;
}

export const loginFlood: Bench = {
  key: 'l',
  title: `${figure(offered)} log-ins a second with real hashing (check 77; goals: others' p99 at most twice, the excess refused within 20 ms, a logout within 1 s)`,
  async run({ rounds, say }) {
    const child = startChild('login site', 'login-site-worker');
    try {
      const site = await child.call<LoginSite>('start');
      const turns = [
        { name: 'quiet', run: () => turn(child, site, 0) },
        { name: 'flood', run: () => turn(child, site, offered) },
      ];
      await interleaved(1, turns, (line) => say(`warm-up, ${line}`));
      return report(await interleaved(rounds, turns, say));
    } finally {
      await child.stop();
    }
  },
};

async function turn(child: Child, { port, csrf, visitor }: LoginSite, perSecond: number): Promise<Turn> {
  const cookies = await child.call<readonly string[]>('signOn', { name: 'reader#', count: 200 });
  const leaving = await child.call<readonly string[]>('signOn', {
    ...{ name: 'leaver#', count: logouts.perSecond * seconds },
  });
  const head = `Host: localhost:${port}\r\nSec-Fetch-Site: same-origin\r\n`;
  const posted = (path: string, cookie: string, more: string, body: string) =>
    Buffer.from(
      `POST ${path} HTTP/1.1\r\n${head}Cookie: ${cookie}\r\nAccept: application/json\r\nContent-Type: application/json\r\n${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  let user = Math.floor(Math.random() * people);
  const [read, left, logIns] = await Promise.all([
    openLoop({
      ...{ port, seconds, ...pages },
      request: (n) =>
        Buffer.from(`GET / HTTP/1.1\r\n${head}Accept: text/html\r\nCookie: ${cookies[n % cookies.length]}\r\n\r\n`),
    }),
    openLoop({ ...{ port, seconds, ...logouts }, request: (n) => posted('/logout', leaving[n]!, '', '{}') }),
    openLoop({
      ...{ port, seconds, perSecond, connections: perSecond === 0 ? 0 : 512 },
      request(n) {
        const username = `user${++user % people}`;
        const from = `X-Forwarded-For: 10.${n % 200}.${(n >> 8) % 200}.1\r\n`;
        return posted('/login', visitor, from, JSON.stringify({ username, password, csrf }));
      },
    }),
  ]);
  for (const { status } of [...read.answers, ...left.answers])
    if (status !== 200) throw new Error(`a page or a logout was answered ${status}`);
  return { pages: read.answers, logouts: left.answers, logIns };
}

function report(results: ReadonlyMap<string, readonly Turn[]>): string {
  const of = (name: string) => results.get(name) ?? [];
  const part = (answers: readonly Answered[], at: number) =>
    percentile(
      answers.map(({ ms }) => ms),
      at,
    );
  const cells = (turns: readonly Turn[], which: (turn: Turn) => readonly Answered[]) =>
    [0.5, 0.99].map((at) => figure(median(turns.map((one) => part(which(one), at)))));
  const refused = ({ logIns }: Turn) => logIns.answers.filter(({ status }) => status === 503 || status === 429);
  const let_in = ({ logIns }: Turn) => logIns.answers.filter(({ status }) => status === 200);
  const rows = (['quiet', 'flood'] as const).flatMap((name) => [
    [`a page of somebody who is signed on, ${name}`, ...cells(of(name), (one) => one.pages)],
    [`a logout, until its receipt, ${name}`, ...cells(of(name), (one) => one.logouts)],
  ]);
  rows.push(['a log-in of the flood that is let in', ...cells(of('flood'), let_in)]);
  rows.push(['one that is refused', ...cells(of('flood'), refused)]);
  const ratio = median(of('flood').map((one, round) => part(one.pages, 0.99) / part(of('quiet')[round]!.pages, 0.99)));
  const sum = (count: (one: Turn) => number) => of('flood').reduce((all, one) => all + count(one), 0);
  const answered = sum(({ logIns }) => logIns.answers.length);
  const others = answered - sum((one) => refused(one).length + let_in(one).length);
  return `${markdownTable(['', 'p50, ms', 'p99, ms'], rows)}

The p99 of a page is ${figure(ratio)} times what it is without the flood. Of ${figure(answered)} log-ins that were answered ${figure(sum((one) => let_in(one).length))} were let in, ${figure(sum((one) => refused(one).length))} refused, ${others} anything else; ${figure(sum(({ logIns }) => logIns.unsent))} found no connection.
Who sends the flood runs on the same machine, and takes its share of the cores.`;
}
