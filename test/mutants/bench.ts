/** A copy of the code in a directory of its own, in which one mistake at a time is planted. The tree itself is never touched. */

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Mutation, mutated } from './mutation.ts';

/** The top of the tree. */
export const root = join(import.meta.dirname, '../..');

/** What the simulation and the tests import, and what says how it is compiled. */
const copied = ['sso', 'test', 'package.json', 'tsconfig.json'];
/** Under `test`: what is not needed for that. */
const left = ['bench', 'chaos', 'e2e', 'mutants'];

export class Bench {
  readonly directory: string;
  #planted: { readonly path: string; readonly text: string } | undefined;

  constructor(from = root) {
    this.directory = mkdtempSync(join(tmpdir(), 'latchkey-mutants-'));
    for (const name of copied)
      cpSync(join(from, name), join(this.directory, name), {
        recursive: true,
        filter: (source) => !left.some((one) => source === join(from, 'test', one)),
      });
    symlinkSync(join(root, 'node_modules'), join(this.directory, 'node_modules'));
  }

  /** Plants a mistake in the place of the last one. @throws Error as of `mutated` */
  plant(mutation: Mutation): void {
    this.mend();
    const path = join(this.directory, mutation.file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, mutated(text, mutation));
    this.#planted = { path, text };
  }

  mend(): void {
    if (this.#planted !== undefined) writeFileSync(this.#planted.path, this.#planted.text);
    this.#planted = undefined;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
