/**
 * Few different things that very many records name: each has a number while anybody names it. Who is named no more, as a
 * life whose last session is gone, is let go of, and its number is given to the next one.
 */

export class Numbered<T> {
  readonly #byText = new Map<string, number>();
  readonly #things: (Thing<T> | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#byText.size;
  }

  /** The number of a thing, for one that names it; equal things have the same text. */
  take(text: string, value: T): number {
    const known = this.#byText.get(text);
    if (known !== undefined) {
      this.#things[known]!.named++;
      return known;
    }
    const number = this.#free.pop() ?? this.#things.length;
    this.#things[number] = { text, value, named: 1 };
    this.#byText.set(text, number);
    return number;
  }

  /** What has a number that was taken and not dropped since. */
  get(number: number): T {
    return this.#things[number]!.value;
  }

  /** One names it no more. */
  drop(number: number): void {
    const thing = this.#things[number]!;
    if (--thing.named > 0) return;
    this.#byText.delete(thing.text);
    this.#things[number] = undefined;
    this.#free.push(number);
  }
}

interface Thing<T> {
  readonly text: string;
  readonly value: T;
  named: number;
}
