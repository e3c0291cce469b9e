/** The rooms above that talk over this gossip, in the order in which they began to listen, and which frames are whose. */

import type { Listener } from './talk.ts';

interface Room {
  readonly firstType: number;
  readonly listener: Listener;
}

export class Rooms {
  readonly #rooms: Room[] = [];

  /** @throws Error where two rooms want the same frames */
  add(listener: Listener, firstType: number): void {
    if (this.#rooms.some((room) => room.firstType === firstType))
      throw new Error(`two rooms listen for frames from type ${firstType} on`);
    this.#rooms.push({ firstType, listener });
  }

  get all(): readonly Listener[] {
    return this.#rooms.map(({ listener }) => listener);
  }

  /** Whose frames of this type are; `undefined`: nobody's. */
  of(type: number): Listener | undefined {
    let found: Room | undefined;
    for (const room of this.#rooms)
      if (room.firstType <= type && (found === undefined || room.firstType > found.firstType)) found = room;
    return found?.listener;
  }

  /** What is told to whoever compares with this node; 0 where no room has a word in it. */
  mark(): number {
    for (const { listener } of this.#rooms) if (listener.mark !== undefined) return listener.mark();
    return 0;
  }
}
