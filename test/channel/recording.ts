/** What a channel told, in order, and a way to wait for what it will tell: by its events, never by time. */

import type { Channel, ChannelEvents, Peer } from '../../sso/channel/channel.ts';
import type { Log } from '../../sso/log.ts';

export interface Heard {
  readonly what: 'up' | 'down' | 'gap' | 'frame';
  readonly node: string;
  readonly incarnation: number;
  readonly frame?: Uint8Array;
}

/** Something that happens, and those who wait for it. */
export class Happenings {
  readonly #waiting = new Set<() => void>();

  /** Resolves once `holds` does; looks whenever something has happened. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => {
      const look = () => {
        if (!holds()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }

  happened(): void {
    for (const look of this.#waiting) look();
  }
}

export class Recording extends Happenings implements ChannelEvents {
  readonly heard: Heard[] = [];
  /** Whether a frame is one that a member sends. */
  accepts: (frame: Uint8Array) => boolean = () => true;

  up(peer: Peer): void {
    this.#note({ what: 'up', ...peer });
  }

  down(peer: Peer): void {
    this.#note({ what: 'down', ...peer });
  }

  gap(peer: Peer): void {
    this.#note({ what: 'gap', ...peer });
  }

  frame(peer: Peer, frame: Uint8Array): boolean {
    this.#note({ what: 'frame', ...peer, frame });
    return this.accepts(frame);
  }

  /** Without the frames: `up n2`, `down n2`, `gap n2`. */
  get story(): readonly string[] {
    return this.heard.filter(({ what }) => what !== 'frame').map(({ what, node }) => `${what} ${node}`);
  }

  get frames(): readonly Uint8Array[] {
    return this.heard.flatMap(({ frame }) => (frame === undefined ? [] : [frame]));
  }

  /** The frames as text. */
  get texts(): readonly string[] {
    return this.frames.map((frame) => Buffer.from(frame).toString('utf8'));
  }

  count(what: Heard['what'], node?: string): number {
    return this.heard.filter((one) => one.what === what && (node === undefined || one.node === node)).length;
  }

  /** Resolves once this was heard `times` times. */
  hears(what: Heard['what'], node?: string, times = 1): Promise<void> {
    return this.until(() => this.count(what, node) >= times);
  }

  #note(heard: Heard): void {
    this.heard.push(heard);
    this.happened();
  }
}

/** Opens a channel and records what it tells. */
export async function record(channel: Channel): Promise<Recording> {
  const recording = new Recording();
  await channel.open(recording);
  return recording;
}

export interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A log that can be read, and waited for. */
export class RecordedLog extends Happenings implements Log {
  readonly lines: Line[] = [];
  readonly debug = this.#writer('debug');
  readonly info = this.#writer('info');
  readonly warn = this.#writer('warn');
  readonly error = this.#writer('error');

  /** What an operator has to read. */
  get warnings(): readonly Line[] {
    return this.lines.filter(({ level }) => level === 'warn' || level === 'error');
  }

  says(pattern: RegExp): Promise<void> {
    return this.until(() => this.lines.some((line) => pattern.test(text(line))));
  }

  #writer(level: Line['level']) {
    return (fields: object, message: string): void => {
      this.lines.push({ level, fields: fields as Line['fields'], message });
      this.happened();
    };
  }
}

export function text({ level, message, fields }: Line): string {
  return `${level} ${message} ${JSON.stringify(fields)}`;
}

/** Runs a test that waits for nothing but timers which do not keep a process alive. */
export async function awake(run: () => Promise<void>): Promise<void> {
  const alive = setInterval(() => {}, 60_000);
  try {
    await run();
  } finally {
    clearInterval(alive);
  }
}

/** Resolves once `holds` does; for what is told by no event. The test's own limit ends it otherwise. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => void setImmediate(resolve));
}
