/**
 * A story: a test on a cluster of its own with the three applications, and what it asks again and
 * again. At its end no node may have logged an error that the story did not expect.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { Response, Test } from 'supertest';
import { Cookie } from 'tough-cookie';
import {
  type Browser,
  type NodeOptionsForTests,
  type TestCluster,
  type TestClusterOptions,
  testCluster,
} from '../../sso/testing/index.ts';
import { type ApplicationsOptions, applications, type End, Gates, passwordOf, type Seen } from './applications.ts';
import { carried } from './carried.ts';

export const A = 'https://app1.xyz.test';
export const B = 'https://app2.xyz.test';
export const C = 'https://app3.xyz.test';

/** The SSO cookie's name under the stories' cookieDomain. */
export const ssoName = '__Secure-latchkey';

/** Names of nodes. */
export const three = ['n1', 'n2', 'n3'] as const;

/** What a browser says of itself when a person goes to a page, and when they post a form of the page they are on. */
export const navigation = { 'Sec-Fetch-Mode': 'navigate', Accept: 'text/html' } as const;
export const fromOwnPage = { ...navigation, 'Sec-Fetch-Site': 'same-origin' } as const;

export const seconds = 1_000;
export const minutes = 60 * seconds;
export const hours = 60 * minutes;

export interface StoryOptions {
  readonly nodes?: readonly string[];
  readonly options?: NodeOptionsForTests | ((node: string) => NodeOptionsForTests);
  readonly apps?: Omit<ApplicationsOptions, 'gates' | 'onEnd'>;
  readonly seed?: number;
  /** Without a cookieDomain of the stories' own. */
  readonly hostOnly?: boolean;
  /** As of `testCluster`. */
  readonly silenceMs?: number;
  readonly onFrame?: (from: string, frame: Uint8Array) => void;
  readonly disks?: TestClusterOptions['disks'];
  /** The story provokes errors that a node logs. */
  readonly logsErrors?: boolean;
}

export class Story {
  readonly cluster: TestCluster;
  readonly gates: Gates;
  /** How sign-ons ended, on every node, in order. */
  readonly ends: readonly End[];

  constructor(cluster: TestCluster, gates: Gates, ends: readonly End[]) {
    this.cluster = cluster;
    this.gates = gates;
    this.ends = ends;
  }

  /** A browser with no cookies, on application A. */
  browser(): Browser {
    return this.cluster.browser(A);
  }

  /** A browser in which this user has just signed on with the form of A. */
  async signedOn(name = 'alice', at = 'n1'): Promise<Browser> {
    const browser = this.browser();
    await signOn(browser, name, at).expect(200);
    return browser;
  }

  /** The open sign-ons that this node knows of a user, or of all. */
  entries(at: string, name?: string) {
    return this.cluster.at(at).sso.entries(name);
  }

  /** The causes of the ends that this node told, or that any did. */
  causes(at?: string): readonly string[] {
    return this.ends.filter(({ node }) => at === undefined || node === at).map(({ cause }) => cause);
  }

  /** Lines of a node's log at `warn` or `error` whose message matches. */
  logged(at: string, message: RegExp) {
    return this.cluster
      .at(at)
      .log.lines.filter(({ level, message: text }) => (level === 'warn' || level === 'error') && message.test(text));
  }
}

/** A test with a cluster: `story('V05: …', {}, async ({ cluster, browser }) => …)`. */
export function story(name: string, options: StoryOptions, tell: (story: Story) => Promise<void>): void {
  test(name, async () => {
    const told = await begin(options);
    try {
      await tell(told);
      if (options.logsErrors !== true) {
        for (const node of told.cluster.nodes)
          assert.deepEqual(
            node.log.lines.filter(({ level }) => level === 'error'),
            [],
            `errors logged by ${node.name}`,
          );
      }
    } finally {
      await told.cluster.stop();
    }
  });
}

/** A cluster of two nodes under `xyz.test`, unless the options say otherwise. */
export async function begin(options: StoryOptions): Promise<Story> {
  const gates = new Gates();
  const ends: End[] = [];
  const clock = { now: () => 0 };
  const onEnd = (end: Omit<End, 'at'>) => void ends.push({ ...end, at: clock.now() });
  const given = options.options ?? {};
  const own: NodeOptionsForTests = options.hostOnly === true ? {} : { cookieDomain: 'xyz.test' };
  const { nodes = ['n1', 'n2'], seed = 1, silenceMs = 0, disks = false, onFrame } = options;
  const host = applications({ ...options.apps, gates, onEnd });
  const cluster = await testCluster({
    nodes,
    seed,
    silenceMs,
    disks,
    options: (node) => ({ ...own, ...(typeof given === 'function' ? given(node) : given) }),
    host: (sso, node) => carried(host(sso, node)),
    ...(onFrame !== undefined && { onFrame }),
  });
  clock.now = () => cluster.now();
  return new Story(cluster, gates, ends);
}

/** Posts the form of an application, as a program does: 200 or 401, no redirect. */
export function signOn(browser: Browser, name: string, at?: string, app = A, password = passwordOf(name)): Test {
  return browser.post(`${app}/login`, where(at)).type('form').send({ username: name, password });
}

/** Who an application's public page says is signed on; `null` if nobody. */
export async function who(browser: Browser, app: string, at?: string): Promise<string | null> {
  const response = await browser.get(`${app}/public`, where(at)).expect(200);
  return (response.body as Seen).user;
}

/** What an application's page says. Fails if the page does not answer 200. */
export async function see(browser: Browser, url: string, at?: string): Promise<Seen> {
  return (await browser.get(url, where(at)).expect(200)).body as Seen;
}

/** The status of an application's protected page: 200, or a challenge. */
export async function guarded(browser: Browser, app: string, at?: string): Promise<number> {
  return (await browser.get(`${app}/protected`, where(at))).status;
}

export async function post(browser: Browser, url: string, at?: string): Promise<Response> {
  return browser.post(url, where(at));
}

/** Every node in turn: who the public page of A says is signed on there. */
export async function whoEverywhere(story: Story, browser: Browser, app = A): Promise<readonly (string | null)[]> {
  const answers: (string | null)[] = [];
  for (const { name } of story.cluster.nodes.filter(({ isUp }) => isUp)) answers.push(await who(browser, app, name));
  return answers;
}

/** How many protected pages this SSO cookie opens, asked at every node for every application. */
export async function accepted({ cluster }: Story, value: string): Promise<number> {
  let count = 0;
  for (const { name } of cluster.nodes) {
    for (const app of [A, B, C]) {
      const response = await cluster.browser(app).get('/protected', { at: name }).set('Cookie', `${ssoName}=${value}`);
      if (response.status === 200) count++;
    }
  }
  return count;
}

/** A second browser with a copy of the first one's cookies for an address: a thief's, or a copied profile. */
export function copyOf(story: Story, browser: Browser, urls: readonly string[] = [A, B, C]): Browser {
  const copy = story.browser();
  for (const url of urls)
    copy.jar.take(
      new URL(url),
      browser.cookies(url).map((cookie) => cookie.toString()),
    );
  return copy;
}

/** The `Set-Cookie` headers of an answer, parsed; with a name, those of that cookie. */
export function setCookies(response: Response, name?: string): readonly Cookie[] {
  const parsed = (response.get('Set-Cookie') ?? []).map((header) => Cookie.parse(header)!);
  return name === undefined ? parsed : parsed.filter((cookie) => cookie.key === name);
}

/** Whether this header takes a cookie away. */
export function deletes(cookie: Cookie): boolean {
  return cookie.value === '' && cookie.maxAge === 0;
}

/** Name and attributes of a `Set-Cookie` header, without its value and its life: equal where one hits the other. */
export function specification(cookie: Cookie): object {
  const { key, path, domain, secure, httpOnly, sameSite, extensions } = cookie;
  return { key, path, domain, secure, httpOnly, sameSite, extensions };
}

function where(at: string | undefined): { at?: string } {
  return at === undefined ? {} : { at };
}
