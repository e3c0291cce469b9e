/**
 * What one node says about itself and concludes about others. It is pure: it hands back the records to
 * put. A member is lost when neither this node nor any that it heard from has reached it for
 * `lostAfterMs`: a broken line between two nodes is not the death of either.
 */

import type { Peer } from '../channel/channel.ts';
import { isGone, type Member, type MemberState } from './members.ts';
import type { Replica } from './replica.ts';

export interface Self extends Peer {
  readonly route: string;
  readonly address: string;
  /** Default ''. */
  readonly buddyPool?: string | undefined;
  /** Default ''. */
  readonly host?: string | undefined;
}

export class Membership {
  readonly #self: Self;
  readonly #replica: Replica<Member>;
  readonly #lostAfterMs: number;
  /** When each node was last reached by anybody, and in which life, by the monotonic clock. */
  readonly #seen = new Map<string, { readonly incarnation: number; at: number }>();
  #startedAt: number | undefined;
  #since = 0;
  #beat = 0;
  #state: MemberState = 'joining';
  #applications: readonly string[] = [];

  constructor(self: Self, replica: Replica<Member>, lostAfterMs: number) {
    this.#self = self;
    this.#replica = replica;
    this.#lostAfterMs = lostAfterMs;
  }

  get state(): MemberState {
    return this.#state;
  }

  /** This node's record in another state. */
  become(state: MemberState, now: number): Member {
    this.#state = state;
    this.#since = now;
    return this.#say(now);
  }

  /** This node's record with these applications, or `undefined` if they are the same as before or it has not been said to start. */
  runs(applications: readonly string[], now: number): Member | undefined {
    if (JSON.stringify(applications) === JSON.stringify(this.#applications)) return undefined;
    this.#applications = [...applications];
    return this.#startedAt === undefined ? undefined : this.#say(now);
  }

  /**
   * A copy of this node's own record came back altered. `replaced`: a later life goes by this name.
   * Else the record to put instead, or `undefined` where the two agree.
   */
  correct(heard: Member, now: number): Member | 'replaced' | undefined {
    if (heard.incarnation > this.#self.incarnation) return 'replaced';
    if (
      this.#startedAt === undefined ||
      (heard.incarnation === this.#self.incarnation && heard.beat === this.#beat && heard.state === this.#state)
    )
      return undefined;
    if (heard.incarnation === this.#self.incarnation) this.#beat = Math.max(this.#beat, heard.beat);
    return this.#say(now);
  }

  /** Somebody reaches these nodes at this instant of the monotonic clock. */
  heard(nodes: Iterable<string>, monotonic: number): void {
    for (const node of nodes) {
      const seen = this.#seen.get(node);
      if (seen !== undefined) seen.at = monotonic;
    }
  }

  /** This process stood still: whatever it did not hear meanwhile says nothing about others. */
  excuse(monotonic: number): void {
    for (const seen of this.#seen.values()) seen.at = monotonic;
  }

  /** The records that say which of these nodes are lost. To be called about once a second. */
  lost(nodes: Iterable<string>, now: number, monotonic: number): readonly (readonly [node: string, member: Member])[] {
    const lost: (readonly [string, Member])[] = [];
    for (const node of nodes) {
      const member = this.#replica.get(node);
      if (member === undefined || isGone(member)) {
        this.#seen.delete(node);
        continue;
      }
      const seen = this.#seen.get(node);
      if (seen?.incarnation !== member.incarnation)
        this.#seen.set(node, { incarnation: member.incarnation, at: monotonic });
      else if (monotonic - seen.at >= this.#lostAfterMs) lost.push([node, { ...member, state: 'lost', since: now }]);
    }
    return lost;
  }

  #say(now: number): Member {
    const { incarnation, address, route, buddyPool = '', host = '' } = this.#self;
    this.#startedAt ??= now;
    this.#beat++;
    return {
      incarnation,
      startedAt: this.#startedAt,
      beat: this.#beat,
      state: this.#state,
      since: this.#since,
      address,
      route,
      applications: this.#applications,
      buddyPool,
      host,
    };
  }
}
