/** What a node says of data that is asked for or offered: nothing is called kept that is not, and a former version is among nobody's buddies. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Answers } from '../../../sso/session/buddies/answers.ts';
import { Company, type CourierMember } from '../../../sso/session/buddies/company.ts';
import { type BuddyMessage, parseBuddyFrame } from '../../../sso/session/buddies/frames.ts';
import type { Lane } from '../../../sso/session/buddies/lane.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import type { LiveSession, SessionRecord } from '../../../sso/session/record.ts';
import { encodeSession } from '../../../sso/session/record-codec.ts';
import { setting } from '../support/changes.ts';

const first = SessionData.empty.change(setting({ a: 1 }), 'w', 1).data;
const second = first.change(setting({ b: 2 }), 'w', 2).data;

function session(more: Partial<LiveSession> = {}): LiveSession {
  return {
    state: 'live', app: 'shop', signOn: undefined, createdAt: 1, endsAt: 1e15, version: 0, owner: 'n1:1', ownerStamp: 1,
    releasedAt: 0, idleMs: 0, data: second, stays: false, buddies: ['n2', 'n3'], lastAccessAt: 1, ...more,
  }; // biome-ignore format: the object is a table
}

interface Scene {
  readonly life?: string;
  readonly record?: SessionRecord | undefined;
  /** What those that can be reached have for certain. */
  readonly has?: Readonly<Record<string, boolean>>;
  readonly gone?: readonly string[];
  readonly over?: boolean;
}

/** Sessions that were to be given other buddies. */
const replaced: string[] = [];

function answers({ life = 'n1:1', record = session(), has = {}, gone = [], over = false }: Scene): Answers {
  return new Answers({
    node: life.slice(0, 2),
    life,
    copies: { get: (key) => (key === 's' ? record : undefined) },
    company: { isOver: () => over, lives: (node) => !gone.includes(node) },
    replace: (key) => void replaced.push(key),
    laneTo: (node) => (node in has ? ({ hasAll: () => has[node]! } as unknown as Lane) : undefined),
  });
}

function said(answers: Answers, keys: readonly string[]): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (const _ of answers.fetched(1, keys, (frame) => void frames.push(frame)));
  return frames;
}

function offered(scene: Scene, version = first.version): readonly [kept: number, wanted: number] {
  const { frame } = answers(scene).offered(7, ['s', version]);
  const message = parseBuddyFrame(frame) as BuddyMessage & { readonly type: 'offered' };
  assert.equal(message.id, 7);
  return [message.kept.length, message.wanted.length];
}

const kept = [1, 0];
const wanted = [0, 1];
const nothing = [0, 0];

test('an owner calls data kept once it includes it and all buddies that live have confirmed it, one at least', () => {
  for (const [has, gone, expected] of [
    [{ n2: true, n3: true }, [], kept],
    [{ n2: true, n3: false }, [], nothing],
    [{ n2: true }, [], nothing],
    [{ n2: true }, ['n3'], kept],
    [{}, ['n2', 'n3'], nothing],
    [{}, [], nothing],
  ] as const)
    assert.deepEqual(offered({ has, gone }), expected, JSON.stringify([has, gone]));
  replaced.length = 0;
  assert.deepEqual(offered({ record: session({ buddies: [] }) }), nothing);
  assert.deepEqual(replaced, ['s'], 'where nobody has it, somebody is chosen');
});

test('what an owner has not seen is wanted, whatever its buddies have', () => {
  const other = first.change(setting({ c: 3 }), 'x', 3).data;
  for (const version of [other.version, 'no version', '[[', '["w",9]'])
    assert.deepEqual(offered({ has: { n2: true, n3: true } }, version), wanted, version);
});

test('a buddy answers for an owner whose life is over, and for no other; who is not listed answers for nobody', () => {
  assert.deepEqual(offered({ life: 'n2:1' }), nothing);
  assert.deepEqual(offered({ life: 'n2:1', over: true }), kept);
  assert.deepEqual(offered({ life: 'n2:1', over: true, record: session({ data: SessionData.empty }) }), wanted);
  assert.deepEqual(offered({ life: 'n1:2', over: true }), kept, 'the node of the former owner');
  assert.deepEqual(offered({ life: 'n4:1', over: true }), nothing);
});

test('of a session that ended no data is called kept: whoever offers that hears of the end; of one that is not known nothing is said', () => {
  const record: SessionRecord = { state: 'ended', cause: 'destroyed', endedAt: 2, endsAt: 9 };
  const ended = answers({ record });
  assert.deepEqual(ended.offered(7, ['s', first.version]).ended, ['s']);
  const [answer, told] = [ended.offered(7, ['s', first.version]).frame, ...said(ended, ['s'])].map(parseBuddyFrame);
  assert.deepEqual(answer, { type: 'offered', id: 7, kept: [], wanted: [] }, 'the offer is answered');
  assert.deepEqual(told, { type: 'fetched', id: 1, items: ['s', encodeSession(record)], missing: [] });
  assert.deepEqual(answers({}).offered(7, ['s', first.version]).ended, []);
  assert.deepEqual(offered({ record: undefined }), nothing);
  assert.deepEqual(offered({ record: session({ buddies: undefined }) }), nothing);
});

test('who is asked gives what is here, and says what is not; an owner gives even what is empty', () => {
  const asked = (scene: Scene) => {
    const [frame] = said(answers(scene), ['s', 'other']);
    const { items, missing } = parseBuddyFrame(frame!) as BuddyMessage & { readonly type: 'fetched' };
    return [items.length / 2, missing.join()];
  };
  assert.deepEqual(asked({}), [1, 'other']);
  assert.deepEqual(asked({ life: 'n4:1' }), [1, 'other'], 'a copy that is not to be there');
  assert.deepEqual(asked({ life: 'n2:1', record: session({ data: SessionData.empty }) }), [0, 's,other']);
  assert.deepEqual(asked({ record: session({ data: SessionData.empty }) }), [1, 'other']);
});

/** What n1 knows of these members, n1 the first of them. */
function company(members: readonly Partial<CourierMember>[], hasMetAll = true): Company {
  return new Company({
    self: { node: 'n1', incarnation: 1 },
    members: {
      members: () =>
        members.map((one, index) => ({
          node: `n${index + 1}`, incarnation: 1, buddyPool: '', host: 'h', state: 'up', ...one,
        })), // biome-ignore format: the object is a table
      onMember: () => {},
      lifeEndedAt: () => undefined,
    },
    voters: 0,
    peers: new Map([['n3', { node: 'n3', incarnation: 2 }]]),
    hasMetAll: () => hasMetAll,
  });
}

test('while a node of the version before is there, every node is to have all data', () => {
  const wanted = (members: readonly Partial<CourierMember>[]) => company(members).wanted(2);
  assert.equal(wanted([{ host: '' }, {}, {}]), 2, 'its own is not looked at');
  assert.equal(wanted([{}, { host: '' }, {}]), undefined);
  assert.equal(wanted([{}, { host: '', state: 'left' }, {}]), 2);
});

test('a life is over when a later one of its node is there, and when its node is no member any more and all are known', () => {
  const lives = ['n1:1', 'n1:0', 'n2:1', 'n3:1', 'n3:2', 'n9:1', ''];
  const over = (hasMetAll: boolean) => lives.filter((life) => company([{}, {}, {}], hasMetAll).isOver(life));
  assert.deepEqual(over(true), ['n1:0', 'n3:1', 'n9:1', '']);
  assert.deepEqual(over(false), ['n1:0', 'n3:1', '']);
});
