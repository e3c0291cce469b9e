/**
 * Starts the demonstration: each node a process of its own, so that one can be killed and the others
 * go on. The secret is made anew at each start and handed over the pipe, never on a command line or in
 * the environment. What the nodes keep on disk, so that they may all be killed at once, lies in a directory
 * of the system's temporary one. When the starter ends, however it ends, the pipe closes, the nodes end
 * too, and that directory is gone.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nextSignal } from '../signals.ts';
import { UsageError } from '../usage.ts';
import type { FromNode, NodePlace, NodeStatus, ToNode } from './messages.ts';
import { whatToTry } from './what-to-try.ts';

export interface DemoOptions {
  readonly port: number;
  readonly nodes: number;
}

/** How long a killed node stays away before it is started again, milliseconds. */
const restartAfterMs = 60_000;
/** How long nodes may take to say goodbye, milliseconds. */
const stopWithinMs = 3_000;

/** Resolves when it was ended by SIGINT or SIGTERM. @throws UsageError a port is in use, or a node could not start */
export async function runDemo({ port, nodes }: DemoOptions): Promise<void> {
  const places = Array.from({ length: nodes }, (_, index) => ({
    name: `node${index + 1}`,
    port: port + index,
    meshPort: port + index + 10_000,
  }));
  const processes = new NodeProcesses(places);
  const ended = nextSignal();
  try {
    await Promise.race([processes.start(), ended]);
    if (!processes.stopping) console.log(whatToTry(places, processes.pids()));
    await ended;
    console.log('\nStopping the nodes.');
  } finally {
    await processes.stop();
  }
}

/** The processes of the demonstration. */
class NodeProcesses {
  readonly #places: readonly NodePlace[];
  readonly #secret = randomBytes(32).toString('hex');
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'latchkey-demo-'));
  readonly #children = new Map<string, ChildProcess>();
  readonly #restarts = new Map<string, NodeJS.Timeout>();
  stopping = false;

  constructor(places: readonly NodePlace[]) {
    this.#places = places;
  }

  async start(): Promise<void> {
    await Promise.all(this.#places.map((place) => this.#launch(place)));
    this.#tellStatus();
  }

  pids(): ReadonlyMap<string, number | undefined> {
    return new Map([...this.#children].map(([name, child]) => [name, child.pid]));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    for (const timer of this.#restarts.values()) clearTimeout(timer);
    await Promise.all([...this.#children.values()].map(endChild));
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  /** Resolves when the node is ready. */
  #launch(place: NodePlace): Promise<void> {
    const child = fork(fileURLToPath(new URL(`./process${extname(import.meta.url)}`, import.meta.url)), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#children.set(place.name, child);
    const settings = {
      self: place,
      nodes: this.#places,
      secret: this.#secret,
      dataDir: join(this.#dataDir, place.name),
    };
    send(child, { kind: 'start', settings });
    return new Promise((resolve, reject) => {
      child.on('message', (message: FromNode) => {
        if (message.kind === 'ready') {
          this.#watch(place, child);
          resolve();
        } else if (message.kind === 'failed') reject(new UsageError(message.message));
        else if (message.kind === 'dying') this.#tellStatus(place.name);
        else if (message.kind === 'power-cut') this.#powerCut();
        else this.#restart(message.name);
      });
      child.on('error', (error) => reject(new UsageError(`${place.name} could not be started: ${error.message}`)));
      child.once('exit', () => reject(new UsageError(`${place.name} ended before it was ready`)));
    });
  }

  /** Once a node runs: says when it ends, and starts it again after a while. */
  #watch(place: NodePlace, child: ChildProcess): void {
    child.once('exit', (_code, signal) => {
      if (this.stopping) return;
      this.#children.delete(place.name);
      this.#restarts.set(
        place.name,
        setTimeout(() => this.#restart(place.name), restartAfterMs),
      );
      const how = signal === 'SIGKILL' ? 'was killed' : 'ended';
      console.log(
        `${place.name} ${how} (process ${child.pid}). The others go on. It starts again in ${restartAfterMs / 1000} seconds.`,
      );
      this.#tellStatus();
    });
  }

  #restart(name: string): void {
    const place = this.#places.find((one) => one.name === name);
    if (place === undefined || this.stopping || this.#children.has(name)) return;
    clearTimeout(this.#restarts.get(name));
    this.#restarts.delete(name);
    this.#launch(place).then(
      () => {
        console.log(`${name} is back (process ${this.#children.get(name)?.pid}).`);
        this.#tellStatus();
      },
      (error: Error) => {
        this.#children.delete(name);
        if (this.stopping) return;
        console.error(`latchkey: ${name} could not start again: ${error.message}`);
        this.#restarts.set(
          name,
          setTimeout(() => this.#restart(name), restartAfterMs),
        );
      },
    );
  }

  /** Every node at once, without a word, as when the power fails; then all are started again. */
  #powerCut(): void {
    console.log('Power cut: every node is killed, and started again from its data directory.');
    const victims = [...this.#children.values()];
    this.#children.clear();
    for (const child of victims) child.removeAllListeners('exit');
    void Promise.all(victims.map(killChild)).then(() => {
      for (const { name } of this.#places) this.#restart(name);
    });
  }

  #tellStatus(dying?: string): void {
    const nodes: NodeStatus[] = this.#places.map(({ name }) => ({
      name,
      running: this.#children.has(name) && name !== dying,
    }));
    for (const child of this.#children.values()) send(child, { kind: 'status', nodes });
  }
}

function send(child: ChildProcess, message: ToNode): void {
  // A child that ended meanwhile has its own event for it.
  if (child.connected) child.send(message, () => {});
}

function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
    child.once('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    send(child, { kind: 'stop' });
  });
}
