/** What every benchmark is: a name, a title, and rounds that end in a piece of Markdown. */

export interface BenchOptions {
  /** Rounds of each contestant, interleaved: A B C, A B C. Medians are taken over them. */
  readonly rounds: number;
  /** Larger amounts of sign-ons are left out. */
  readonly most: number;
  /** One line of progress. */
  readonly say: (line: string) => void;
}

export interface Bench {
  /** What `--only` takes. */
  readonly key: string;
  readonly title: string;
  run(options: BenchOptions): Promise<string>;
}

/** Runs every contestant once a round, in turn, so that whatever else the machine does meets all of them alike. */
export async function interleaved<T>(
  rounds: number,
  contestants: readonly { readonly name: string; readonly run: () => Promise<T> }[],
  say: (line: string) => void,
): Promise<ReadonlyMap<string, T[]>> {
  const results = new Map<string, T[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const { name, run } of contestants) {
      say(`turn ${round} of ${rounds}: ${name}`);
      results.get(name)!.push(await run());
    }
  }
  return results;
}
