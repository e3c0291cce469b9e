/** workers.properties and uriworkermap.properties, as mod_jk reads them (native/common/jk_map.c): no continuation, `#` anywhere begins a comment. */

import type { Place } from '../place.ts';

export interface Property {
  readonly key: string;
  readonly value: string;
  readonly place: Place;
}

export interface Properties {
  /** By key; of a list that is given twice both count, of all else the last. */
  readonly values: ReadonlyMap<string, Property>;
  /** Every line, in its order. */
  readonly all: readonly Property[];
}

const lists = /\.(?:list|balance_workers|balanced_workers|mount|user|good|bad|fail_on_status)$/;

export function propertiesOf(text: string, file: string): Properties {
  return propertiesOfLines(text.split('\n').map((line, index) => ({ text: line, place: { file, line: index + 1 } })));
}

/** The same of lines that stand somewhere else: JkWorkerProperty. */
export function propertiesOfLines(lines: readonly { readonly text: string; readonly place: Place }[]): Properties {
  const all = lines.flatMap(({ text: raw, place }): readonly Property[] => {
    const line = raw.split('#', 1)[0]!.trim();
    const equals = line.indexOf('=');
    if (equals <= 0) return [];
    const key = line.slice(0, equals).trim();
    const value = line.slice(equals + 1).trim();
    return key === '' || value === '' ? [] : [{ key, value, place }];
  });
  const values = new Map<string, Property>();
  for (const property of all) {
    const value = property.value.replace(/\$\(([^)]*)\)/g, (whole, name: string) => values.get(name)?.value ?? whole);
    const before = lists.test(property.key) ? values.get(property.key) : undefined;
    values.set(property.key, { ...property, value: before === undefined ? value : `${before.value},${value}` });
  }
  return { values: withReferences(values), all };
}

const maxReferences = 20;

/** `worker.x.reference=worker.template`: what is not said of x is taken from there. */
function withReferences(values: ReadonlyMap<string, Property>): ReadonlyMap<string, Property> {
  const result = new Map(values);
  const follow = (prefix: string, depth: number) => {
    const reference = result.get(`${prefix}.reference`);
    if (reference === undefined || depth > maxReferences) return;
    follow(reference.value, depth + 1);
    for (const [key, property] of [...result]) {
      if (!key.startsWith(`${reference.value}.`)) continue;
      const own = prefix + key.slice(reference.value.length);
      if (!result.has(own)) result.set(own, { ...property, key: own });
    }
  };
  for (const key of values.keys()) if (key.endsWith('.reference')) follow(key.slice(0, -'.reference'.length), 0);
  return result;
}

/** As mod_jk takes a word for yes or no. */
export function yes(value: string | undefined, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (/^(?:off$|f|n|0$)/i.test(value)) return false;
  return /^(?:on$|t|y|1$)/i.test(value) ? true : otherwise;
}

export function wordsOf(value: string | undefined): readonly string[] {
  return (value ?? '').split(/[\s,*]+/).filter((word) => word !== '');
}
