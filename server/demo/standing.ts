/** How final logout stands on the node that answers, in words: whether it accepts sign-ons, and if not, why and until when. */

import type { FinalityView } from '../../sso/index.ts';

export interface Standing {
  readonly tone: 'good' | 'warn' | 'bad';
  readonly title: string;
  readonly sentence: string;
}

/** `reachable`: voters that this node can talk to now, itself included. */
export function standingOf(view: FinalityView, reachable: number): Standing {
  const { mode, voters, quorum, standing, accepting, leases } = view;
  const votes = voters.length === 1 ? 'the one voter' : `${quorum} of the ${voters.length} voters`;
  if (mode === 'alone')
    return { tone: 'good', title: 'This node accepts sign-ons', sentence: 'It is by itself: there is nobody to ask.' };
  if (standing !== 'up') {
    return {
      tone: 'warn',
      title: 'This node is recovering',
      sentence: `It has just been started, and accepts nobody before it knows what ended meanwhile. ${recovery(view)}`,
    };
  }
  if (!accepting && mode === 'refuse') {
    return {
      tone: 'bad',
      title: 'This node accepts nobody',
      sentence: `This node reaches no majority: it accepts nobody until it does. It needs leases of ${votes} and has ${held(leases) + 1}: somebody may have signed out on a node that it cannot hear.`,
    };
  }
  if (!accepting) {
    return {
      tone: 'bad',
      title: 'This node accepts nobody',
      sentence: 'It has no vote, and reaches no voter that could lend it one.',
    };
  }
  if (reachable >= quorum) {
    const has = voters.length === 1 ? 'It is the only voter' : `It reaches ${reachable} of ${voters.length} voters`;
    return {
      tone: 'good',
      title: 'This node accepts sign-ons',
      sentence: `${has}; ${majorityOf(quorum)} is a majority. Whatever was signed out is known here, or this node would not accept it.`,
    };
  }
  if (mode === 'serve') {
    return {
      tone: 'warn',
      title: 'This node is cut off, and goes on',
      sentence: `It reaches ${reachable} of ${voters.length} voters and goes on with what it knows, as whenCutOff: serve says. A sign-out is pending until the others are back.`,
    };
  }
  return {
    tone: 'warn',
    title: 'This node is about to refuse',
    sentence: `It reaches ${reachable} of ${voters.length} voters, which is no majority. Its leases run out within ${Math.ceil(longest(leases) / 1000)} s: then it accepts nobody until it reaches one.`,
  };
}

function recovery({ standing, waitsFor }: FinalityView): string {
  const has = standing === 'disk' ? 'It has read its data directory' : 'It has nothing on disk';
  return waitsFor === undefined ? `${has}.` : `${has}, and waits for ${waitsFor}.`;
}

function held(leases: FinalityView['leases']): number {
  return leases.filter(({ remainingMs }) => remainingMs > 0).length;
}

function longest(leases: FinalityView['leases']): number {
  return Math.max(0, ...leases.map(({ remainingMs }) => remainingMs));
}

function majorityOf(quorum: number): string {
  return quorum === 1 ? 'one' : String(quorum);
}
