/**
 * The waiting timers of a clock that a test drives: a heap in the order of their instants, ties in the
 * order they were set. Whoever cancels a timer marks it himself: nothing is taken out of the middle.
 */

export interface Timed {
  /** When it is due, in the milliseconds of whoever keeps the heap. */
  readonly at: number;
  /** Counts up with every timer that is set. */
  readonly order: number;
}

const isBefore = (a: Timed, b: Timed) => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Puts a timer in its place: `heap[0]` is always the next one due. */
export function pushTimer<T extends Timed>(heap: T[], timer: T): void {
  let index = heap.push(timer) - 1;
  while (index > 0) {
    const above = (index - 1) >> 1;
    if (!isBefore(timer, heap[above]!)) break;
    heap[index] = heap[above]!;
    index = above;
  }
  heap[index] = timer;
}

/** Takes the next timer, `heap[0]`, off. The heap must not be empty. */
export function popTimer<T extends Timed>(heap: T[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  let index = 0;
  for (;;) {
    let below = 2 * index + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
    if (!isBefore(heap[below]!, last)) break;
    heap[index] = heap[below]!;
    index = below;
  }
  heap[index] = last;
}
