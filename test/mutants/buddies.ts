/** Mistakes with sessions of which only some nodes have the data: who is chosen, what is confirmed, fetched, kept and let go of. */

import type { Mutation } from './mutation.ts';

const courier = 'sso/session/buddies/courier.ts';
const offers = 'sso/session/buddies/offers.ts';
const placing = 'sso/session/buddies/placing.ts';
const answers = 'sso/session/buddies/answers.ts';
const strays = 'sso/session/buddies/strays.ts';
const fetches = 'sso/session/buddies/fetches.ts';
const lane = 'sso/session/buddies/lane.ts';
const inquiries = 'sso/session/inquiries.ts';

export const buddyMutations: readonly Mutation[] = [
  {
    name: 'data that another node serves is let go of without asking',
    rule: 'nothing is dropped that is not elsewhere',
    file: offers,
    find: '    this.#strays.add(key);\n',
    replace: '    this.#strays.add(key);\n    if (!this.#parts.isBusy(key)) this.#shed(key);\n',
    breaks: ['G', 'D1'],
    history: 'buddies',
  },
  {
    name: 'what has changed since it was offered is let go of all the same',
    rule: 'only what is kept where it should be is let go of',
    file: strays,
    find: 'if (session(key)?.data.version !== version) return;',
    replace: '',
    breaks: ['G', 'D1'],
    history: 'buddies',
  },
  {
    name: 'an owner says that data is kept which its buddies may not have',
    rule: 'the owner answers `kept` only when every listed buddy that lives has confirmed it',
    file: answers,
    find: 'else if (!isMine || this.#isKept(key, session)) kept.push(key);',
    replace: 'else kept.push(key);',
    breaks: [],
    history: 'buddies',
  },
  {
    name: 'an owner says that data is kept which it has not got',
    rule: 'the owner answers `kept` only when its data includes that version',
    file: answers,
    find: 'if (!includes(session, versions[index + 1]!)) wanted.push(key);\n      else ',
    replace: '',
    breaks: ['G', 'D1'],
  },
  {
    name: 'data of what has ended is called kept',
    rule: 'of what has ended whoever offers data is told the end',
    file: answers,
    find: 'ended.push(key);',
    replace: 'kept.push(key);',
    breaks: ['G'],
    history: 'buddies',
  },
  {
    name: 'what is not confirmed in time is never sent again',
    rule: 'what is not confirmed within 500 ms is sent again',
    file: lane,
    find: 'if (now - at < this.#resendMs * this.#patience) continue;',
    replace: 'continue;',
    breaks: ['D2', 'W'],
  },
  {
    name: 'a session is taken over without its data',
    rule: 'first `depot.fetch`, then this node takes the session over',
    file: inquiries,
    find: "(await depot?.fetch(key, before)) ?? 'out of reach'",
    replace: "depot === undefined ? 'out of reach' : 'here'",
    breaks: ['G', 'D1'],
    history: 'buddies',
  },
  {
    name: 'a former holder answers for those that cannot be asked',
    rule: "a copy of somebody who is not to have one may be older than a holder's",
    file: fetches,
    find: "if (!listed.every((node) => answered(node) || isGone(node))) return 'out of reach';",
    replace: "if (!listed.every((node) => answered(node) || isGone(node) || hasData(session))) return 'out of reach';",
    breaks: ['G'],
    history: 'buddies',
  },
  {
    name: 'a node leaves without handing over',
    rule: 'a node that leaves gives to others what nobody else has who stays',
    file: courier,
    find: 'const handedOver = await handing.run(ms);',
    replace: 'const handedOver = ms < 0 ? await handing.run(ms) : { handedOver: 0, lost: 0 };',
    breaks: ['V88', 'G', 'D1'],
    history: 'buddies',
  },
  {
    name: 'a node that comes back with nothing is not brought up to date by its buddies',
    rule: 'a node that comes up is offered what it is a listed holder of by name',
    file: courier,
    find: 'return isUp && isListed(session, node) ? [node, ...others] : others;',
    replace: 'return others;',
    breaks: ['D2', 'G'],
    history: 'buddies',
  },
  {
    name: 'one of the holders answers for all of them where the owner is over',
    rule: 'where the owner is over all that are to hold data and live say so before it is let go of elsewhere',
    file: strays,
    find: 'return peers.every((peer) => said.lives.has(lifeOf(peer)));',
    replace: 'return true;',
    breaks: [],
    history: 'buddies',
  },
  {
    name: 'a buddy that stays away is never replaced',
    rule: 'a holder that is gone for long gets another in its place',
    file: placing,
    find: '      this.#goneForLong.set(node, gone);\n      this.#fillSoon(0);\n',
    replace: '',
    breaks: ['G'],
    history: 'buddies',
  },
  {
    name: 'where the owner is gone as well nobody replaces a buddy',
    rule: 'the first of the listed nodes that live does what the owner would',
    file: placing,
    find: '!(isMine || this.#standsIn(session))',
    replace: '!isMine',
    breaks: ['G'],
    history: 'buddies',
  },
  {
    name: 'what one node alone has of a session whose owner is gone is not copied',
    rule: 'where an owner is gone so many others have the data at least',
    file: placing,
    find: 'const holdersAtLeast = 2;',
    replace: 'const holdersAtLeast = 1;',
    breaks: ['G'],
    history: 'buddies',
  },
];
