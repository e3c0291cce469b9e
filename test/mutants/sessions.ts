/** Mistakes in the replication of sessions: what is merged, what is confirmed, and what is told when. Seeds find them; there are no scripts for sessions. */

import type { Mutation } from './mutation.ts';

const lattice = 'sso/session/lattice.ts';
const state = 'sso/session/data/state.ts';

export const sessionMutations: readonly Mutation[] = [
  {
    name: 'a change of a session whose base is missing is taken for merged',
    rule: 'a change is merged only into a record that has what it builds on',
    file: lattice,
    find: 'return theirs.data !== undefined && !canApply(mine.data, theirs.data);',
    replace: 'return false;',
    breaks: ['W', 'D1'],
  },
  {
    name: 'a change of a session is confirmed before its base has come',
    rule: 'a confirmation says that all up to a batch is merged',
    file: 'sso/gossip/core.ts',
    find: 'if (message.number > 0 && !lacked && from.received(message.number))',
    replace: 'if (message.number > 0 && from.received(message.number))',
    breaks: ['W'],
  },
  {
    name: 'the digest of a session leaves out what its data has seen',
    rule: 'equal contexts are equal data, and digests see the context',
    file: lattice,
    find: "value.stays ? '' : value.data.version;",
    replace: "'';",
    breaks: ['W', 'D1', 'D2'],
  },
  {
    name: 'a removal takes away what it has not seen',
    rule: 'a change survives a concurrent removal',
    file: state,
    find: 'return !(isGone || written.has(held.name)) || !to.covers(held.dot);',
    replace: 'return !(isGone || written.has(held.name));',
    breaks: ['S7', 'D1', 'D2'],
  },
  {
    name: 'the use of a session is never told',
    rule: 'a use is told when the last telling is so long ago (V99)',
    file: 'sso/session/uses.ts',
    find: 'this.#parts.teller.tell(key, used);',
    replace: '',
    breaks: ['W'],
  },
  {
    name: 'data that stays on its node travels all the same',
    rule: 'the data stays on its node, its links travel (V84)',
    file: 'sso/session/record-codec.ts',
    find: 'value.stays || without ? 0 : value.data.encode()',
    replace: 'without ? 0 : value.data.encode()',
    breaks: ['V84'],
  },
];
