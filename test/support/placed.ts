/**
 * Sessions whose data lies on some nodes only. Every node has a disk in these clusters, and the disks say where the data is:
 *
 *     await shop.does(browser, 'n1', (session) => void (session.note = 'marked'));
 *     await it.cluster.settle();
 *     holdersOf(it, 'marked');            // ['n1', 'n4']
 */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Browser } from '../../sso/testing/index.ts';
import { perGranularity, type Replicated, type ReplicatedOptions, replicated, type Settings } from './replicated.ts';

export const five = ['n1', 'n2', 'n3', 'n4', 'n5'] as const;

/** The data beside its node on so many others. */
export const buddies = (count: number): Settings => ({ buddies: count });

/** Nodes go on alone, so that a test may end as many as it likes. */
export const serving: ReplicatedOptions['options'] = { cluster: { whenCutOff: 'serve' } };

/** Five nodes with disks, and an application in each granularity that keeps its data on two of them. */
export function placed(t: TestContext, options: ReplicatedOptions = {}): Promise<Replicated> {
  return replicated(t, { nodes: five, disks: true, apps: perGranularity(buddies(1)), ...options });
}

/** The nodes that are up and on whose disks this text of a session lies. Let the cluster settle before. */
export function holdersOf(it: Replicated, marker: string): readonly string[] {
  const holds = (node: Replicated['cluster']['nodes'][number]) =>
    [...node.disk.values('sessions').values()].some((text) => text.includes(marker));
  return it.cluster.nodes.filter((node) => node.isUp && holds(node)).map(({ name }) => name);
}

/** The one node beside its own that holds this session. */
export function buddyOf(it: Replicated, marker: string, owner: string): string {
  const [buddy, ...others] = holdersOf(it, marker).filter((name) => name !== owner);
  assert.ok(buddy !== undefined && others.length === 0, `${marker} of ${owner} is held by ${holdersOf(it, marker)}`);
  return buddy;
}

/** Those of the five that are none of these. */
export const besides = (...names: readonly string[]): string[] => five.filter((name) => !names.includes(name));

/** As an application would use it: things that are put into a cart, each an entry of its own. */
export interface Cart {
  note: string;
  cart: Map<string, { pieces: number }>;
}

/** A session of this application with this text in it; of somebody who is signed on, if a name is given. */
export async function begun(it: Replicated, app: string, at: string, note: string, user?: string) {
  const browser: Browser = it.browser();
  if (user !== undefined) await browser.signIn(user, { at });
  const shop = it.shop<Cart>(app);
  await shop.does(browser, at, (session) => {
    session.note = note;
    session.cart = new Map([['pen', { pieces: 1 }]]);
  });
  return { browser, shop, note };
}

export type Visitor = Awaited<ReturnType<typeof begun>>;

/** What is in the cart, by name; `undefined` without a cart. */
export const namesIn = ({ cart }: Cart): readonly string[] | undefined => cart && [...cart.keys()];
