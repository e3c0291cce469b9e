/** What a session may hold, counted over data as it really is kept: characters, and bytes on the way. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { removedText } from '../../../sso/session/data/changes.ts';
import { lengthOf, lengthsOf } from '../../../sso/session/data/length.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import { Draft, trackingOf } from '../../../sso/session/draft.ts';
import { Classes } from '../../../sso/session/graph/classes.ts';
import type { Changes, Granularity } from '../../../sso/session/graph/stored.ts';
import { type Found, readAll } from '../../../sso/session/graph/tracker.ts';
import { maxDataBytes, maxDataLength } from '../../../sso/session/record.ts';
import { requireFits } from '../../../sso/session/writing.ts';
import { granularities } from './support/store.ts';

const classes = new Classes([]);
const random = { bytes: (count: number) => new Uint8Array(count).fill(made++) };
let made = 0;

// biome-ignore lint/suspicious/noExplicitAny: tests read deep into sessions, as applications do
type Attributes = Record<string, any>;

/** One session at a limit. */
class Limited {
  data = SessionData.empty;
  readonly #granularity: Granularity;
  readonly #stays: boolean;
  /** Between two writes. */
  stepMs = 1_000;
  #stamp = 1_790_000_000_000 * 1_024;

  constructor(granularity: Granularity, stays = false) {
    this.#granularity = granularity;
    this.#stays = stays;
  }

  begin(): Draft {
    const telling = { stays: this.#stays };
    return new Draft(this.data, trackingOf({ random } as never, { granularity: this.#granularity, classes, telling }));
  }

  keep(draft: Draft, found: Found): Found {
    this.write(found.changes);
    draft.wrote(found.changes);
    return found;
  }

  write(changes: Changes): void {
    requireFits(this.data, changes);
    this.#stamp += this.stepMs * 1_024;
    this.data = this.data.change(changes, 'node-one:1790000000000/aaaa', this.#stamp).data;
  }

  /** A request that has these attributes before it, and says which it touched: all. */
  request(work: (session: Attributes) => void, touches?: readonly string[]): Found {
    const draft = this.begin();
    const session: Attributes = {};
    for (const name of draft.tracker.names()) session[name] = draft.tracker.read(name);
    work(session);
    const touched = Object.entries(session).filter(([name]) => touches?.includes(name) !== false);
    return this.keep(draft, draft.compare(new Map(touched)));
  }

  get all(): Attributes {
    return readAll(this.data, { classes }) as Attributes;
  }
}

const bytesOf = (data: SessionData) => Buffer.byteLength(JSON.stringify(data.encode()));
const tiny = (count: number) => Array.from({ length: count }, (_, id) => ({ id, n: 'x' }));
const paths = ({ refused }: Found) => refused.map(({ path }) => path);

for (const granularity of granularities) {
  test(`${granularity}: what was accepted can be changed by as much as the limit leaves`, () => {
    const it = new Limited(granularity);
    assert.deepEqual(
      it.request((session) => Object.assign(session, { list: tiny(7_000), other: { n: 0 } })).refused,
      [],
    );
    const more = [
      it.request(({ list }) => (list[5].n = 'xx')),
      it.request(({ list }) => list.push({ id: 1 })),
      it.request((session) => (session['flag'] = true)),
      it.request(({ list }) => list.pop()),
    ];
    assert.deepEqual(more.map(paths), [[], [], [], []]);
    assert.deepEqual([it.all['list'].length, it.all['list'][5].n, it.all['flag']], [7_000, 'xx', true]);
  });

  test(`${granularity}: a limit counts what is new as it counts what is stored`, () => {
    const it = new Limited(granularity);
    const work: readonly ((session: Attributes) => unknown)[] = [
      (session) => Object.assign(session, { list: tiny(40), map: new Map([[{ k: 1 }, 'text']]), t: 'é'.repeat(40) }),
      ({ list }) => list.splice(3, 20),
      ({ map }) => map.set('b', new Set([1, 2])),
      (session) => Object.assign(session, { list: { in: [1] } }),
      (session) => Object.assign(session, { map: undefined }),
    ];
    for (const step of work) {
      const { data } = it;
      const { changes } = it.request(step);
      const { before, after } = lengthsOf(data, changes);
      const { length, ...uncounted } = {
        length: it.data.length,
        get: it.data.get.bind(it.data),
        fields: it.data.fields.bind(it.data),
        parts: it.data.parts.bind(it.data),
      };
      // Of what was removed by its name, the name counts as long as that is remembered.
      const removed = changes.fields.filter(({ text }) => text === removedText);
      const names = removed.reduce((sum, { field }) => sum + field.length, 0);
      assert.deepEqual([before, after, lengthOf(uncounted) + names], [data.length, length, length]);
    }
    assert.ok(it.data.length > 0);
  });

  test(`${granularity}: something large may take the place of something as large`, () => {
    const it = new Limited(granularity);
    it.request((session) => Object.assign(session, { list: tiny(5_000) }));
    assert.deepEqual(paths(it.request((session) => Object.assign(session, { list: tiny(5_001) }))), []);
    assert.equal(it.all['list'].length, 5_001);
  });

  test(`${granularity}: one attribute that grew in place beyond the limit is refused, and nothing else`, () => {
    const it = new Limited(granularity);
    it.request((session) => Object.assign(session, { list: ['x'.repeat(200_000)], ok: 0 }));
    const grow = (session: Attributes) => {
      session['list'].push('y'.repeat(200_000));
      session['ok'] += 1;
      session['added'] = { n: 1 };
    };
    assert.deepEqual(paths(it.request(grow)), ['list']);
    assert.deepEqual([it.all['ok'], it.all['list'].length, it.all['added']], [1, 1, { n: 1 }]);
    // Where only what was assigned counts, the text of all has what was changed in place as well.
    assert.deepEqual(paths(it.request(grow, ['ok'])), granularity === 'SESSION' ? ['list'] : []);
    assert.deepEqual([it.all['ok'], it.all['list'].length], [2, 1]);
  });

  test(`${granularity}: of many attributes only those that are too much are refused, by the path to what is large`, () => {
    const it = new Limited(granularity);
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`n${at}`, { at }] as const));
    const big = { a: { b: 'x'.repeat(300_000), c: 1 } };
    const objects = { parts: new Map([['k', { list: tiny(20_000) }]]) };
    const together = {
      ...many,
      n3: big,
      n8: objects,
      n9: { text: 'y'.repeat(200_000) },
      n20: ['z'.repeat(100_000)],
      n22: ['z'.repeat(90_000)],
    };
    const found = it.request((session) => Object.assign(session, together));
    assert.deepEqual(paths(found).sort(), ['n20[0]', 'n22[0]', 'n3.a.b', 'n8.parts.get("k").list']);
    assert.deepEqual(
      Object.keys(it.all).sort(),
      Object.keys(many)
        .filter((name) => !['n3', 'n8', 'n20', 'n22'].includes(name))
        .sort(),
    );
  });

  test(`${granularity}: of attributes that are far too much together the first that fit are saved, and the others are refused`, () => {
    const it = new Limited(granularity);
    it.request((session) => Object.assign(session, { ok: 1 }));
    const found = it.request((session) =>
      Object.assign(session, {
        ok: 2,
        a: 'x'.repeat(200_000),
        b: 'y'.repeat(200_000),
        c: 'z'.repeat(200_000),
        d: 'small',
      }),
    );
    assert.deepEqual(paths(found), ['b', 'c']);
    assert.deepEqual(Object.keys(it.all), ['ok', 'a', 'd']);
    assert.equal(it.all['ok'], 2);
  });

  test(`${granularity}: what lies too deep is refused and said, whichever level is the last that travels`, () => {
    for (const levels of [998, 999, 1_000, 1_001]) {
      const it = new Limited(granularity);
      let deep: Attributes = {};
      for (let level = 1; level < levels; level++) deep = { n: deep };
      const found = it.request((session) => Object.assign(session, { deep, ok: true }));
      assert.equal(it.all['ok'], true, `${levels}`);
      assert.equal('deep' in it.all, found.refused.length === 0, `${levels}`);
    }
  });

  test(`${granularity}: of many objects those that fit are saved, however often it was tried which`, () => {
    const it = new Limited(granularity);
    const many = Array.from({ length: 3_000 }, (_, id) => [`n${id}`, { id, text: 'x'.repeat(200) }] as const);
    const found = it.request((session) => Object.assign(session, { important: 1 }, Object.fromEntries(many)));
    assert.ok(found.refused.length > 1_000);
    assert.equal(it.all['important'], 1);
    assert.ok(it.data.length > 0.99 * maxDataLength, `${it.data.length}`);
  });

  test(`${granularity}: of a great many attributes those that do not fit are found with few comparisons`, () => {
    const it = new Limited(granularity);
    let looks = 0;
    const looked = {
      get n() {
        looks++;
        return 1;
      },
    };
    const many = Object.fromEntries(Array.from({ length: 60_000 }, (_, at) => [`n${at}`, at] as const));
    const found = it.request((session) => Object.assign(session, { looked }, many));
    assert.ok(found.refused.length > 30_000);
    assert.ok(Object.keys(it.all).length > 15_000);
    // It is looked at two or three times in each comparison.
    assert.ok(looks < 100, `${looks} looks`);
  });

  test(`${granularity}: text that is too many bytes for a frame is refused by its path, and all else is saved`, () => {
    const it = new Limited(granularity);
    const wide = { t: { text: '€'.repeat(200_000) }, paid: true };
    const found = it.request((session) => Object.assign(session, wide));
    assert.deepEqual(found.refused, [
      {
        path: 't.text',
        what: `is too much: a session has at most ${maxDataBytes} bytes on its way to the other nodes`,
      },
    ]);
    assert.deepEqual(it.all, { paid: true });
    assert.deepEqual(paths(it.request((session) => Object.assign(session, { t: '€'.repeat(150_000) }))), []);
    assert.deepEqual(paths(it.request((session) => Object.assign(session, { u: '€'.repeat(30_000) }))), ['u']);
    assert.deepEqual(paths(it.request((session) => Object.assign(session, { t: 'x'.repeat(150_000) }))), []);
    assert.ok(bytesOf(it.data) < maxDataBytes);
    assert.ok(it.data.length < maxDataLength);
  });

  test(`${granularity}: what a request wrote itself counts when it writes again`, () => {
    const it = new Limited(granularity);
    const draft = it.begin();
    it.keep(draft, draft.compare(new Map([['a', '€'.repeat(150_000)]])));
    const found = it.keep(
      draft,
      draft.compare(new Map<string, unknown>(Object.entries({ b: '€'.repeat(30_000), c: 1 }))),
    );
    assert.deepEqual(paths(found), ['b']);
    assert.deepEqual(Object.keys(it.all), ['a', 'c']);
  });

  test(`${granularity}: what a request writes in place of what it wrote itself counts once`, () => {
    const it = new Limited(granularity);
    const list = (text: string) => Array.from({ length: 3_500 }, (_, id) => ({ id, text: text.repeat(20) }));
    const draft = it.begin();
    for (const text of ['x', 'y', 'z'])
      assert.deepEqual(paths(it.keep(draft, draft.compare(new Map([['l', list(text)]])))), []);
    assert.equal(it.all['l'][3_499].text[0], 'z');
  });

  test(`${granularity}: what is too many bytes is so after a write of the same attribute as well`, () => {
    const it = new Limited(granularity);
    it.request((session) => Object.assign(session, { a: 'x'.repeat(100_000) }));
    const draft = it.begin();
    const write = (attributes: Attributes) => it.keep(draft, draft.compare(new Map(Object.entries(attributes))));
    assert.deepEqual(paths(write({ a: 'short' })), []);
    assert.deepEqual(paths(write({ a: '€'.repeat(200_000), b: 1 })), ['a']);
    assert.deepEqual(it.all, { a: 'short', b: 1 });
  });

  test(`${granularity}: no frame bounds what stays on its node`, () => {
    const it = new Limited(granularity, true);
    assert.deepEqual(paths(it.request((session) => Object.assign(session, { t: '€'.repeat(200_000) }))), []);
  });
}

test('FIELD: changes that make no text longer stay within a frame too, days apart', () => {
  const it = new Limited('FIELD');
  it.stepMs = 86_400_000;
  const list = (length: number) => Array.from({ length }, (_, id) => ({ id, a: `${'"'.repeat(9)}x` }));
  let length = 4_850;
  while (paths(it.request((session) => Object.assign(session, { l: list(length) }))).length > 0) length -= 20;
  let changed = 0;
  for (let refused: readonly string[] = []; refused.length === 0; changed += 700) {
    assert.ok(changed < length, 'a limit was reached');
    refused = paths(
      it.request(({ l }) => {
        for (const object of l.slice(changed, changed + 700)) object.a = `x${'"'.repeat(9)}`;
      }),
    );
    assert.ok(bytesOf(it.data) <= maxDataBytes, `${bytesOf(it.data)} bytes after ${changed} changes`);
    assert.deepEqual(refused, refused.length === 0 ? [] : ['l']);
  }
  assert.ok(changed > 2_000, `only ${changed} fields could be changed`);
  assert.deepEqual(paths(it.request(({ l }) => l.splice(-500))), []);
  assert.equal(it.all['l'].length, length - 500);
});

test('what is in the way of a frame is found without looking at data that is small', () => {
  const it = new Limited('ATTRIBUTE');
  it.request((session) => Object.assign(session, { a: 'x'.repeat(1_000) }));
  const change = (text: string): Changes => ({
    fields: [{ part: '0', field: '.b', text: JSON.stringify(text) }],
    gone: [],
  });
  assert.ok(it.data.fitsInto(10_000, change('y'.repeat(500))));
  assert.ok(!it.data.fitsInto(1_200, change('y'.repeat(500))));
  const less = { part: '0', field: '.a', text: JSON.stringify('x'.repeat(999)) };
  assert.ok(it.data.fitsInto(100, { fields: [less], gone: [] }), 'less is always carried');
  assert.ok(it.data.fitsInto(100, { fields: [], gone: [] }), 'so is what did not change');
});
