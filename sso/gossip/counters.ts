/** What was counted, by name: metrics show it as it stands here. */

export class Counters {
  readonly #counts = new Map<string, number>();

  count(name: string, by = 1): void {
    if (by !== 0) this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  all(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
