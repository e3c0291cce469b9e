/** What the end-to-end tests of a balancer play on: a cluster, the balancer in front of it, and how it is asked. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { Installation, Printer } from '../../../server/balancer/installation.ts';
import { type Balanced, type BalancedOptions, startBalanced } from './balanced.ts';
import { type BalancerName, type RunningBalancer, startBalancer } from './balanced-programs.ts';
import { Visitor, type VisitorOptions } from './visitor.ts';

export interface Stage {
  readonly name: string;
  readonly world: Balanced;
  /** Sticky by STICKY_ROUTE. */
  readonly balancer: RunningBalancer;
  /** Asks it. */
  visitor(options?: VisitorOptions): Visitor;
  /** Asks another process of the same balancer: sticky by the session cookie, and by the path parameter `jsessionid`. */
  bySession(): Visitor;
  /** Another process of it, with this changed; resolves with the port. */
  another(changes: Partial<Installation>): Promise<number>;
  /** A visitor who is signed on at this node, because this node was asked for. */
  at(route: string, user?: string, options?: VisitorOptions): Promise<Visitor>;
  /** Resolves when the balancer sends to this node whoever asks for it. */
  picks(route: string): Promise<void>;
  /** Resolves when it does so no more. */
  leaves(route: string): Promise<void>;
}

/** The application's session cookie, as the library names it. */
export const sessionCookie = '__Host-latchkey-shop';
export const ssoCookie = '__Host-latchkey';

export interface StageOptions extends BalancedOptions {
  readonly changes?: Partial<Installation>;
  /** How it is started; default `startBalancer`. */
  readonly start?: typeof startBalancer | undefined;
}

/** Starts all of it before the tests of a `describe`, and ends it after them. */
export function stage(name: BalancerName, print: Printer, options: StageOptions = {}): () => Stage {
  let built: Stage | undefined;
  const running: RunningBalancer[] = [];
  let world: Balanced | undefined;
  before(async () => {
    world = await startBalanced(options);
    const { changes, start = startBalancer } = options;
    const started = async (more: Partial<Installation>, directory: string, port: number) => {
      const files = print(
        world!.installation({ ...changes, ...more, listen: { address: '127.0.0.1', port }, directory }),
      );
      const balancer = await start(name, files, { directory, port });
      running.push(balancer);
      return balancer;
    };
    const balancer = await started({}, world.directory, world.port);
    const ports = [...world.sparePorts];
    const another = async (more: Partial<Installation>) => {
      const port = ports.shift();
      if (port === undefined) throw new Error('there are no more free ports');
      const directory = join(world!.directory, String(port));
      mkdirSync(directory);
      await started(more, directory, port);
      return port;
    };
    const second = await another({ sticky: { cookie: sessionCookie, pathParameter: 'jsessionid' } });
    built = staged(name, world, { balancer, second, another });
  });
  after(async () => {
    await Promise.all(running.map((balancer) => balancer.stop()));
    await world?.stop();
  });
  return () => {
    if (built === undefined) throw new Error('nothing was started');
    return built;
  };
}

interface Started extends Pick<Stage, 'balancer' | 'another'> {
  readonly second: number;
}

function staged(name: string, world: Balanced, { balancer, second, another }: Started): Stage {
  const visitor = (options?: VisitorOptions) => new Visitor(world, options);
  const asksFor = (route: string) => visitor().get('/who', { cookie: `STICKY_ROUTE=route.${route}` });
  const until = async (what: string, holds: () => Promise<boolean>) => {
    for (let asked = 0; asked < 300; asked++) {
      if (await holds()) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${name} ${what}:\n${balancer.output()}`);
  };
  return {
    ...{ name, world, balancer, visitor, another },
    bySession: () => new Visitor(world, { port: second }),
    async at(route, user = 'alice', options) {
      const one = visitor(options);
      one.cookies.set('STICKY_ROUTE', `route.${route}`);
      await one.signOn(user);
      const { node } = await one.get('/who');
      if (node !== route) throw new Error(`${user} is at ${node}, not at ${route}`);
      return one;
    },
    picks: (route) => until(`never picks ${route}`, async () => (await asksFor(route)).node === route),
    leaves: (route) => until(`keeps to ${route}`, async () => (await asksFor(route)).node !== route),
  };
}
