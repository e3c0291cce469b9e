/**
 * One check over a configuration that was read, of whatever kind. A check says what is wrong, place by
 * place; where it finds nothing it says what it saw to be right, and where it does not apply it is silent.
 * What is wrong with several members in the same way is told once.
 */

import type { Finding } from '../finding.ts';
import { type Place, placed } from './place.ts';

export interface Check<Model> {
  /** In kebab case; scripts rely on it. */
  readonly name: string;
  /** Said if nothing is wrong. */
  readonly fine: string;
  /** Undefined: there is nothing in this configuration that the check is about. */
  readonly look: (model: Model) => readonly Fault[] | undefined;
}

export interface Fault {
  readonly says: string;
  readonly remedy: string;
  /** The member, worker or path that it is about, where several can have the same fault. */
  readonly of?: string;
  readonly at?: Place | undefined;
  /** Not seen to be wrong, but not to be right either. */
  readonly isUnsure?: true;
}

export function runChecks<Model>(checks: readonly Check<Model>[], model: Model): readonly Finding[] {
  return checks.flatMap(({ name, fine, look }): readonly Finding[] => {
    const faults = look(model);
    if (faults === undefined) return [];
    if (faults.length === 0) return [{ check: name, ok: true, says: fine }];
    return grouped(faults).map((same) => findingOf(name, same));
  });
}

/** By what they say; a fault of the main server is found once more in each virtual host that has it from there. */
function grouped(faults: readonly Fault[]): readonly (readonly [Fault, ...Fault[]])[] {
  const groups = new Map<string, [Fault, ...Fault[]]>();
  for (const fault of faults) {
    const key = `${fault.says}\n${fault.remedy}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [fault]);
    else group.push(fault);
  }
  return [...groups.values()];
}

function findingOf(check: string, same: readonly [Fault, ...Fault[]]): Finding {
  const [{ says, remedy, isUnsure }] = same;
  const subjects = [...new Set(same.flatMap((one) => one.of ?? []))];
  const where = placesOf(same.flatMap((one) => one.at ?? []));
  return {
    check,
    ok: isUnsure === true ? 'unknown' : false,
    says: subjects.length === 0 ? says : `${subjects.join(', ')}: ${says}`,
    remedy,
    ...(where === '' ? {} : { where }),
  };
}

/** `httpd.conf:5,6`. */
function placesOf(places: readonly Place[]): string {
  const files = new Map<string, Set<number>>();
  for (const { file, line } of places) files.set(file, (files.get(file) ?? new Set()).add(line));
  return [...files]
    .map(([file, lines]) =>
      [...lines].slice(1).reduce((text, line) => `${text},${line}`, placed({ file, line: [...lines][0]! })),
    )
    .join(' ');
}
