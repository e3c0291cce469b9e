/** A mistake that is planted into a copy of the code: one place is replaced, nothing else. */

export interface Mutation {
  /** What is wrong with the code then; unique. */
  readonly name: string;
  /** The words of FINAL-LOGOUT.md that it goes against. */
  readonly rule: string;
  readonly file: string;
  /** Exact; occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Rules of the simulation that are expected to say so; none: only unit tests can. */
  readonly breaks: readonly string[];
  /** The file in test/simulation/histories that has a script for it: run first. */
  readonly history?: string;
  /** Found within seconds: CI plants it at every change. */
  readonly quick?: true;
  /** It is known that neither seeds nor scripts find it: why that is no gap. README.md has the table. */
  readonly survives?: string;
}

/** How often the place to be changed occurs. Once, or the list has rotted. */
export function occurrences(text: string, { find }: Mutation): number {
  return text.split(find).length - 1;
}

/** @throws Error the place does not occur exactly once, or nothing would change */
export function mutated(text: string, mutation: Mutation): string {
  const { name, file, find, replace } = mutation;
  const count = occurrences(text, mutation);
  if (count !== 1) throw new Error(`"${name}": its place occurs ${count} times in ${file}`);
  if (find === replace) throw new Error(`"${name}" changes nothing`);
  return text.replace(find, () => replace);
}
