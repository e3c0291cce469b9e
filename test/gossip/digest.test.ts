import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bucketCount,
  bucketsPerGroup,
  Digest,
  DigestView,
  groupCount,
  Hasher,
  lanesText,
  parseLanes,
} from '../../sso/gossip/digest.ts';
import { seededRandom } from '../../sso/random.ts';

const hasher = new Hasher();
const digestOf = (pairs: readonly (readonly [string, string])[]) => {
  const digest = new Digest();
  for (const [key, text] of pairs) digest.toggle(hasher.key(key).text(text));
  return new DigestView([digest]);
};
const pairs = Array.from({ length: 5_000 }, (_, index) => [`key${index}`, `text${index % 7}`] as const);

test('a digest does not depend on the order, and taking away is adding again', () => {
  const all = digestOf(pairs);
  assert.equal(digestOf([...pairs].reverse()).root(), all.root());
  assert.equal(digestOf([...pairs, ...pairs]).root(), digestOf([]).root());
  assert.deepEqual(digestOf([...pairs, ['more', ''], ['more', '']]).groups(), all.groups());
});

test('whatever differs shows in its bucket, its group and the root, and nowhere else', () => {
  const all = digestOf(pairs);
  for (const [index, [key, text]] of pairs.entries()) {
    if (index % 50 !== 0) continue;
    const other = digestOf(pairs.map((pair) => (pair[0] === key ? [key, `${text}.`] : pair)));
    const bucket = hasher.key(key).bucket;
    assert.notEqual(other.root(), all.root());
    for (let group = 0; group < groupCount; group++) {
      const differs = group === Math.floor(bucket / bucketsPerGroup);
      assert.equal(
        other.groups()[2 * group] !== all.groups()[2 * group] ||
          other.groups()[2 * group + 1] !== all.groups()[2 * group + 1],
        differs,
      );
      const mine = all.buckets(group);
      const theirs = other.buckets(group);
      for (let at = 0; at < bucketsPerGroup; at++) {
        const bucketDiffers = mine[2 * at] !== theirs[2 * at] || mine[2 * at + 1] !== theirs[2 * at + 1];
        assert.equal(bucketDiffers, differs && at === bucket % bucketsPerGroup);
      }
    }
  }
});

test('keys spread evenly over the buckets, whether they are hashes, numbers or names', () => {
  const random = seededRandom(1);
  const kinds: ((index: number) => string)[] = [
    () => Buffer.from(random.bytes(32)).toString('base64url'),
    (index) => `${index}`,
    (index) => `user${String(index).padStart(8, '0')}@example.com`,
  ];
  for (const kind of kinds) {
    const counts = new Array<number>(bucketCount).fill(0);
    for (let index = 0; index < 16 * bucketCount; index++) counts[hasher.key(kind(index)).bucket]!++;
    assert.ok(Math.max(...counts) < 48, `${Math.max(...counts)}`);
    assert.ok(counts.filter((count) => count === 0).length < 5);
  }
});

test('hashes of 300,000 similar keys and texts are all different', () => {
  const seen = new Set<string>();
  for (let index = 0; index < 150_000; index++) {
    hasher.key(`key${index}`).text('open');
    seen.add(`${hasher.low} ${hasher.high}`);
    hasher.key('key').text(`${index}`);
    seen.add(`${hasher.low} ${hasher.high}`);
  }
  assert.equal(seen.size, 300_000);
});

test('where a key ends and its text begins matters', () => {
  hasher.key('ab').text('c');
  const { low, high } = hasher;
  hasher.key('a').text('bc');
  assert.notDeepEqual([hasher.low, hasher.high], [low, high]);
});

test('lanes travel as text, and what is no such text is refused', () => {
  const groups = digestOf(pairs).groups();
  assert.deepEqual(parseLanes(lanesText(groups), groups.length), groups);
  assert.equal(lanesText(new Int32Array(128)), '');
  assert.deepEqual(parseLanes('', 128), new Int32Array(128));
  for (const wrong of [
    undefined,
    1,
    'x',
    lanesText(groups).slice(4),
    `${lanesText(groups)}AAAA`,
    lanesText(groups).replace('=', 'A'),
    '*'.repeat(684),
    {},
  ]) {
    assert.equal(parseLanes(wrong, groups.length), undefined);
  }
});

test('the text of a digest is that of its groups, also after a change and beside others', () => {
  const digest = new Digest();
  const over = new Digest();
  const alone = new DigestView([digest]);
  const both = new DigestView([digest, over]);
  assert.deepEqual([alone.text(), both.text()], ['', '']);
  const texts = new Set<string>();
  for (const [index, [key, text]] of pairs.slice(0, 20).entries()) {
    digest.toggle(hasher.key(key).text(text));
    if (index % 3 === 0) over.toggle(hasher);
    assert.equal(alone.text(), lanesText(digest.groups.slice()));
    assert.equal(both.text(), lanesText(both.groups()));
    texts.add(alone.text());
  }
  assert.equal(texts.size, 20);
  for (const [key, text] of pairs.slice(0, 20)) digest.toggle(hasher.key(key).text(text));
  assert.equal(alone.text(), '');
});
