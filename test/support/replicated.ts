/**
 * Sessions on several nodes, as an application sees them: any number of applications with settings of their own on one host, and
 * requests whose work a test says in place. The work runs where a handler would, in this process, so it can compare identities:
 *
 *     await shop.does(browser, 'n1', ({ cart }) => void cart.push('pen'));
 *     assert.deepEqual(await shop.does(browser, 'n2', ({ cart }) => cart), ['pen']);
 */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import express, { type ErrorRequestHandler, type Request, type Response } from 'express';
import type { Test } from 'supertest';
import type { SessionOptions, SsoNode } from '../../sso/index.ts';
import type { Session } from '../../sso/session/index.ts';
import { type Browser, type NodeOptionsForTests, type TestCluster, testCluster } from '../../sso/testing/index.ts';

export const granularities = ['SESSION', 'ATTRIBUTE', 'FIELD'] as const;
export const triggers = ['SET', 'SET_AND_NON_PRIMITIVE_GET', 'SET_AND_GET'] as const;

export type Settings = Partial<SessionOptions>;
export type Work<Kept, Result> = (session: Session & Kept, req: Request, res: Response) => Result | Promise<Result>;

/** One application, as a test uses it; `Kept` is what it keeps in its sessions. */
export interface Shop<Kept> {
  readonly app: string;
  /** The name of its session cookie. */
  readonly cookie: string;
  /** One request that does this with its session; resolves with what it returns, once the answer is there. */
  does<Result>(browser: Browser, at: string, work: Work<Kept, Result>): Promise<Result>;
  /** The same as a request whose answer the test looks at itself. */
  asks(browser: Browser, at: string, work: Work<Kept, unknown>): Test;
}

export interface ReplicatedOptions {
  readonly nodes?: readonly string[];
  /** By name; a function of the node where they differ. Told anew at each start of a node. */
  readonly apps?: Readonly<Record<string, Settings | ((node: string) => Settings)>>;
  readonly options?: NodeOptionsForTests | ((node: string) => NodeOptionsForTests) | undefined;
  readonly disks?: boolean;
  readonly seed?: number;
  readonly silenceMs?: number;
  /** The test provokes errors that a node logs. */
  readonly logsErrors?: boolean;
}

/** What went to the error handler of an application after its work was done. */
export interface Failure {
  readonly node: string;
  readonly app: string;
  readonly error: Error & { readonly code?: string };
}

export class Replicated {
  readonly cluster: TestCluster;
  /** Frames between the nodes since `hush()`, as text. */
  readonly wire: string[];
  readonly failures: readonly Failure[];
  readonly #works: Map<string, (req: Request, res: Response) => Promise<void>>;
  #asked = 0;

  constructor(
    cluster: TestCluster,
    wire: string[],
    failures: readonly Failure[],
    works: Map<string, (req: Request, res: Response) => Promise<void>>,
  ) {
    this.cluster = cluster;
    this.wire = wire;
    this.failures = failures;
    this.#works = works;
  }

  browser(): Browser {
    return this.cluster.browser('https://shop.xyz.test');
  }

  /** Forgets what was on the wire. */
  hush(): void {
    this.wire.length = 0;
  }

  shop<Kept extends object>(app: string): Shop<Kept> {
    const begin = (browser: Browser, at: string, work: (req: Request, res: Response) => Promise<void>) => {
      const number = String(++this.#asked);
      this.#works.set(number, work);
      return browser.get(`/${app}`, { at }).set('X-Work', number);
    };
    return {
      app,
      cookie: `__Host-latchkey-${app}`,
      asks: (browser, at, work) =>
        begin(browser, at, async (req, res) => void (await work(req.session as Session & Kept, req, res))),
      does: async <Result>(browser: Browser, at: string, work: Work<Kept, Result>) => {
        const outcome: { result?: { readonly value: Result }; thrown?: unknown } = {};
        const answer = await begin(browser, at, async (req, res) => {
          try {
            outcome.result = { value: await work(req.session as Session & Kept, req, res) };
          } catch (thrown) {
            outcome.thrown = thrown;
          }
        });
        if (outcome.thrown !== undefined) throw outcome.thrown;
        assert.equal(answer.status, 200, `${app} at ${at}: ${answer.text}`);
        assert.ok(outcome.result !== undefined, `${app} at ${at} never began the work`);
        return outcome.result.value;
      },
    };
  }

  /** The lines of a node's log at `warn` or above that match. */
  logged(at: string, message: RegExp) {
    return this.cluster
      .at(at)
      .log.lines.filter((line) => /warn|error/.test(line.level) && message.test(JSON.stringify(line)));
  }

  /** How much a node has counted under names that match. */
  counted(at: string, name: RegExp): number {
    const counters = Object.entries(this.cluster.at(at).sso.counters());
    return counters.filter(([key]) => name.test(key)).reduce((sum, [, count]) => sum + count, 0);
  }

  /** Under which hash the nodes speak of the session in which this text was written, from the frames since `hush()`. */
  keyOf(marker: string): string {
    const key = this.wire.find((frame) => frame.includes(marker))?.match(/(?<![\w-])[\w-]{43}(?![\w-])/)?.[0];
    assert.ok(key !== undefined, `nothing with ${marker} was on the wire`);
    return key;
  }

  /** The frames since `hush()` that speak of it. */
  framesOf(key: string): readonly string[] {
    return this.wire.filter((frame) => frame.includes(key));
  }
}

/** A cluster of two nodes with these applications; by default one for each granularity, of that name. It ends with the test, and no node may have logged an error. */
export async function replicated(t: TestContext, options: ReplicatedOptions = {}): Promise<Replicated> {
  const { nodes = ['n1', 'n2'], apps = perGranularity(), logsErrors = false, options: given, ...others } = options;
  const wire: string[] = [];
  const failures: Failure[] = [];
  const works = new Map<string, (req: Request, res: Response) => Promise<void>>();
  const cluster = await testCluster({
    nodes,
    host: hostOf(apps, works, failures),
    onFrame: (_from, frame) => void wire.push(Buffer.from(frame).toString('latin1')),
    ...(given !== undefined && { options: given }),
    ...others,
  });
  const it = new Replicated(cluster, wire, failures, works);
  t.after(async () => {
    await cluster.stop();
    if (logsErrors) return;
    for (const { name, log } of cluster.nodes)
      assert.deepEqual(
        log.lines.filter(({ level }) => level === 'error'),
        [],
        `errors logged by ${name}`,
      );
  });
  return it;
}

/** One application for each granularity, under its name, with these settings besides. */
export function perGranularity(settings: Settings = {}): Record<string, Settings> {
  return Object.fromEntries(
    granularities.map((replicationGranularity) => [replicationGranularity, { ...settings, replicationGranularity }]),
  );
}

/** So many requests meet in their work: each waits until all have come. */
export function meeting(count: number): () => Promise<void> {
  let missing = count;
  let open = () => {};
  const all = new Promise<void>((resolve) => (open = resolve));
  return () => {
    if (--missing === 0) open();
    return all;
  };
}

/** Another browser with the same cookies. */
export function copyOf(it: Replicated, browser: Browser): Browser {
  const copy = it.browser();
  copy.jar.take(
    new URL('https://shop.xyz.test'),
    browser.cookies('https://shop.xyz.test').map((cookie) => cookie.toString()),
  );
  return copy;
}

function hostOf(
  apps: NonNullable<ReplicatedOptions['apps']>,
  works: Map<string, (req: Request, res: Response) => Promise<void>>,
  failures: Failure[],
) {
  return (sso: SsoNode, node: string) => {
    // As `test` Express answers errors without printing them.
    const host = express().disable('etag').set('env', 'test');
    host.get('/metrics', sso.metrics());
    host.use(sso.valve());
    host.post('/logout', sso.logout());
    for (const [app, settings] of Object.entries(apps)) {
      const own = express.Router();
      own.use(sso.sessions({ app, ...(typeof settings === 'function' ? settings(node) : settings) }));
      own.get('/', (req, res, next) => {
        const number = req.get('X-Work') ?? '';
        const work = works.get(number);
        works.delete(number);
        if (work === undefined) return void res.json({});
        work(req, res).then(() => res.headersSent || res.json({}), next);
      });
      const failed: ErrorRequestHandler = (error, _req, _res, next) => {
        failures.push({ node, app, error });
        next(error);
      };
      own.use(failed);
      host.use(`/${app}`, own);
    }
    return host;
  };
}
