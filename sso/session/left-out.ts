/** What of sessions is not kept, and how their application learns of it: paths and reasons, never values. */

import { SsoError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Problem, subjectOf } from './graph/problem.ts';

/** Functions and symbols are left out, as by JSON, and of some classes the class: said once for each path, or class. */
export class LeftOut {
  readonly #app: string;
  readonly #log: Log;
  readonly #said = new Set<string>();

  constructor(app: string, log: Log) {
    this.#app = app;
    this.#log = log;
  }

  warn(problems: readonly Problem[]): void {
    for (const problem of problems) {
      const { path, what } = problem;
      const subject = subjectOf(problem);
      // Paths may hold names that users chose.
      if (this.#said.has(subject) || this.#said.size >= subjectsAtMost) continue;
      this.#said.add(subject);
      this.#log.warn({ app: this.#app, path }, `session: ${path} ${what}`);
    }
  }
}

/** What cannot travel. The rest of the session is written. */
export function refusal(problems: readonly Problem[]): SsoError {
  const told = problems.slice(0, toldAtMost).map(({ path, what }) => `${path} ${what}`);
  const more = problems.length > toldAtMost ? ` (and ${problems.length - toldAtMost} more)` : '';
  return new SsoError('ERR_SESSION_INVALID', `the session holds what cannot be kept: ${told.join('; ')}${more}`);
}

const subjectsAtMost = 1_000;
const toldAtMost = 5;
