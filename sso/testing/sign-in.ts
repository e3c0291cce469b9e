/**
 * Signing on without a password, for tests: the test's own door on every node opens a real sign-on, with
 * real cookies, for whoever is named. It stands before the applications, so it works with any of them.
 */

import express, { type Express } from 'express';
import type request from 'supertest';
import type { Principal, SsoNode } from '../index.ts';

/** Where a node of a test cluster signs on whoever is posted. */
export const signInPath = '/.latchkey-testing/sign-in';

/** A name alone is a principal without roles. */
export function asPrincipal(who: string | Principal): Principal {
  return typeof who === 'string' ? { name: who, roles: [] } : who;
}

export function signInDoor(node: SsoNode): Express {
  const door = express();
  door.disable('x-powered-by');
  door.use(node.valve(), express.json());
  door.post(signInPath, async (req, res) => {
    const { principal, how } = req.body as { principal: Principal; how: string };
    await req.sso.open(principal, how);
    res.status(204).end();
  });
  return door;
}

export interface SignedInOptions {
  /** The host that the agent asks for from now on. Default `localhost`. */
  readonly host?: string;
  /** The way of authentication. Default `testing`. */
  readonly how?: string;
}

/**
 * Signs a plain supertest agent on, and gives it back: `await signedIn(request.agent(cluster.at('n1').secure), 'alice')`.
 * The agent then sends the sign-on's cookie and asks for `host`. For several hosts, or an application's session that has
 * to last from one request to the next, use `cluster.browser()`: supertest's own jar keeps no Secure cookie on loopback.
 */
export async function signedIn<A extends Pick<request.Agent, 'post' | 'set'>>(
  agent: A,
  who: string | Principal,
  options: SignedInOptions = {},
): Promise<A> {
  const { host = 'localhost', how = 'testing' } = options;
  const response = await agent
    .post(signInPath)
    .set('Host', host)
    .send({ principal: asPrincipal(who), how });
  if (response.status !== 204) throw new Error(`signing on was answered ${response.status}: ${response.text}`);
  const cookies = (response.get('Set-Cookie') ?? []).map((header) => header.slice(0, header.indexOf(';')));
  agent.set('Host', host);
  agent.set('Cookie', cookies.join('; '));
  return agent;
}
