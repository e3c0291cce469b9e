/**
 * A cluster of real processes with a proxy on every link, and the hands that do harm to it. Each harm is
 * noted with its instant, and what it allows is noted beside it; the judge reads both.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sharedNow } from '../bench/shared-now.ts';
import type { Excuse, LifeEnd } from './judge.ts';
import { FaultNetwork } from './network.ts';
import type { NodeSettings } from './node-settings.ts';
import { type Running, runModule } from './processes.ts';
import type { Refusal } from './records.ts';
import { type Span, StarvationWatch } from './starvation.ts';
import type { Site } from './traffic.ts';

export interface StageOptions {
  readonly size: number;
  /** Nodes besides, that have no vote. */
  readonly voteless: number;
  readonly disk: boolean;
  readonly leaseMs: number;
  readonly lifeMs: number;
  /** The compiled `node.js`. */
  readonly program: string;
  readonly fraction: () => number;
}

interface Place {
  readonly name: string;
  readonly port: number;
  readonly httpPort: number;
  readonly dataDir: string | undefined;
  running: Running | undefined;
}

/** A start may take so long, milliseconds. */
const startMs = 20_000;
/** And an end. */
const endMs = 10_000;
/** L1: after a fault, besides T. */
const wellMs = 2_000;

export class Stage {
  readonly options: StageOptions;
  readonly network: FaultNetwork;
  readonly excuses: Excuse[] = [];
  readonly lifeEnds: LifeEnd[] = [];
  /** What happened, in words. */
  readonly events: { readonly at: number; readonly text: string }[] = [];
  readonly folder: string;
  readonly #places: readonly Place[];
  readonly #lastActs: (() => void)[] = [];
  readonly #starvation: StarvationWatch;

  private constructor(options: StageOptions, folder: string, ports: readonly number[]) {
    this.options = options;
    this.folder = folder;
    this.#places = Array.from({ length: ports.length / 2 }, (_, i) => ({
      name: `n${i + 1}`,
      port: ports[2 * i]!,
      httpPort: ports[2 * i + 1]!,
      dataDir: options.disk ? join(folder, `n${i + 1}`) : undefined,
      running: undefined,
    }));
    this.network = new FaultNetwork(this.#places, options.fraction);
    this.#starvation = new StarvationWatch(() => this.#places.flatMap(({ running }) => running?.child.pid ?? []));
  }

  /** Every node is up and ready. */
  static async set(options: StageOptions): Promise<Stage> {
    const ports = await freePorts((options.size + options.voteless) * 2, options.fraction);
    const stage = new Stage(options, mkdtempSync(join(tmpdir(), 'latchkey-chaos-')), ports);
    try {
      await stage.network.start();
      for (const { dataDir } of stage.#places) if (dataDir !== undefined) mkdirSync(dataDir);
      await stage.start(stage.names);
      return stage;
    } catch (error) {
      await stage.clear();
      throw error;
    }
  }

  async clear(): Promise<void> {
    this.#starvation.end();
    await Promise.all(
      this.#places.map(async ({ running }) => {
        running?.child.kill('SIGKILL');
        await running?.gone;
      }),
    );
    await this.network.end();
    for (const act of this.#lastActs) act();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get names(): readonly string[] {
    return this.#places.map(({ name }) => name);
  }

  get sites(): readonly Site[] {
    return this.#places.map(({ name, httpPort }) => ({ name, port: httpPort }));
  }

  /** When the machine had no processor for a node. */
  get starved(): readonly Span[] {
    return this.#starvation.spans;
  }

  /** How many voters are the largest minority. */
  get minority(): number {
    return Math.ceil(this.options.size / 2) - 1;
  }

  /** So many voters, by chance. */
  some(count: number): readonly string[] {
    const voters = this.names.slice(0, this.options.size);
    const keys = new Map(voters.map((name) => [name, this.options.fraction()]));
    return voters.sort((a, b) => keys.get(a)! - keys.get(b)!).slice(0, count);
  }

  others(names: readonly string[]): readonly string[] {
    return this.names.filter((name) => !names.includes(name));
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  note(text: string): void {
    this.events.push({ at: sharedNow(), text });
  }

  /** From now on `nodes` may refuse so; the function that is given says that the fault is over, and until when they may: 2 s and T later, if nothing is said. */
  excuse(nodes: readonly string[], kinds: readonly Refusal[]): (forMs?: number) => void {
    const from = sharedNow();
    const at = this.excuses.push({ nodes, kinds, from, to: Number.MAX_VALUE, overAt: Number.MAX_VALUE }) - 1;
    return (forMs = wellMs + this.options.leaseMs) => {
      const overAt = sharedNow();
      this.excuses[at] = { nodes, kinds, from, to: overAt + forMs, overAt };
    };
  }

  /** Resolves when nothing is excused any more. */
  async untilWell(): Promise<void> {
    const last = Math.max(0, ...this.excuses.map(({ to }) => to).filter((to) => to < Number.MAX_VALUE));
    await this.wait(Math.max(0, last - sharedNow()));
  }

  /** Starts these and waits until they are ready. */
  async start(names: readonly string[]): Promise<void> {
    const starting = this.#of(names);
    for (const place of starting)
      place.running = runModule(this.options.program, JSON.stringify(this.#settingsOf(place)));
    if (this.events.length > 0) this.note(`${names} started`);
    await Promise.all(starting.map((place) => this.#ready(place)));
    this.note(`${names} ready`);
  }

  async kill(names: readonly string[]): Promise<void> {
    for (const { running } of this.#of(names)) running!.child.kill('SIGKILL');
    await this.#gone(names, this.options.disk ? 'disk' : 'lost');
    this.note(`${names} killed`);
  }

  pause(names: readonly string[]): void {
    this.note(`${names} paused`);
    for (const { running } of this.#of(names)) running!.child.kill('SIGSTOP');
  }

  resume(names: readonly string[]): void {
    this.note(`${names} resumed`);
    for (const { running } of this.#of(names)) running!.child.kill('SIGCONT');
  }

  /** Ends them as an operator would; resolves when they are gone. */
  async terminate(names: readonly string[]): Promise<void> {
    this.note(`${names} told to stop`);
    for (const { running } of this.#of(names)) running!.child.kill('SIGTERM');
    await this.#gone(names, 'handed-over');
  }

  /** To be done when every process of this stage is gone. */
  onClear(act: () => void): void {
    this.#lastActs.push(act);
  }

  /** What the nodes have said that was no good news. */
  errors(): string {
    return this.#places
      .map(({ name, running }) => ({ name, text: running?.errors() ?? '' }))
      .filter(({ text }) => text !== '')
      .map(({ name, text }) => `${name}: ${text}`)
      .join('\n');
  }

  dataDirOf(name: string): string | undefined {
    return this.#of([name])[0]!.dataDir;
  }

  #of(names: readonly string[]): readonly Place[] {
    return this.#places.filter(({ name }) => names.includes(name));
  }

  async #gone(names: readonly string[], memory: LifeEnd['memory']): Promise<void> {
    const gone = Promise.all(this.#of(names).map(({ running }) => running!.gone));
    const late = new Promise<never>((_, reject) =>
      setTimeout(reject, endMs, new Error(`${names} did not end`)).unref(),
    );
    await Promise.race([gone, late]);
    for (const node of names) this.lifeEnds.push({ node, at: sharedNow(), memory });
  }

  #settingsOf({ name, port, httpPort, dataDir }: Place): NodeSettings {
    const { size, leaseMs, lifeMs } = this.options;
    return {
      name,
      listen: `127.0.0.1:${port}`,
      nodes: this.#places.slice(0, size).map((place) => `127.0.0.1:${place.port}`),
      reach: this.network.reachOf(name),
      httpPort,
      leaseMs,
      lifeMs,
      dataDir,
    };
  }

  async #ready({ name, httpPort, running }: Place): Promise<void> {
    const until = sharedNow() + startMs;
    for (;;) {
      const why = await whyNotReady(httpPort);
      if (why === undefined) return;
      if (running!.child.exitCode !== null || running!.child.signalCode !== null)
        throw new Error(`${name} ended while it started:\n${running!.errors()}`);
      if (sharedNow() > until)
        throw new Error(`${name} was not ready after ${startMs} ms: ${why}\n${running!.errors()}`);
      await this.wait(50);
    }
  }
}

async function whyNotReady(port: number): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(1_000) });
    return answer.ok ? undefined : await answer.text();
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}

/** Ports below those that operating systems give to whoever connects, so that a node that was killed finds its own again. */
async function freePorts(count: number, fraction: () => number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 12_000 + Math.floor(fraction() * 16_000);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
