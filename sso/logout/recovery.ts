/**
 * When a node that has just started may be believed again: pure. A voter that confirmed closings in a
 * former life, and may have forgotten them, must not vouch that there were none (FINAL-LOGOUT.md,
 * Restart). Its former grants it cannot know either: after coming up it reports one to everybody until T
 * has passed, so that it need not wait so long before it works.
 */

import { blocking, drift, type Voters } from './voters.ts';

/** `lost`: recovering without its state; `disk`: recovering with it; `up`: recovered. */
export type Standing = 'up' | 'disk' | 'lost';

/** A life of a voter that granted or confirmed, and how many closings it had flushed when it last did. */
export type Pair = readonly [incarnation: number, flushed: number];

/** What another node answered last. */
export interface Answer {
  readonly node: string;
  /** Its address among the voters. */
  readonly voter: string | undefined;
  readonly incarnation: number;
  readonly standing: Standing;
  /** Its disk was confirmed by enough others, or it is up. */
  readonly checked: boolean;
  /** What it remembers of this node's voter. */
  readonly remembers: Pair | undefined;
  /** All that it held when it answered is here. */
  readonly merged: boolean;
  /** When it answered, by the monotonic clock. */
  readonly at: number;
}

/** A word about a loss counts for so long, milliseconds: whoever recovers says so soon. */
const freshMs = 1_000;

export type Verdict =
  | { readonly kind: 'up' }
  /** So many have lost their state that nobody can recover: a new epoch begins with these lives. */
  | { readonly kind: 'raise'; readonly lives: readonly (readonly [voter: string, incarnation: number])[] }
  /** The disk is an older copy than the last life's: its state counts as lost. */
  | { readonly kind: 'old-copy' }
  | { readonly kind: 'waiting'; readonly for: string };

export interface Own {
  readonly standing: Exclude<Standing, 'up'>;
  readonly incarnation: number;
  /** What the disk says of its last life. */
  readonly pair: Pair | undefined;
  /** It holds values of a disk that counts as lost: sign-ons among them may have been closed since. */
  readonly stale?: boolean;
  /** Since the start, milliseconds by the monotonic clock. */
  readonly elapsedMs: number;
}

export function judgeRecovery(voters: Voters, own: Own, answers: readonly Answer[], monotonic: number): Verdict {
  const others = answers.filter(({ voter }) => voter !== undefined && voter !== voters.own);
  if (voters.own === undefined) return others.some(isSource) ? up : waiting('one voter that has recovered');
  const waited = own.elapsedMs >= voters.leaseMs * (1 + drift);
  if (own.standing === 'disk') {
    if (isOldCopy(own.pair, answers)) return { kind: 'old-copy' };
    if (isChecked(voters, own, answers)) return up;
    const met = others.length > 0 || voters.list.length === 1 || voters.mode === 'serve';
    return waited && met && answers.every(({ merged }) => merged) ? up : waiting(comparison(voters));
  }
  const sources = others.filter(isSource).length;
  if (voters.list.length > 1 && sources >= (voters.mode === 'serve' ? 1 : blocking(voters))) return up;
  const lost = others.filter(({ standing, at }) => standing === 'lost' && monotonic - at <= freshMs);
  if (voters.list.length > 1 && lost.length + 1 >= voters.quorum) {
    const lives = lost.map(({ voter, incarnation }) => [voter!, incarnation] as const);
    return { kind: 'raise', lives: [[voters.own, own.incarnation], ...lives] };
  }
  if (waited && (voters.list.length === 1 || voters.mode === 'serve') && answers.every(({ merged }) => merged))
    return own.stale ? { kind: 'raise', lives: [[voters.own, own.incarnation]] } : up;
  return waiting(keepers(voters, sources));
}

/** Whether peers that did not lose their state have confirmed this node's disk, so that it may vouch for others while it recovers. */
export function isChecked(voters: Voters, own: Own, answers: readonly Answer[]): boolean {
  if (own.standing !== 'disk' || isOldCopy(own.pair, answers)) return false;
  const kept = answers.filter(
    ({ voter, standing, merged }) => voter !== undefined && voter !== voters.own && standing !== 'lost' && merged,
  );
  return voters.list.length > 1 && kept.length >= blocking(voters);
}

function isSource({ standing, checked, merged }: Answer): boolean {
  return merged && (standing === 'up' || (standing === 'disk' && checked));
}

function isOldCopy(pair: Pair | undefined, answers: readonly Answer[]): boolean {
  return answers.some(({ remembers }) => remembers !== undefined && isLater(remembers, pair));
}

export function isLater(a: Pair, b: Pair | undefined): boolean {
  return b === undefined || a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);
}

const up: Verdict = { kind: 'up' };
const waiting = (what: string): Verdict => ({ kind: 'waiting', for: what });

const formerLeases = 'the leases that its former life may have lent to run out';

function comparison({ list }: Voters): string {
  if (list.length === 1) return formerLeases;
  const others = list.length === 2 ? 'the other voter' : 'the other voters';
  const remember = list.length === 2 ? 'it remembers' : 'they remember';
  return `${others}, to compare its disk with what ${remember}`;
}

function keepers(voters: Voters, found: number): string {
  if (voters.list.length === 1) return formerLeases;
  if (voters.mode === 'serve') return `one other voter that has kept its state, or ${formerLeases}`;
  const needed = blocking(voters);
  return needed === 1
    ? 'one other voter that has kept its state'
    : `${needed} other voters that have kept their state (${found} found)`;
}
