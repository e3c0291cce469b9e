/** The `key=value` words of ProxyPass, BalancerMember and ProxySet: which there are, and how they are read. */

import type { Place } from '../place.ts';

export interface Parameter {
  readonly key: string;
  readonly value: string;
  readonly place: Place;
}

/** By key in lower case; of one key the last counts. */
export type Parameters = ReadonlyMap<string, Parameter>;

export const memberKeys: readonly string[] = [
  ...['loadfactor', 'retry', 'ttl', 'min', 'max', 'smax', 'acquire', 'timeout', 'iobuffersize', 'receivebuffersize'],
  ...['keepalive', 'disablereuse', 'enablereuse', 'addressttl', 'route', 'redirect', 'status', 'flushpackets'],
  ...['flushwait', 'flusher', 'ping', 'lbset', 'connectiontimeout', 'upgrade', 'responsefieldsize', 'secret'],
  ...['hcmethod', 'hctemplate', 'hcinterval', 'hcpasses', 'hcfails', 'hcuri', 'hcexpr'],
];

export const balancerKeys: readonly string[] = [
  ...['stickysession', 'stickysessionsep', 'nofailover', 'timeout', 'maxattempts', 'lbmethod', 'scolonpathdelim'],
  ...['failonstatus', 'failontimeout', 'nonce', 'growth', 'forcerecovery'],
];

/** Words without "=" are left out: they are names, or flags of ProxyPass. */
export function parametersOf(words: readonly string[], place: Place): Parameters {
  const found = new Map<string, Parameter>();
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals <= 0) continue;
    const key = word.slice(0, equals).toLowerCase();
    found.set(key, { key, value: word.slice(equals + 1), place });
  }
  return found;
}

export function isOn(parameter: Parameter | undefined): boolean {
  return parameter?.value.toLowerCase() === 'on';
}

/** Seconds, of `5`, `5s`, `500ms`, `1min`, `1h`; undefined: there is none that could be read. */
export function secondsOf(text: string | undefined): number | undefined {
  const [, number, unit = 's'] = /^(\d+)(ms|s|mi(?:n)?|h)?$/i.exec(text ?? '') ?? [];
  if (number === undefined) return undefined;
  const factor = { ms: 0.001, s: 1, mi: 60, min: 60, h: 3600 }[unit.toLowerCase()] ?? 1;
  return Number(number) * factor;
}
