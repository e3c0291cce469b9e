/** Processes of `session-node.ts`, and visitors at work in them who notice everything that goes wrong. */

import { type ChildProcess, fork } from 'node:child_process';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { watch } from './demo.ts';
import { freePorts } from './proxied.ts';
import type { Seen, SessionNodeSettings } from './session-node.ts';

const readyMs = 30_000;

export interface SessionNode {
  readonly route: string;
  readonly web: number;
  /** Whether a balancer would send requests here. */
  isUp: boolean;
  /** Resolves when it may be asked. */
  start(): Promise<void>;
  /** `kill -9`, by the id of the process; resolves when it is gone. The visitors find out by themselves. */
  kill(): Promise<void>;
  /** As an operator stops it; resolves when it is gone. */
  stop(): Promise<void>;
}

/** So many nodes, three by default; `buddies`: as `sessions()` takes it, by default what the cluster's size gives. */
export async function startSessionCluster({
  size = 3,
  buddies,
}: {
  size?: number;
  buddies?: number | 'total';
} = {}): Promise<readonly SessionNode[]> {
  const ports = await freePorts(2 * size);
  const voters = ports.slice(size).map((port) => `127.0.0.1:${port}`);
  const nodes = voters.map((_, i) =>
    sessionNode({
      route: `node${i + 1}`,
      web: ports[i]!,
      mesh: ports[i + size]!,
      voters,
      secret: 'e5'.repeat(32),
      ...(buddies !== undefined && { buddies }),
    }),
  );
  try {
    await Promise.all(nodes.map((node) => node.start()));
  } catch (error) {
    await Promise.all(nodes.map((node) => node.kill()));
    throw error;
  }
  return nodes;
}

function sessionNode(settings: SessionNodeSettings): SessionNode {
  let child: ChildProcess | undefined;
  let gone: Promise<unknown> = Promise.resolve();
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    child?.kill(signal);
    child = undefined;
    await gone;
  };
  const node: SessionNode = {
    route: settings.route,
    web: settings.web,
    isUp: false,
    async start() {
      const started = fork(join(import.meta.dirname, 'session-node.ts'), {
        execArgv: ['--import', 'tsx'],
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      });
      child = started;
      const { exit, output } = watch(started);
      gone = exit;
      started.send(settings);
      await Promise.race([
        new Promise((resolve) => started.once('message', resolve)),
        exit.then(() => Promise.reject(new Error(`${settings.route} ended before it was ready:\n${output()}`))),
      ]);
      const until = performance.now() + readyMs;
      while (!(await isReady(settings.web))) {
        if (performance.now() > until) throw new Error(`${settings.route} never became ready:\n${output()}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      node.isUp = true;
    },
    kill: () => end('SIGKILL'),
    stop: () => {
      node.isUp = false;
      return end('SIGTERM');
    },
  };
  return node;
}

async function isReady(port: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.status === 200;
}

export interface VisitorOptions {
  readonly name: string;
  readonly shop: string;
  /** How the application keeps the cart. */
  readonly way: 'cart' | 'list';
  /** Whether the balancer keeps to the node that the session's cookie names, as long as that one answers. */
  readonly isSticky: boolean;
  readonly signsOn: boolean;
  /** Asks again after a 503 that says when (`Retry-After`): who has the session may not have answered in time. Default: it is a failure. */
  readonly comesAgain?: boolean;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
}

/** Between two requests of a visitor, milliseconds. */
const paceMs = 40;

/** Somebody who fills a cart and looks at it again and again. What a node does not answer is asked of the next one, as a balancer does. */
export class ShopVisitor {
  readonly options: VisitorOptions;
  /** What went wrong, in words. */
  readonly failures: string[] = [];
  /** Answers. */
  answers = 0;
  /** Looks that missed what had been answered before. */
  stale = 0;
  /** What was answered to be in the cart. */
  readonly items = new Set<string>();
  readonly #cookies = new Map<string, string>();
  readonly #nodes: readonly SessionNode[];
  readonly #agents = new Map<SessionNode, Agent>();
  #turn = 0;

  constructor(nodes: readonly SessionNode[], options: VisitorOptions) {
    this.#nodes = nodes;
    this.options = options;
  }

  /** Comes, and puts one thing into the cart. */
  async begin(): Promise<void> {
    const { name, shop, signsOn } = this.options;
    if (signsOn) await this.#ask('POST', `/sign-on?name=${name}`);
    await this.#ask('POST', `/${shop}/born?as=${name}`);
    await this.#put(`${name}-0`);
  }

  /** Begins, and works until `isOver`. */
  async work(isOver: () => boolean): Promise<void> {
    await this.begin();
    while (!isOver()) {
      await new Promise((resolve) => setTimeout(resolve, paceMs));
      if (++this.#turn % 3 === 0) await this.#put(`${this.options.name}-${this.#turn}`);
      else this.#judge(await this.#ask('GET', `/${this.options.shop}/`));
    }
  }

  /** What this node says of the session. */
  async look(at: SessionNode): Promise<Seen | undefined> {
    return this.#ask('GET', `/${this.options.shop}/`, at);
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  async #put(item: string): Promise<void> {
    const { shop, way } = this.options;
    const seen = await this.#ask('POST', `/${shop}/${way}?item=${item}`);
    if (seen !== undefined) this.items.add(item);
    this.#judge(seen);
  }

  #judge(seen: Seen | undefined): void {
    if (seen === undefined) return;
    const { name, signsOn, isSticky } = this.options;
    if (seen.born !== name) this.#fails(`the session is lost: ${JSON.stringify(seen.born)} at ${seen.node}`);
    if (signsOn && seen.user !== name) this.#fails(`the sign-on is lost at ${seen.node}`);
    const has = new Set(seen.items);
    const missing = [...this.items].filter((item) => !has.has(item));
    if (missing.length === 0) return;
    this.stale++;
    if (isSticky) this.#fails(`stale at ${seen.node}: ${missing} of ${this.items.size} is not there`);
  }

  #fails(what: string): void {
    this.failures.push(`${this.options.name} (${this.options.shop}), request ${this.#turn}: ${what}`);
  }

  /** `undefined`: there was no good answer, which is a failure. */
  async #ask(method: string, path: string, at?: SessionNode): Promise<Seen | undefined> {
    for (let attempt = 0; attempt < 4; attempt++) {
      const node = at ?? this.#choose();
      try {
        const { status, text, retryAfter } = await this.#send(node, method, path);
        if (status === 200) {
          this.answers++;
          return JSON.parse(text) as Seen;
        }
        if (status === 503 && this.options.comesAgain && retryAfter !== undefined) {
          await new Promise((resolve) => setTimeout(resolve, Number(retryAfter) * 1_000));
          continue;
        }
        this.#fails(`${method} ${path}: ${status} ${text.replace(/<[^>]*>|\s+/g, ' ').slice(0, 200)} at ${node.route}`);
        return undefined;
      } catch {
        node.isUp = false;
      }
    }
    this.#fails(`${method} ${path}: no node answered`);
    return undefined;
  }

  #choose(): SessionNode {
    const up = this.#nodes.filter(({ isUp }) => isUp);
    const route = this.#cookies.get(`latchkey-${this.options.shop}`)?.split('.')[1];
    const own = this.options.isSticky ? up.find((node) => node.route === route) : undefined;
    return own ?? up[Math.floor(Math.random() * up.length)] ?? this.#nodes[0]!;
  }

  #send(node: SessionNode, method: string, path: string): Promise<Answer> {
    let agent = this.#agents.get(node);
    if (agent === undefined) this.#agents.set(node, (agent = new Agent({ keepAlive: true, maxSockets: 1 })));
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port: node.web, agent, method, path, timeout: 10_000, headers: { cookie } },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (chunk) => void (text += chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            for (const line of answer.headers['set-cookie'] ?? []) this.#keep(line);
            resolve({ status: answer.statusCode!, text, retryAfter: answer.headers['retry-after'] });
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error('no answer within 10 s')));
      sent.on('error', reject);
      sent.end();
    });
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (/max-age=0/i.test(line)) {
      this.#fails(`the cookie ${name} is taken away`);
      this.#cookies.delete(name);
    } else this.#cookies.set(name, value);
  }
}
