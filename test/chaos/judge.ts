/**
 * Which refusals a fault excuses, and what is left: pure. Told afterwards what was done to which node
 * and when, and what that allows; whatever else was refused, lost, late or never answered is a breach.
 */

import { instant } from './oracle.ts';
import type { Breach, Logout, Records, Refusal, Refused, SignOn } from './records.ts';
import type { Span } from './starvation.ts';

/** These nodes may refuse so from then to then; and others may what one of these opened meanwhile, since it may have been the only one to know. */
export interface Excuse {
  readonly nodes: readonly string[];
  readonly kinds: readonly Refusal[];
  readonly from: number;
  readonly to: number;
  /** When the fault was over; the rest is what the nodes may take to be well again. */
  readonly overAt: number;
}

/** A node's process ended. */
export interface LifeEnd {
  readonly node: string;
  readonly at: number;
  /** What became of what it knew: lost, on a disk, or handed to others before it went. */
  readonly memory: 'lost' | 'disk' | 'handed-over';
}

export interface Circumstances {
  readonly excuses: readonly Excuse[];
  readonly lifeEnds: readonly LifeEnd[];
  readonly nodes: readonly string[];
  /** When the machine had no processor for a node. */
  readonly starved: readonly Span[];
  /** T. */
  readonly leaseMs: number;
  readonly endedAt: number;
}

export interface Judgement {
  readonly breaches: readonly Breach[];
  /** Refusals that a fault excuses. */
  readonly excused: number;
  /** The longest that a node went on refusing after its fault was over, milliseconds. */
  readonly wellAfterMs: number;
  /** From the request to the complete receipt, milliseconds. */
  readonly logoutMs: readonly number[];
  readonly pending: number;
  /** How long the machine had no time for this, milliseconds. */
  readonly starvedMs: number;
}

/** What is written behind is on the disk by then. */
const behindMs = 1_000;
/** A sign-on that was answered faster has been copied, and its wait has not run out. */
const copiedMs = 200;
/** L2: T + 1 s, and what a poll takes. */
const logoutOverMs = 1_500;
/** What that excuses around it. */
const aroundBusyMs = 1_000;

export function judge(records: Records, circumstances: Circumstances): Judgement {
  const { signOns, refused, breaches, logouts } = records;
  const byId = new Map(signOns.map((signOn) => [signOn.id, signOn]));
  const busy = merged([...records.stalls, ...circumstances.starved]);
  const excuses = [...circumstances.excuses, ...busy.map((span) => busyExcuse(span, circumstances.nodes))];
  const wrong: Breach[] = [];
  let excused = 0;
  let wellAfterMs = 0;
  for (const one of refused) {
    const signOn = one.signOn === undefined ? undefined : byId.get(one.signOn);
    const excuse = excuses.find((each) => isExcused(one, signOn, each));
    if (one.kind === 'deleted' ? !mayBeLost(signOn!, one.endedAt, circumstances) : excuse === undefined)
      wrong.push(breachOf(one, signOn));
    else excused += 1;
    if (excuse?.nodes.includes(one.node) && one.kind !== 'hung')
      wellAfterMs = Math.max(wellAfterMs, one.endedAt - excuse.overAt);
  }
  const late = records.pollable ? logouts.filter((logout) => isLate(logout, excuses, circumstances)) : [];
  return {
    breaches: [...breaches, ...wrong, ...late.map(lateBreach)],
    excused,
    wellAfterMs,
    logoutMs: logouts.flatMap(({ beganAt, completeAt }) => (completeAt === undefined ? [] : [completeAt - beganAt])),
    pending: logouts.filter(({ completeAt }) => completeAt === undefined).length,
    starvedMs: busy.reduce((sum, { from, to }) => sum + to - from, 0),
  };
}

/** The machine had other work: nobody can be blamed for being late, and for a no that this led to. */
function busyExcuse({ from, to }: Span, nodes: readonly string[]): Excuse {
  const kinds: readonly Refusal[] = ['unavailable', 'challenged', 'sign-on', 'logout', 'hung'];
  return { nodes, kinds, from: from - aroundBusyMs, to: to + aroundBusyMs, overAt: Number.MAX_VALUE };
}

function merged(spans: readonly Span[]): readonly Span[] {
  const list: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = list.at(-1);
    if (last !== undefined && span.from <= last.to)
      list[list.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    else list.push(span);
  }
  return list;
}

function isExcused({ kind, node, beganAt, endedAt }: Refused, signOn: SignOn | undefined, excuse: Excuse): boolean {
  if (!excuse.kinds.includes(kind) || beganAt > excuse.to || endedAt < excuse.from) return false;
  if (excuse.nodes.includes(node)) return true;
  const openedThen =
    signOn !== undefined &&
    excuse.nodes.includes(signOn.openedBy) &&
    signOn.openedAt > excuse.from &&
    signOn.beganAt < excuse.to;
  return openedThen && (kind === 'challenged' || kind === 'unavailable' || kind === 'logout');
}

/** D1: a sign-on lives on while one node that holds it does. */
function mayBeLost(signOn: SignOn, at: number, { lifeEnds, excuses }: Circumstances): boolean {
  const forgot = (node: string, heldAt: number) =>
    lifeEnds.some(
      (end) =>
        end.node === node &&
        end.at < at &&
        heldAt < end.at &&
        (end.memory === 'lost' || (end.memory === 'disk' && heldAt > end.at - behindMs)),
    );
  const { accepted, openedBy, openedAt, beganAt } = signOn;
  const held = [{ node: openedBy, beganAt: openedAt }, ...accepted.filter((one) => one.beganAt < at)];
  if (held.some((one) => !forgot(one.node, one.beganAt))) return false;
  const calm = !excuses.some(({ from, to }) => from < openedAt && to > beganAt);
  const forgetful = new Set(lifeEnds.filter(({ node }) => forgot(node, openedAt)).map(({ node }) => node));
  return !(calm && openedAt - beganAt < copiedMs && forgetful.size < 2);
}

function isLate({ node, beganAt, completeAt }: Logout, excuses: readonly Excuse[], at: Circumstances): boolean {
  const due = beganAt + at.leaseMs + logoutOverMs;
  if (due > at.endedAt || (completeAt !== undefined && completeAt <= due)) return false;
  return !excuses.some(
    ({ nodes, kinds, from, to }) => nodes.includes(node) && kinds.includes('logout') && from < due && to > beganAt,
  );
}

function breachOf({ kind, node, beganAt, endedAt, detail }: Refused, signOn: SignOn | undefined): Breach {
  const whose =
    signOn === undefined
      ? ''
      : ` with sign-on ${signOn.id} (opened by ${signOn.openedBy} ${instant(signOn.openedAt)}, accepted ${signOn.accepted.length} times)`;
  const rule = kind === 'deleted' ? 'lost' : kind;
  return { rule, text: `${instant(endedAt)} ${node}${whose}, asked ${instant(beganAt)}: ${detail}` };
}

function lateBreach({ node, beganAt, completeAt }: Logout): Breach {
  const when = completeAt === undefined ? 'never' : instant(completeAt);
  return { rule: 'L2', text: `a logout at ${node} ${instant(beganAt)} was complete ${when}` };
}
