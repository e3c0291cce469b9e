/**
 * A directory that is somebody's own functions. They are not trusted to keep the port's promises, so this
 * does: a throw, an answer that does not come, and an object that is no answer of the port are
 * `unavailable` (check 40). "There is an object" is never "let in".
 */

import {
  type Check,
  type Directory,
  type Found,
  groupList,
  nameLengthAtMost,
  type Person,
  personLimits,
} from './directory.ts';

export interface OwnDirectoryOptions {
  readonly name: string;
  /** As `Directory.check` and `find`, and may throw; what they give is looked at before it is believed. */
  readonly check: (name: string, password: string) => unknown;
  readonly find: (name: string) => unknown;
  readonly close?: () => Promise<void>;
  /** The longest that an answer may take, milliseconds. Default 8,000: less than a form's own limit, so that people are told why. */
  readonly timeLimitMs?: number;
}

export function ownDirectory({ name, check, find, close, timeLimitMs = 8_000 }: OwnDirectoryOptions): Directory {
  const asked = async <T>(ask: () => unknown, parse: (answer: unknown) => T | undefined): Promise<T | Unavailable> => {
    try {
      const answer = await inTime(timeLimitMs, Promise.resolve().then(ask));
      if (answer === late) return unavailable(`no answer within ${timeLimitMs} ms`);
      return parse(answer) ?? unavailable('its answer is not one of a directory');
    } catch (error) {
      return unavailable(error instanceof Error ? error.message : 'it threw something that is no error');
    }
  };
  return {
    name,
    async check(asks, password): Promise<Check> {
      if (password === '' || !isPlausible(asks)) return { kind: 'refused' };
      return asked(() => check(asks, password), parseCheck);
    },
    async find(asks): Promise<Found> {
      if (!isPlausible(asks)) return { kind: 'gone' };
      return asked(() => find(asks), parseFound);
    },
    close: async () => close?.(),
  };
}

interface Unavailable {
  readonly kind: 'unavailable';
  readonly why: string;
}

const unavailable = (why: string): Unavailable => ({ kind: 'unavailable', why });

const late = Symbol('no answer in time');

async function inTime<T>(ms: number, work: Promise<T>): Promise<T | typeof late> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<typeof late>((resolve) => {
    timer = setTimeout(() => resolve(late), ms);
  });
  return Promise.race([work, end]).finally(() => clearTimeout(timer));
}

/** Whether anybody could be called so. */
export function isPlausible(name: string): boolean {
  return name.trim() !== '' && name.length <= nameLengthAtMost && !/[\p{Cc}\p{Cs}]/u.test(name);
}

function parseCheck(answer: unknown): Check | undefined {
  const { kind, person, why } = fieldsOf(answer);
  if (kind === 'refused' || kind === 'busy') return { kind };
  if (kind === 'unavailable') return unavailable(typeof why === 'string' ? why : 'it does not say why');
  const known = kind === 'known' ? parsePerson(person) : undefined;
  return known && { kind: 'known', person: known };
}

function parseFound(answer: unknown): Found | undefined {
  const { kind, person, why, disabled } = fieldsOf(answer);
  if (kind === 'gone') return disabled === true ? { kind, disabled } : { kind };
  if (kind === 'unavailable') return unavailable(typeof why === 'string' ? why : 'it does not say why');
  const found = kind === 'found' ? parsePerson(person) : undefined;
  return found && { kind: 'found', person: found };
}

function fieldsOf(answer: unknown): Readonly<Record<string, unknown>> {
  if (typeof answer !== 'object' || answer === null || answer instanceof Error || 'error' in answer) return {};
  return answer as Readonly<Record<string, unknown>>;
}

/** The person in `value`, or `undefined`: a name, groups that are a bounded list of names, and text. */
function parsePerson(value: unknown): Person | undefined {
  const { name, displayName, email, groups = [] } = fieldsOf(value);
  if (typeof name !== 'string' || !isPlausible(name)) return undefined;
  if (!Array.isArray(groups) || groups.length > personLimits.groups) return undefined;
  const isGroup = (group: unknown): group is string =>
    typeof group === 'string' && group !== '' && group.length <= personLimits.groupLength;
  if (!groups.every(isGroup)) return undefined;
  return {
    name,
    ...(typeof displayName === 'string' && { displayName: displayName.slice(0, personLimits.textLength) }),
    ...(typeof email === 'string' && { email: email.slice(0, personLimits.textLength) }),
    groups: groupList(groups),
  };
}
