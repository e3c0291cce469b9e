/** What a request's session held that could not be kept as it was, with the path that leads to it. */

export interface Problem {
  /** Such as `cart.items[3].socket`. */
  readonly path: string;
  /** Why, as the rest of a sentence that begins with the path. */
  readonly what: string;
  /** What it is said of once for all its paths: a class. Default: the path. */
  readonly about?: string | undefined;
}

/** One step of a path: an own property, a place in an array, or the member of a Map or Set. */
export type Step = string | number | { readonly verb: 'get' | 'has'; readonly key: unknown };

/** Of a path that goes deeper than anybody reads, the beginning and the end. */
export function pathOf(steps: readonly Step[]): string {
  if (steps.length > 24) return `${pathOf(steps.slice(0, 16))}…${steps.slice(-4).map(stepText).join('')}`;
  return steps.map((step, at) => (at === 0 && typeof step === 'string' ? step : stepText(step))).join('');
}

function stepText(step: Step): string {
  if (typeof step === 'number') return `[${step}]`;
  if (typeof step === 'object')
    return `.${step.verb}(${typeof step.key === 'string' ? JSON.stringify(step.key) : brief(step.key)})`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

function brief(key: unknown): string {
  return typeof key === 'object' && key !== null ? '…' : typeof key === 'bigint' ? `${key}n` : String(key);
}

/** The name of a class with its article. `U` is mostly spoken as in `Url`. */
export function aNoun(name: string): string {
  return `${/^[aeio]/i.test(name) ? 'an' : 'a'} ${name}`;
}

/** What cannot be kept of an attribute: nothing of it is, and the problems say why. */
export const refusal: unique symbol = Symbol('refusal');

/** The problems of one comparison, each path once, and no more than tell what is wrong. */
export class Problems {
  readonly leftOut: Problem[] = [];
  readonly refused: Problem[] = [];

  leaveOut(path: string, what: string, about?: string): void {
    add(this.leftOut, about === undefined ? { path, what } : { path, what, about });
  }

  refuse(path: string, what: string): void {
    add(this.refused, { path, what });
  }
}

/** Of what something is said once. */
export const subjectOf = ({ path, about }: Problem): string => about ?? path;

/** More of one kind than this say nothing new. */
const maxProblems = 20;

function add(problems: Problem[], problem: Problem): void {
  const subject = subjectOf(problem);
  if (problems.length < maxProblems && !problems.some((other) => subjectOf(other) === subject)) problems.push(problem);
}
