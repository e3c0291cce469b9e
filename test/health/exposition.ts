/**
 * A reader of Prometheus' text format 0.0.4, as strict as its grammar: every sample belongs to a family
 * that has announced HELP and TYPE before, and no series comes twice.
 */

import assert from 'node:assert/strict';

export interface Family {
  readonly type: string;
  readonly help: string;
  /** By `name{labels}` as written. */
  readonly samples: Map<string, number>;
  readonly labels: { readonly name: string; readonly value: string }[];
}

export function parseExposition(text: string): Map<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line ends');
  const families = new Map<string, Family>();
  const helps = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (help !== null) helps.set(help[1]!, help[2]!);
    else if (type !== null) {
      assert.ok(!families.has(type[1]!), `${type[1]} comes twice`);
      families.set(type[1]!, { type: type[2]!, help: helps.get(type[1]!) ?? '', samples: new Map(), labels: [] });
    } else addSample(families, line);
  }
  return families;
}

function addSample(families: ReadonlyMap<string, Family>, line: string): void {
  const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (N[aA][nN]|[+-]Inf|[-+0-9.eE]+)$/.exec(line);
  assert.ok(sample, `no sample: ${line}`);
  const [, name, labels = '', value] = sample;
  const family = families.get(name!) ?? families.get(name!.replace(/_(bucket|sum|count)$/, ''));
  assert.ok(family, `${name} has no TYPE before it`);
  const rest = labels.replace(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/g, (_, label, text) => {
    family.labels.push({ name: label, value: text });
    return '';
  });
  assert.equal(rest, '', `labels of ${line}`);
  const series = labels === '' ? name! : `${name}{${labels}}`;
  assert.ok(!family.samples.has(series), `${series} comes twice`);
  family.samples.set(series, Number(value!.replace('Inf', 'Infinity')));
}
