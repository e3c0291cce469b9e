/** Three nodes with an application each, in processes of their own, and a browser's requests to them. */

import { type Child, startChild } from './child.ts';
import { freePort } from './redis.ts';
import { sharedNow } from './shared-now.ts';
import type { SiteAddress } from './site-worker.ts';

export interface Answer {
  readonly status: number;
  /** As a browser would send it. */
  readonly cookie: string;
  readonly text: string;
  /** Until the last byte, milliseconds. */
  readonly ms: number;
}

export class Site {
  readonly child: Child;
  readonly #port: number;

  constructor(child: Child, port: number) {
    this.child = child;
    this.#port = port;
  }

  /** Waits up to 10 s for an answer. */
  async send(method: 'GET' | 'POST', path: string, cookie = ''): Promise<Answer> {
    const begun = sharedNow();
    const answer = await fetch(`http://127.0.0.1:${this.#port}${path}`, {
      method,
      headers: { cookie, connection: 'close' },
      redirect: 'manual',
      signal: AbortSignal.timeout(10_000),
    });
    const text = await answer.text();
    const cookies = answer.headers.getSetCookie().map((line) => line.split(';')[0]);
    return { status: answer.status, cookie: cookies.join('; '), text, ms: sharedNow() - begun };
  }

  /** Signs a user on. @throws Error the answer is not 200 */
  async signOn(user: string): Promise<Answer> {
    const answer = await this.send('POST', `/sign-on?user=${user}`);
    if (answer.status !== 200) throw new Error(`signing on was answered ${answer.status}`);
    return answer;
  }
}

/** Resolves when all three may accept sign-ons. */
export async function threeSites(): Promise<readonly [Site, Site, Site]> {
  const nodes = (await Promise.all([freePort(), freePort(), freePort()])).map((port) => `127.0.0.1:${port}`);
  const children = nodes.map((_, place) => startChild(`site ${place + 1}`, 'site-worker'));
  try {
    const sites = await Promise.all(
      children.map(async (child, place) => {
        const address: SiteAddress = { name: `n${place + 1}`, listen: nodes[place]!, nodes };
        return new Site(child, await child.call<number>('start', address));
      }),
    );
    for (const { child } of sites) await until(() => child.call<boolean>('isAccepting'));
    return sites as [Site, Site, Site];
  } catch (error) {
    await stopAll(children);
    throw error;
  }
}

export const stopAll = (children: readonly Child[]) => Promise.all(children.map((child) => child.stop()));

/** Asks every 10 ms. @throws Error 30 s have passed */
export async function until(holds: () => Promise<boolean>): Promise<number> {
  const begun = sharedNow();
  while (!(await holds())) {
    if (sharedNow() - begun > 30_000) throw new Error('waited for 30 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return sharedNow();
}
