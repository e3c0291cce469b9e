/** Tables of several nodes over copies that reach each other at once, unless one is lagging or cut off; a clock whose timers a test lets fire; no sign-ons. */

import { HybridClock } from '../../../sso/hybrid-clock.ts';
import type { SessionRecord } from '../../../sso/session/record.ts';
import { type SessionLimits, SessionTable, type SessionWrite, type Telling } from '../../../sso/session/table.ts';
import { virtualClock } from '../../../sso/testing/virtual-clock.ts';
import { setting } from './changes.ts';
import { TestDepot } from './depot.ts';
import { TestCopies } from './world.ts';

export interface TableNode {
  readonly life: string;
  readonly table: SessionTable;
  readonly copies: TestCopies;
  readonly depot: TestDepot | undefined;
  /** How often somebody waited for all that was put. */
  waits: number;
}

export const minuteMs = 60_000;
/** The idle limit of all sessions here. */
export const idleMs = 30 * minuteMs;

export class Tables {
  readonly clock = virtualClock();
  readonly nodes: readonly TableNode[];
  /** Lives that are lost, and since when. */
  readonly lost = new Map<string, number>();
  readonly #copiesByNode = new Map<string, TestCopies>();

  /** @param withDepots records may have buddies: those that `TestDepot.choose` names */
  constructor(count: number, limits: Partial<SessionLimits> = {}, withDepots = false) {
    this.nodes = Array.from({ length: count }, (_, index): TableNode => {
      const copies = new TestCopies();
      const life = `n${index + 1}:1`;
      const depot = withDepots ? new TestDepot(life, copies, this.#copiesByNode) : undefined;
      this.#copiesByNode.set(`n${index + 1}`, copies);
      const table = new SessionTable({
        copies,
        gossip: {
          stored: async () => {
            node.waits++;
            return { nodes: [], outstanding: [] };
          },
        },
        signOns: {
          stateOf: () => 'open',
          endsAt: () => undefined,
          closedAt: () => undefined,
          fetch: async () => {},
          lived: () => {},
        },
        clock: this.clock,
        hybrid: new HybridClock(this.clock),
        life,
        lifeEndedAt: (one) => this.lost.get(one),
        limits,
        depot,
      });
      const node: TableNode = { life, table, copies, depot, waits: 0 };
      return node;
    });
    for (const { copies } of this.nodes)
      copies.peers.push(...this.nodes.map((node) => node.copies).filter((other) => other !== copies));
  }

  /** Lets time pass; work in slices comes to its end. */
  async pass(ms: number): Promise<void> {
    await this.clock.advanceAsync(ms);
  }
}

/** A write of attributes of an anonymous visitor's session. */
export function write(
  { table }: TableNode,
  key: string,
  attributes: Readonly<Record<string, unknown>>,
  more: Partial<SessionWrite> & { readonly how?: Partial<Telling> } = {},
) {
  const { how, ...rest } = more;
  const telling: Telling = { afterMs: 0, alone: false, stays: false, buddies: undefined, ...how };
  return table.write(key, { app: 'shop', signOn: undefined, idleMs, changes: setting(attributes), telling, ...rest });
}

/** What a node holds of a session, as its application wrote it. */
export function held({ copies }: TableNode, key: string): Record<string, unknown> | undefined {
  return attributesOf(copies.get(key));
}

export function attributesOf(record: SessionRecord | undefined): Record<string, unknown> | undefined {
  if (record?.state !== 'live') return undefined;
  return Object.fromEntries([...record.data.fields('0')].map(([field, text]) => [field.slice(1), JSON.parse(text)]));
}
