/** Mistakes with what is replicated and kept: closings that are forgotten, ends of subjects, clocks and the disk. */

import type { Mutation } from './mutation.ts';

const heart = 'sso/heart.ts';
const corrected = 'sso/corrected-clock.ts';

export const keepingMutations: readonly Mutation[] = [
  {
    name: 'a closing is forgotten after 30 s',
    rule: 'A closed entry is kept until endsAt + 4 s and only then forgotten',
    file: 'sso/entry.ts',
    find: 'forgetAt: (value) => value.endsAt + 2 * clockErrorMs,',
    replace:
      "forgetAt: (value) => (value.state === 'closed' ? value.closedAt + 30_000 : value.endsAt + 2 * clockErrorMs),",
    breaks: ['S1', 'S2', 'D2', 'V82'],
    history: 'epochs',
  },
  {
    name: 'a node forgets by its own clock',
    rule: 'A node forgets only what is over by its own clock and by the clocks of a quorum',
    file: heart,
    find: 'now: () => corrected.forgetNow(), may: () => corrected.hasMajority()',
    replace: 'now: () => parts.clock.now(), may: () => true',
    breaks: ['S1', 'D1', 'D2', 'W'],
    history: 'epochs',
  },
  {
    name: 'an end takes back what was closed',
    rule: 'closed absorbs open',
    file: 'sso/entry.ts',
    find: "if (mine.state === 'closed') return theirs.state === 'closed' ? mergeClosed(mine, theirs) : absorb(mine, theirs);",
    replace: "if (mine.state === 'closed') return theirs.state === 'closed' ? mergeClosed(mine, theirs) : theirs;",
    breaks: ['S2', 'S1', 'D2'],
    history: 'disks',
  },
  {
    name: 'what is known of a user counts from the end of the check',
    rule: 'an entry carries the vector of ends that its node knew when the check of the credentials began',
    file: 'sso/registry.ts',
    find: 'if (this.#consequences.endedSince(name, mark)) return undefined;',
    replace: 'if (this.#consequences.endedSince(name, this.mark())) return undefined;',
    breaks: ['S8'],
    history: 'epochs',
    quick: true,
  },
  {
    name: 'a sign-on is over five seconds late',
    rule: 'endsAt is absolute, always finite',
    file: 'sso/registry/look.ts',
    find: 'if (now >= entry.endsAt) return expired;',
    replace: 'if (now >= entry.endsAt + 5_000) return expired;',
    breaks: ['S3'],
    history: 'epochs',
  },
  {
    name: 'time is that of one clock',
    rule: 'Decisions use the median of the clocks of a majority',
    file: corrected,
    find: 'this.#ahead = this.#middle(known);',
    replace: 'this.#ahead = this.#clock.now() - monotonic + 0 * this.#middle(known);',
    breaks: ['S3', 'V89', 'D1'],
    history: 'epochs',
  },
  {
    name: 'of an even number of clocks the lower middle decides what is over',
    rule: 'Of an even number the upper middle decides whether an entry is over',
    file: corrected,
    find: 'const upper = at(all, all.length >> 1);',
    replace: 'const upper = at(all, (all.length - 1) >> 1);',
    breaks: [],
    survives:
      'While no more than N − Q clocks are wrong both middles are those of right ones, which differ by less than the 2 s that S3 leaves. test/clock kills it.',
  },
  {
    name: 'an answer about the time counts however late it is',
    rule: 'A peer’s clock counts only from an answer that came back within 4 s',
    file: corrected,
    find: 'if (!Number.isFinite(theirNow) || !(took >= 0 && took <= roundTripAtMostMs)) return false;',
    replace: 'if (!Number.isFinite(theirNow) || !(took >= 0)) return false;',
    breaks: [],
    survives:
      'A second line: time is moved no further than an answer proves it wrong, and a late answer proves less. test/clock kills it.',
  },
  {
    name: 'closings are not kept on the disk',
    rule: 'Close locally, durably if there is a data directory',
    file: heart,
    find: 'keeper?.keep(shared.entries, this.entries);',
    replace: 'void shared.entries;',
    breaks: ['S1', 'D1'],
    history: 'disks',
  },
  {
    name: 'what was found on the disk is checked against the clock',
    rule: 'whatever the clock says: what is over is forgotten once a majority’s clocks agree',
    file: 'sso/gossip/gossip.ts',
    find: 'const change = replica.merge(key, value, Number.NEGATIVE_INFINITY, false);',
    replace: 'const change = replica.merge(key, value, this.#parts.clock.now(), false);',
    breaks: ['S1', 'D1'],
    history: 'disks',
  },
  {
    name: 'the note goes to the disk before what it speaks of',
    rule: 'Durable together with every change made before it, never without',
    file: 'sso/disk/keeper.ts',
    find: 'this.#hand();\n    this.#disk.note(text);',
    replace: 'this.#disk.note(text);',
    breaks: [],
    survives:
      'A second line: the number of closings that a note names is raised by a flush alone, which hands over in the same turn all that was put before.',
  },
];
