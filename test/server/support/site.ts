/** The server's sites on one node by itself, with people whose passwords cost nothing to verify. */

import type { RequestListener } from 'node:http';
import { hashSync } from '@node-rs/argon2';
import { virtualHosts } from '../../../server/demo/node.ts';
import { authenticator, parseUsers } from '../../../server/directories/users.ts';
import { verifyPassword } from '../../../server/hashing/hash.ts';
import { type LoginSiteParts, loginSite } from '../../../server/login/site.ts';
import { type Log, type NodeOptions, type SsoNode, startNode } from '../../../sso/index.ts';

const nothing = () => {};
export const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

const hash = (password: string) => hashSync(Buffer.from(password), { memoryCost: 64, timeCost: 1 });
export const markup = '<b>"Eve"</b>&\'x';

const users = parseUsers(
  'users.yaml',
  JSON.stringify({
    users: [
      { name: 'alice', displayName: 'Alice Example', roles: ['customer'], password: hash('wonderland') },
      { name: 'bob', roles: ['customer', 'staff'], password: hash('builder') },
      { name: markup, displayName: markup, roles: ['customer', '<i>role</i>'], password: hash('apple') },
    ],
  }),
);

export const passwordCheck = authenticator(users, async (one, password) =>
  verifyPassword(one, password) ? 'matches' : 'differs',
);

export interface Load {
  busy: boolean;
}

export interface TestSite {
  readonly listener: RequestListener;
  readonly sso: SsoNode;
  readonly load: Load;
  /** What the pages asked of the starter. */
  readonly restarted: readonly string[];
}

const self = { name: 'node1', port: 8081, meshPort: 18_081 };
const other = { name: 'node2', port: 8082, meshPort: 18_082 };

export async function demoSite(): Promise<TestSite> {
  const sso = await startNode({
    route: self.name,
    secret: 'd5'.repeat(32),
    cookieDomain: 'xyz.localhost',
    allowInsecureCookie: true,
    log: silent,
  });
  const load: Load = { busy: false };
  const restarted: string[] = [];
  const control = {
    isRunning: (name: string) => name === self.name,
    restart: (name: string) => void restarted.push(name),
    dying: () => {},
    powerCut: () => void restarted.push('all'),
  };
  const listener = virtualHosts({
    sso,
    self,
    nodes: [self, other],
    control,
    log: silent,
    authenticate: passwordCheck,
    isBusy: () => load.busy,
  });
  return { listener, sso, load, restarted };
}

export interface CentralOptions {
  readonly node?: Partial<NodeOptions>;
  readonly site?: Partial<LoginSiteParts>;
}

export async function centralSite({ node, site }: CentralOptions = {}): Promise<Omit<TestSite, 'restarted'>> {
  const origins = ['https://app1.xyz.com'];
  const sso = await startNode({
    route: 'node1',
    secret: 'd5'.repeat(32),
    allowInsecureCookie: true,
    origins,
    log: silent,
    ...node,
  });
  const load: Load = { busy: false };
  const listener = loginSite({
    sso,
    log: silent,
    trustProxy: [],
    origins,
    authenticate: passwordCheck,
    isBusy: () => load.busy,
    ...site,
  });
  return { listener, sso, load };
}
