/**
 * How much memory a session's data takes in each form, beside its length as plain JSON, and what a change of one field
 * and its delta cost. Figures to read, nothing that a test could assert:
 *
 *     node --expose-gc --import tsx test/session/data/support/memory.ts
 */

import type { FieldChange } from '../../../../sso/session/data/changes.ts';
import { applyDelta, decodeDelta, encodeDelta } from '../../../../sso/session/data/delta.ts';
import { decodeData, SessionData, type Stowage } from '../../../../sso/session/data/session-data.ts';

interface Sample {
  readonly title: string;
  /** As `JSON.stringify(req.session)` would have it. */
  readonly json: string;
  readonly fields: readonly FieldChange[];
}

const words = ['lamp', 'table', 'chair', 'mug', 'spoon', 'carpet', 'mirror', 'shelf'];
const item = (index: number) => ({
  sku: `A-${10_000 + index}`,
  name: `${words[index % 8]} ${words[(index * 5) % 8]} no. ${index}`,
  price: 99 + (index % 900),
  count: 1 + (index % 3),
});

/** `ATTRIBUTE`: a field for each attribute. */
function attributes(items: number): Sample {
  const data = { user: 'alice', cart: Array.from({ length: items }, (_, index) => item(index)), visits: 17 };
  return {
    title: `ATTRIBUTE, ${items} items`,
    json: JSON.stringify(data),
    fields: Object.entries(data).map(([name, value]) => ({
      part: '0',
      field: `.${name}`,
      text: JSON.stringify(value),
    })),
  };
}

/** `FIELD`: a part for each object. */
function objects(items: number): Sample {
  const { json } = attributes(items);
  const fields: FieldChange[] = [
    { part: '0', field: ':user', text: '"alice"' },
    { part: '0', field: ':cart', text: '["a.1"]' },
    { part: '0', field: ':visits', text: '17' },
  ];
  for (let index = 0; index < items; index++) {
    const id = `a.${(index + 2).toString(36)}`;
    fields.push({ part: 'a.1', field: String(index), text: `["${id}"]` });
    for (const [name, value] of Object.entries(item(index)))
      fields.push({ part: id, field: name, text: JSON.stringify(value) });
  }
  return { title: `FIELD, ${items} items`, json, fields };
}

const { gc } = globalThis;
if (gc === undefined) throw new Error('run it with --expose-gc');

/** Bytes that each of the things takes, with nothing else that was made meanwhile. */
function bytesOf(count: number, make: (index: number) => unknown): number {
  const kept: unknown[] = new Array(count).fill(undefined);
  gc!();
  gc!();
  const before = process.memoryUsage();
  for (let index = 0; index < count; index++) kept[index] = make(index);
  gc!();
  gc!();
  const after = process.memoryUsage();
  const bytes = after.heapUsed - before.heapUsed + after.external - before.external;
  if (kept.length !== count) throw new Error('unreachable');
  return bytes / count;
}

/** Of the processor, so that a busy machine does not count. */
function microseconds(run: (index: number) => unknown): number {
  const rounds: number[] = [];
  for (let round = 0; round < 15; round++) {
    const begin = process.cpuUsage();
    for (let index = 0; index < 200; index++) run(index);
    const { user, system } = process.cpuUsage(begin);
    rounds.push((user + system) / 200);
  }
  return rounds.sort((a, b) => a - b)[7]!;
}

const place: Stowage = { load: () => undefined };
const made = ({ fields }: Sample, index: number) =>
  SessionData.empty.change({ fields, gone: [] }, 'n1:1763758000000', 1_806_088_192_000_000 + index).data;

function open(sample: Sample, index: number): SessionData {
  const data = decodeData(JSON.parse(JSON.stringify(made(sample, index).encode())))!;
  data.get('0', 'x');
  return data;
}

/** Open, and each of so many fields was changed since by a change of its own. */
function worn(sample: Sample, index: number, changes: number): SessionData {
  let data = open(sample, index);
  for (let change = 1; change <= changes; change++) {
    const { part, field } = sample.fields[(change * 7) % sample.fields.length]!;
    data = data.change(
      { fields: [{ part, field, text: `"${change}"` }], gone: [] },
      'n2:1763758000001',
      data.latest + 1,
    ).data;
  }
  return data;
}

function packed(sample: Sample, index: number): SessionData {
  const data = open(sample, index);
  data.pack();
  return data;
}

function stowed(sample: Sample, index: number): SessionData {
  const data = open(sample, index);
  data.stow(place, 'key');
  return data;
}

for (const sample of [
  attributes(5),
  attributes(55),
  attributes(560),
  objects(5),
  objects(55),
  objects(500),
  objects(560),
]) {
  const { json } = sample;
  const count = Math.max(50, Math.min(2_000, Math.floor(4e6 / json.length)));
  const forms: [string, (index: number) => SessionData][] = [
    ['made', (index) => made(sample, index)],
    ['open', (index) => open(sample, index)],
    ['100 changes later', (index) => worn(sample, index, 100)],
    ['packed', (index) => packed(sample, index)],
    ['stowed', (index) => stowed(sample, index)],
  ];
  console.log(`\n${sample.title}: ${json.length} characters as JSON`);
  for (const [form, make] of forms) {
    const bytes = bytesOf(count, make);
    console.log(
      `  ${form.padEnd(18)} ${Math.round(bytes).toString().padStart(7)} bytes  ${(bytes / json.length).toFixed(2)} ×`,
    );
  }
  const data = open(sample, 0);
  const { part, field } = sample.fields.at(-1)!;
  const changes = { fields: [{ part, field, text: '12' }], gone: [] };
  const stamp = data.latest + 1;
  const { delta } = data.change(changes, 'n1:1763758000000', stamp);
  const wire = JSON.stringify(encodeDelta(delta));
  const whole = JSON.stringify(data.encode());
  console.log(
    `  whole ${Buffer.byteLength(whole)} bytes on the wire, the change of a field ${Buffer.byteLength(wire)}`,
  );
  const costs: [string, (index: number) => unknown][] = [
    ['change', () => data.change(changes, 'n1:1763758000000', stamp)],
    ['encode its delta', () => JSON.stringify(encodeDelta(delta))],
    ['decode and apply it', () => applyDelta(data, decodeDelta(JSON.parse(wire))!)],
    ['version', () => data.change(changes, 'n1:1763758000000', stamp).data.version],
    ['encode whole', () => JSON.stringify(data.encode())],
    ['decode whole', () => decodeData(JSON.parse(whole))],
    ['decode and open', () => decodeData(JSON.parse(whole))!.get('0', 'x')],
    [
      'all fields',
      () => {
        let n = 0;
        for (const id of data.parts()) for (const [, text] of data.fields(id)) n += text.length;
        return n;
      },
    ],
  ];
  console.log(`  ${costs.map(([what, run]) => `${what} ${microseconds(run).toFixed(1)} µs`).join(' · ')}`);
}
