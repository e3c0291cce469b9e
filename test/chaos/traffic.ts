/**
 * The users of a cluster: they sign on at every node, use what they have at all of them, sign off, and
 * keep asking with what ended, long after it did. A node that does not answer is not waited for: it gets
 * more requests, most of them with ended sign-ons, so that a paused one meets them when it wakes.
 */

import { sharedNow } from '../bench/shared-now.ts';
import { type Answer, Client } from './client.ts';
import { apps, cookieName } from './node-settings.ts';
import type { Oracle } from './oracle.ts';
import type { Logout, SignOn } from './records.ts';

export interface Site {
  readonly name: string;
  readonly port: number;
}

export interface Rates {
  /** Between two turns of each node, milliseconds. */
  readonly turnMs: number;
  /** Chances in a turn. */
  readonly signOn: number;
  readonly logout: number;
  readonly endUser: number;
  /** Requests in a turn with open sign-ons, and with ended ones. */
  readonly uses: number;
  readonly probes: number;
}

export const usualRates: Rates = { turnMs: 50, signOn: 0.12, logout: 0.08, endUser: 0.015, uses: 2, probes: 2 };

/** What a user's browser has: the sign-on's cookie, for ever, and the sessions' as they come. */
interface Browser {
  readonly signOn: SignOn;
  readonly token: string;
  readonly sessions: Map<string, Map<string, string>>;
}

/** Requests under way at one node: of open sign-ons, and of all. */
const usesAtMost = 24;
const underWayAtMost = 96;
const openAtMost = 60;
const recent = 20;
const pollMs = 100;

export class Traffic {
  readonly #oracle: Oracle;
  readonly #sites: readonly Site[];
  readonly #rates: Rates;
  readonly #fraction: () => number;
  readonly #client = new Client();
  readonly #underWay = new Map<string, number>();
  readonly #requests = new Set<Promise<unknown>>();
  #open: Browser[] = [];
  readonly #ended: Browser[] = [];
  #users = 0;
  #timer: NodeJS.Timeout | undefined;
  #polling = true;

  constructor(oracle: Oracle, sites: readonly Site[], fraction: () => number, rates = usualRates) {
    this.#oracle = oracle;
    this.#sites = sites;
    this.#fraction = fraction;
    this.#rates = rates;
  }

  start(): void {
    this.#timer = setInterval(() => {
      for (const site of this.#sites) this.#turn(site);
    }, this.#rates.turnMs);
  }

  /** Asks every node about everything once more, then ends; resolves when every answer is there. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(
      this.#sites.map(async (site) => {
        for (const browser of [...this.#open, ...this.#ended]) await this.#use(browser, site);
      }),
    );
    this.#polling = false;
    while (this.#requests.size > 0) await Promise.all(this.#requests);
    this.#client.end();
  }

  #turn(site: Site): void {
    const { signOn, logout, endUser, uses, probes } = this.#rates;
    const busy = this.#underWay.get(site.name) ?? 0;
    if (busy < usesAtMost) {
      if (this.#fraction() < signOn && this.#open.length < openAtMost) this.#start(this.#signOn(site));
      if (this.#fraction() < logout) this.#withOne(this.#open, (browser) => this.#logout(browser, site));
      if (this.#fraction() < endUser) this.#withOne(this.#open, (browser) => this.#endUser(browser.signOn.user, site));
      for (let i = 0; i < uses; i++) this.#withOne(this.#open, (browser) => this.#use(browser, site));
    }
    if (busy >= underWayAtMost) return;
    for (let i = 0; i < probes; i++) {
      const some = this.#fraction() < 0.5 ? this.#ended.slice(-recent) : this.#ended;
      this.#withOne(some, (browser) => this.#use(browser, site));
    }
  }

  #withOne(browsers: readonly Browser[], act: (browser: Browser) => Promise<void>): void {
    const browser = browsers[Math.floor(this.#fraction() * browsers.length)];
    if (browser !== undefined) this.#start(act(browser));
  }

  #start(work: Promise<void>): void {
    const request = work.finally(() => this.#requests.delete(request));
    this.#requests.add(request);
  }

  async #ask(
    site: Site,
    method: 'GET' | 'POST',
    path: string,
    more: { cookies?: Map<string, string>; body?: unknown } = {},
  ): Promise<Answer> {
    this.#underWay.set(site.name, (this.#underWay.get(site.name) ?? 0) + 1);
    try {
      return await this.#client.ask({ port: site.port, method, path, ...more });
    } finally {
      this.#underWay.set(site.name, this.#underWay.get(site.name)! - 1);
    }
  }

  /** A new user, or one who is signed on elsewhere already. The sign-on is used at every node as soon as it is there. */
  async #signOn(site: Site): Promise<void> {
    const other = this.#open[Math.floor(this.#fraction() * this.#open.length * 3)];
    const user = other?.signOn.user ?? `user-${++this.#users}`;
    const answer = await this.#ask(site, 'POST', '/sign-on', { body: { username: user, password: 'any' } });
    const ended = other?.signOn.endingAt !== undefined;
    const signOn = this.#oracle.signedOn(site.name, user, answer, ended);
    const token = answer.cookies.get(cookieName);
    if (signOn === undefined || token === undefined) return;
    const browser = { signOn, token, sessions: new Map() };
    // Whether it was ended with the others is not said.
    if (ended) return this.#oracle.ending(signOn, answer.beganAt);
    this.#open.push(browser);
    for (const each of this.#sites) this.#start(this.#use(browser, each));
  }

  async #use(browser: Browser, site: Site): Promise<void> {
    const app = apps[Math.floor(this.#fraction() * apps.length)]!;
    const cookies = new Map([[cookieName, browser.token]]);
    const session = browser.sessions.get(app);
    if (session !== undefined && this.#fraction() < 0.8) for (const [name, value] of session) cookies.set(name, value);
    const answer = await this.#ask(site, 'GET', `/${app}/`, { cookies });
    this.#oracle.asked(browser.signOn, site.name, answer);
    const set = new Map([...answer.cookies].filter(([name]) => name !== cookieName));
    if (set.size > 0) browser.sessions.set(app, set);
  }

  async #logout(browser: Browser, site: Site): Promise<void> {
    this.#end([browser]);
    const cookies = new Map([[cookieName, browser.token]]);
    const answer = await this.#ask(site, 'POST', '/sign-off', { cookies, body: {} });
    await this.#follow([browser], site, answer);
  }

  /** All sign-ons of a user end, those with a password that was changed. */
  async #endUser(user: string, site: Site): Promise<void> {
    const browsers = this.#open.filter(({ signOn }) => signOn.user === user);
    this.#end(browsers);
    const answer = await this.#ask(site, 'POST', `/end-user?name=${user}`);
    await this.#follow(browsers, site, answer);
  }

  #end(browsers: readonly Browser[]): void {
    const now = sharedNow();
    for (const { signOn } of browsers) this.#oracle.ending(signOn, now);
    this.#open = this.#open.filter((one) => !browsers.includes(one));
  }

  /** Asks for the receipt, here and there, until it is complete; then asks every node for what has ended. */
  async #follow(browsers: readonly Browser[], site: Site, answer: Answer): Promise<void> {
    const signOns = browsers.map(({ signOn }) => signOn);
    const logout = this.#oracle.logoutAnswered(signOns[0]!, site.name, answer);
    this.#ended.push(...browsers);
    if (logout === undefined) return;
    const take = ({ body, endedAt }: Answer) => {
      const { state, finalAt } = body as { readonly state?: unknown; readonly finalAt?: unknown };
      this.#oracle.receipt(logout, signOns, state, finalAt, endedAt);
    };
    take(answer);
    logout.atOnce = logout.completeAt !== undefined;
    if (logout.completeAt === undefined) await this.#poll(logout, String((answer.body as { id?: unknown }).id), take);
    for (const browser of logout.completeAt === undefined ? [] : browsers)
      for (const each of this.#sites) for (let i = 0; i < 2; i++) this.#start(this.#use(browser, each));
  }

  async #poll(logout: Logout, id: string, take: (answer: Answer) => void): Promise<void> {
    while (this.#polling && logout.completeAt === undefined) {
      await after(pollMs);
      const site = this.#sites[Math.floor(this.#fraction() * this.#sites.length)]!;
      const asked = this.#ask(site, 'GET', `/receipts/${id}`).then((answer) => {
        if (answer.status === 501) this.#oracle.notPollable();
        if (answer.status === 200) take(answer);
        return answer.status;
      });
      this.#start(asked.then(() => {}));
      // Another node is asked meanwhile, should this one stand still.
      if ((await Promise.race([asked, after(pollMs * 4)])) === 501) return;
    }
  }
}

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
