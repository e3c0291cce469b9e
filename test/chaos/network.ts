/**
 * A proxy on every directed link of a cluster: one for each ordered pair (who dials, who is dialled). A
 * pair of nodes has one connection, dialled by either, so what goes from one node to the other passes
 * `forth` through one proxy or `back` through another; this sets both.
 */

import { FaultProxy, type Weather } from './fault-proxy.ts';

export interface Place {
  readonly name: string;
  /** Of its mesh listener on loopback. */
  readonly port: number;
}

export class FaultNetwork {
  readonly #places: readonly Place[];
  readonly #proxies = new Map<string, FaultProxy>();

  constructor(places: readonly Place[], fraction: () => number) {
    this.#places = places;
    for (const dialler of places)
      for (const target of places)
        if (dialler !== target)
          this.#proxies.set(key(dialler.name, target.name), new FaultProxy(target.port, fraction));
  }

  async start(): Promise<this> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.start()));
    return this;
  }

  async end(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.end()));
  }

  /** Where `node` dials the others in truth, by their addresses. */
  reachOf(node: string): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.#places
        .filter(({ name }) => name !== node)
        .map(({ name, port }) => [`127.0.0.1:${port}`, `127.0.0.1:${this.#proxy(node, name).port}`]),
    );
  }

  /** The weather of all that `from` sends to `to`. */
  set(from: readonly string[], to: readonly string[], weather: Partial<Weather>): void {
    for (const [one, other] of pairs(from, to)) {
      this.#proxy(one, other).set('forth', weather);
      this.#proxy(other, one).set('back', weather);
    }
  }

  /** The weather between both, in both directions. */
  between(some: readonly string[], others: readonly string[], weather: Partial<Weather>): void {
    this.set(some, others, weather);
    this.set(others, some, weather);
  }

  everywhere(weather: Partial<Weather>): void {
    const all = this.#places.map(({ name }) => name);
    this.set(all, all, weather);
  }

  /** Ends the connections between both. With `refuse` no new ones come until `accept`. */
  lose(some: readonly string[], others: readonly string[]): void {
    this.#both(some, others, (proxy) => proxy.lose());
  }

  cut(some: readonly string[], others: readonly string[]): void {
    this.#both(some, others, (proxy) => {
      proxy.refuse(true);
      proxy.lose();
    });
  }

  mend(some: readonly string[], others: readonly string[]): void {
    this.#both(some, others, (proxy) => proxy.refuse(false));
  }

  /** Leaves the connections between both half-open for ever. */
  forget(some: readonly string[], others: readonly string[]): void {
    this.#both(some, others, (proxy) => proxy.forget());
  }

  #both(some: readonly string[], others: readonly string[], act: (proxy: FaultProxy) => void): void {
    for (const [one, other] of pairs(some, others))
      for (const [a, b] of [
        [one, other],
        [other, one],
      ] as const)
        act(this.#proxy(a, b));
  }

  #proxy(dialler: string, target: string): FaultProxy {
    return this.#proxies.get(key(dialler, target))!;
  }
}

const key = (dialler: string, target: string) => `${dialler}>${target}`;

function pairs(some: readonly string[], others: readonly string[]): readonly (readonly [string, string])[] {
  return some.flatMap((one) => others.filter((other) => other !== one).map((other) => [one, other] as const));
}
