/**
 * Which worker takes a path: JkMount, JkUnMount and uriworkermap.properties, as jk_uri_worker_map.c goes through
 * them: those with more slashes first, then the longer ones. Names of virtual hosts play no part on httpd.
 */

import type { Place } from '../place.ts';
import type { Properties } from './properties.ts';

export interface MountRule {
  readonly path: string;
  readonly worker: string;
  /** `!/path` or JkUnMount: this path does not go to that worker; `*` is every worker. */
  readonly isUnmount: boolean;
  /** `-/path`: as if it were not there. */
  readonly isDisabled: boolean;
  readonly source: 'JkMount' | 'map';
  readonly place: Place;
}

/** `/a|/*` is two rules, `/a` and `/a/*`. What follows a semicolon are settings of the rule. */
export function rulesOf(
  path: string,
  worker: string,
  isUnmount: boolean,
  source: MountRule['source'],
  place: Place,
): readonly MountRule[] {
  const [, disabled, not, plain] = /^(-?)(!?)(.*)$/s.exec(path)!;
  const bar = plain!.indexOf('|');
  const paths = bar < 0 ? [plain!] : [plain!.slice(0, bar), plain!.slice(0, bar) + plain!.slice(bar + 1)];
  return paths.map((one) => ({
    path: one,
    worker: worker.split(';', 1)[0]!.trim(),
    isUnmount: isUnmount || not === '!',
    isDisabled: disabled === '-',
    source,
    place,
  }));
}

export function rulesOfMap({ all }: Properties): readonly MountRule[] {
  return all.flatMap(({ key, value, place }) => rulesOf(key, value, false, 'map', place));
}

export interface Mounted {
  readonly rule: MountRule;
  /** Undefined: nothing takes it away again. */
  readonly unmountedBy: MountRule | undefined;
}

/** @param path without its query, and without path parameters, which play no part here */
export function mountOf(path: string, rules: readonly MountRule[]): Mounted | undefined {
  const sorted = rules.filter(({ isDisabled }) => !isDisabled).sort(order);
  const rule = sorted.find((one) => !one.isUnmount && fits(path, one.path));
  if (rule === undefined) return undefined;
  const unmountedBy = sorted.find(
    (one) => one.isUnmount && (one.worker === '*' || one.worker === rule.worker) && fits(path, one.path),
  );
  return { rule, unmountedBy };
}

function order(a: MountRule, b: MountRule): number {
  const slashes = ({ path }: MountRule) => path.split('/').length;
  const weight = ({ source }: MountRule) => (source === 'map' ? 1 : 0);
  return slashes(b) - slashes(a) || b.path.length - a.path.length || weight(b) - weight(a);
}

/** `*` takes any characters, slashes as well; `?` one. */
export function fits(path: string, pattern: string): boolean {
  if (!/[*?]/.test(pattern)) return path === pattern;
  const text = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`, 's').test(path);
}

/** Without `;name=value` in any of its parts. */
export function withoutParameters(path: string): string {
  return path.replace(/;[^/]*/g, '');
}
