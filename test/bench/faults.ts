/** g. What users notice when one of three nodes is silent, is cut off with nobody, or is killed: over HTTP, real processes, T as it is by default. */

import type { Bench } from './bench.ts';
import { sharedNow } from './shared-now.ts';
import { type Site, stopAll, threeSites, until } from './site.ts';
import { markdownTable, spread } from './table.ts';

const users = 10;
/** So long the survivors are watched after a kill, milliseconds. */
const watchedMs = 3_000;
/** Leases are renewed by then, milliseconds: what happens next does not lean on the start. */
const settledMs = 3_000;

export const faults: Bench = {
  key: 'g',
  title: 'One of three is silent, cut off, or killed',
  async run({ rounds, say }) {
    const noted = new Map<string, number[]>();
    const note = (what: string, value: number) => noted.set(what, [...(noted.get(what) ?? []), value]);
    for (let round = 1; round <= rounds; round++) {
      say(`turn ${round} of ${rounds}`);
      const sites = await threeSites();
      try {
        await pause(settledMs);
        await oneSilent(sites, note);
        await pause(settledMs);
        await cutOff(sites, note);
        await pause(settledMs);
        await oneKilled(sites, note);
      } finally {
        await stopAll(sites.map(({ child }) => child));
      }
    }
    const rows = [...noted].map(([what, values]) => [what, spread(values), goals[what] ?? '']);
    return `${markdownTable(['', '', 'goal'], rows)}\n\nT = 6,000 ms. Each of ${rounds} rounds has a cluster of its own.`;
  },
};

type Note = (what: string, value: number) => void;

const goals: Readonly<Record<string, string>> = {
  'silent: receipt complete after, ms': '7,000',
  'silent: the ended sign-on is accepted, times': '0',
  'cut off: first 503 after, ms': '6,000',
  'cut off: accepts again after the heal, ms': '2,000',
  'killed: wrong answers': '0',
  'killed: answers 503': '0',
  'killed: first sign-on after, ms': '2,000',
};

/** The third stands still; a logout at the first. */
async function oneSilent([first, second, third]: readonly [Site, Site, Site], note: Note): Promise<void> {
  const { cookie } = await first.signOn('alice');
  third.child.signal('SIGSTOP');
  const begun = sharedNow();
  const { text, ms } = await first.send('POST', '/sign-off', cookie);
  const { id, state } = JSON.parse(text) as { readonly id: string; readonly state: string };
  note('silent: logout answered after, ms', ms);
  let accepted = 0;
  for (const site of [first, second]) if ((await site.send('GET', '/orders', cookie)).status === 200) accepted++;
  const complete =
    state === 'complete'
      ? begun + ms
      : await until(async () => (await first.child.call<string>('receipt', id)) === 'complete');
  note('silent: receipt complete after, ms', complete - begun);
  third.child.signal('SIGCONT');
  if ((await third.send('GET', '/orders', cookie)).status === 200) accepted++;
  note('silent: the ended sign-on is accepted, times', accepted);
  await until(() => third.child.call<boolean>('isAccepting'));
}

/** The second and third stand still; the first is a minority. */
async function cutOff([first, second, third]: readonly [Site, Site, Site], note: Note): Promise<void> {
  const { cookie } = await first.signOn('bob');
  second.child.signal('SIGSTOP');
  third.child.signal('SIGSTOP');
  const begun = sharedNow();
  const refused = await until(async () => (await first.send('GET', '/orders', cookie)).status === 503);
  note('cut off: first 503 after, ms', refused - begun);
  second.child.signal('SIGCONT');
  third.child.signal('SIGCONT');
  const healed = sharedNow();
  const again = await until(async () => (await first.send('GET', '/orders', cookie)).status === 200);
  note('cut off: accepts again after the heal, ms', again - healed);
  for (const { child } of [second, third]) await until(() => child.call<boolean>('isAccepting'));
}

/** The third is killed; the other two are asked without a pause. */
async function oneKilled([first, second, third]: readonly [Site, Site, Site], note: Note): Promise<void> {
  const open: string[] = [];
  const ended: string[] = [];
  for (let i = 0; i < users; i++) {
    open.push((await third.signOn(`open-${i}`)).cookie);
    const { cookie } = await third.signOn(`ended-${i}`);
    await third.send('POST', '/sign-off', cookie);
    ended.push(cookie);
  }
  third.child.signal('SIGKILL');
  const begun = sharedNow();
  let wrong = 0;
  let unavailable = 0;
  let firstSignOn: number | undefined;
  const answers: number[] = [];
  const signOns: number[] = [];
  for (let turn = 0; sharedNow() - begun < watchedMs; turn++) {
    const site = turn % 2 === 0 ? first : second;
    const one = await site.send('GET', '/orders', open[turn % users]);
    const other = await site.send('GET', '/orders', ended[turn % users]);
    answers.push(one.ms, other.ms);
    for (const { status } of [one, other]) if (status === 503) unavailable++;
    if (one.status !== 200 && one.status !== 503) wrong++;
    if (other.status === 200) wrong++;
    const opened = await site.send('POST', `/sign-on?user=new-${turn}`);
    signOns.push(opened.ms);
    if (opened.status === 200) firstSignOn ??= sharedNow() - begun;
  }
  note('killed: wrong answers', wrong);
  note('killed: answers 503', unavailable);
  note('killed: slowest answer, ms', Math.max(...answers));
  note('killed: first sign-on after, ms', firstSignOn ?? Number.NaN);
  note('killed: slowest sign-on, ms', Math.max(...signOns));
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
