/**
 * What happened in one seed: a running hash that any difference changes, and the operations as text
 * for whoever has to understand a failure. Texts are made only when they are asked for.
 */

import { startAt } from './schedule.ts';

interface Line {
  readonly at: number;
  /** What it concerns: a sign-on's or a session's id, a user, or '' for faults, which concern everything. */
  readonly about: string;
  readonly text: () => string;
}

export class History {
  readonly #lines: Line[] = [];
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;

  /** Notes an operation or a fault. */
  note(at: number, about: string, text: () => string): void {
    this.#lines.push({ at, about, text });
    this.mix(at);
    this.mixText(about);
  }

  /** Adds a number to the trace. */
  mix(value: number): void {
    const whole = Math.floor(value * 1_000);
    this.#low = Math.imul(this.#low ^ whole, 0x01000193) >>> 0;
    this.#high = (Math.imul(this.#high ^ (whole / 0x1_0000_0000), 0x85ebca6b) + this.#low) >>> 0;
  }

  mixText(text: string): void {
    for (let i = 0; i < text.length; i += 4) this.#low = Math.imul(this.#low ^ text.charCodeAt(i), 0x01000193) >>> 0;
    this.mix(text.length);
  }

  /** Adds some of a frame's bytes: enough that frames which differ are told apart. */
  mixBytes(bytes: Uint8Array): void {
    const stride = Math.max(1, bytes.length >> 4);
    for (let i = 0; i < bytes.length; i += stride) this.#low = Math.imul(this.#low ^ bytes[i]!, 0x01000193) >>> 0;
    this.mix(bytes.length);
  }

  get hash(): string {
    return this.#high.toString(16).padStart(8, '0') + this.#low.toString(16).padStart(8, '0');
  }

  /** The last operations about any of these, and the last faults, oldest first. */
  about(subjects: readonly string[], operations = 40, faults = 30): readonly string[] {
    const wanted = new Set(subjects);
    const told = new Set([
      ...this.#lines.filter(({ about }) => wanted.has(about)).slice(-operations),
      ...this.#lines.filter(({ about }) => about === '').slice(-faults),
    ]);
    return this.#lines
      .filter((line) => told.has(line))
      .map((line) => `${((line.at - startAt) / 1000).toFixed(3).padStart(9)} s  ${line.text()}`);
  }
}
