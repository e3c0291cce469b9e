/** The members as the layers above ask for them. */

import { isGone, lifeEndedAt, type Member } from './members.ts';
import type { PeerState } from './peer.ts';
import type { Replica } from './replica.ts';

/** A member as this node sees it. */
export interface MemberView extends Member {
  readonly node: string;
  /** Whether its frames reach this node now; oneself always. */
  readonly reachable: boolean;
}

export interface RosterParts {
  readonly node: string;
  readonly replica: Replica<Member>;
  readonly reachable: () => readonly PeerState[];
}

export class Roster {
  readonly #parts: RosterParts;
  readonly #staying = new Set<string>();
  /** The replica's records, to be walked often. */
  readonly #records = new Map<string, Member>();
  /** As last asked for; good until a record changes, or who can be reached. */
  #views: { readonly all: readonly MemberView[]; readonly reachable: readonly PeerState[] } | undefined;

  constructor(parts: RosterParts) {
    this.#parts = parts;
  }

  /** Others that have not left, as far as they are members. Kept up to date, since every wait and every round asks for them. */
  get staying(): Iterable<string> {
    return this.#staying;
  }

  /** A member's record changed, or (`undefined`) was forgotten. */
  note(node: string, member: Member | undefined): void {
    if (member === undefined) this.#records.delete(node);
    else this.#records.set(node, member);
    this.#views = undefined;
    if (node === this.#parts.node || member === undefined || member.state === 'left') this.#staying.delete(node);
    else this.#staying.add(node);
  }

  /** The nodes that may hold what this one does not: all others that have not left, reachable or not. */
  expected(): readonly string[] {
    const expected = new Set(this.#staying);
    for (const { peer } of this.#parts.reachable()) expected.add(peer.node);
    return [...expected];
  }

  /** Whether it counts as lost; not who is unknown. */
  isLost(node: string): boolean {
    return this.#records.get(node)?.state === 'lost';
  }

  /** All members, this node first, then by name. */
  views(): readonly MemberView[] {
    const { node } = this.#parts;
    const reachable = this.#parts.reachable();
    if (this.#views?.reachable === reachable) return [...this.#views.all];
    const views = [...this.#records].map(([name, member]) => this.view(name, member));
    views.sort((a, b) => Number(b.node === node) - Number(a.node === node) || (a.node < b.node ? -1 : 1));
    this.#views = { all: views, reachable };
    return [...views];
  }

  view(node: string, member: Member): MemberView {
    const reachable = node === this.#parts.node || this.#parts.reachable().some(({ peer }) => peer.node === node);
    return { ...member, node, reachable };
  }

  /** Where the others listen, as far as they are worth dialling. */
  addresses(): readonly string[] {
    const others = this.views().filter((one) => one.node !== this.#parts.node && one.address !== '' && !isGone(one));
    return others.map(({ address }) => address);
  }

  lifeEndedAt(life: string): number | undefined {
    const at = life.lastIndexOf(':');
    return at < 0 ? undefined : lifeEndedAt(this.#parts.replica.get(life.slice(0, at)), Number(life.slice(at + 1)));
  }
}
