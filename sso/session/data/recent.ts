/** What was used last, so many at most: who comes in says who has to go. In the order of their coming, nothing is searched. */

/** How far back one is looked for whose place another takes: requests that are answered at the same time. */
const lookBack = 4;

export class Recent<T> {
  readonly #list: (T | undefined)[];
  #next = 0;

  constructor(size: number) {
    this.#list = new Array<T | undefined>(size).fill(undefined);
  }

  /**
   * Takes one in. Returns the one that has to go for it, if any.
   * @param before it takes the place of this one, if that has just come: nobody has to go then
   */
  add(item: T, before?: T): T | undefined {
    const list = this.#list;
    if (before !== undefined)
      for (let back = 1; back <= lookBack; back++) {
        const at = (this.#next - back + list.length) % list.length;
        if (list[at] !== before) continue;
        list[at] = item;
        return undefined;
      }
    const gone = list[this.#next];
    list[this.#next] = item;
    this.#next = (this.#next + 1) % list.length;
    return gone;
  }
}
