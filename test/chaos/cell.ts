/** Runs one cell: sets the stage, lets the users in, does the harm, waits until nothing is excused any more, and judges. */

import { join } from 'node:path';
import { sharedNow } from '../bench/shared-now.ts';
import { type Judgement, judge } from './judge.ts';
import type { Cell } from './matrix.ts';
import type { FromOracle, ToOracle } from './oracle-process.ts';
import { forkModule } from './processes.ts';
import type { Records } from './records.ts';
import { Stage } from './stage.ts';

export interface CellResult {
  readonly cell: Cell;
  /** Why it did not run. */
  readonly skipped: string | undefined;
  /** Why it could not be run to its end: a node that does not start, or does not end. */
  readonly failed: string | undefined;
  readonly seconds: number;
  readonly records: Records | undefined;
  readonly judgement: Judgement | undefined;
  /** What the nodes said, and what happened when; for a failure. */
  readonly history: string;
}

/** T, milliseconds. */
export const leaseMs = 1_500;
const usualLifeMs = 12 * 3_600_000;
/** Users before the fault, and after everything is well again, milliseconds. */
const beforeMs = 1_500;
const afterMs = 1_200;

/** `folder`: where this folder's modules are compiled. */
export async function runCell(cell: Cell, seed: number, fraction: () => number, folder: string): Promise<CellResult> {
  const begunAt = sharedNow();
  const skipped = cell.skip?.();
  const result = { cell, skipped, failed: undefined, records: undefined, judgement: undefined, history: '' };
  if (skipped !== undefined) return { ...result, seconds: 0 };
  try {
    const ran = await runOnStage(cell, seed, fraction, folder);
    return { ...result, ...ran, seconds: (sharedNow() - begunAt) / 1_000 };
  } catch (error) {
    return { ...result, failed: (error as Error).message, seconds: (sharedNow() - begunAt) / 1_000 };
  }
}

type Ran = Pick<CellResult, 'records' | 'judgement' | 'history'>;

async function runOnStage(cell: Cell, seed: number, fraction: () => number, folder: string): Promise<Ran> {
  const begunAt = sharedNow();
  const { size, voteless = 0, disk = false, lifeMs = usualLifeMs } = cell;
  const program = join(folder, 'node.js');
  const stage = await Stage.set({ size, voteless, disk, leaseMs, lifeMs, program, fraction });
  const oracle = forkModule(join(folder, 'oracle-process.js'));
  try {
    const tell = (message: ToOracle) => void oracle.child.send(message);
    const heard = new Promise<FromOracle>((resolve, reject) => {
      oracle.child.once('message', (message) => resolve(message as FromOracle));
      void oracle.gone.then(() => reject(new Error(`the oracle ended:\n${oracle.errors()}`)));
    });
    heard.catch(() => {});
    tell({ begin: { sites: stage.sites, seed, lifeMs } });
    await stage.wait(beforeMs);
    await cell.fault(stage);
    await stage.untilWell();
    await stage.wait(afterMs);
    const endedAt = sharedNow();
    tell('stop');
    const records = await heard;
    const { excuses, lifeEnds, names: nodes, starved } = stage;
    const judgement = judge(records, { excuses, lifeEnds, nodes, starved, leaseMs, endedAt });
    const events = stage.events.map(({ at, text }) => `${since(begunAt, at)} ${text}`);
    const breaches = judgement.breaches.map(({ rule, text }) => `${rule}: ${readable(text, begunAt)}`);
    const history = [...events, ...breaches.slice(0, breachesShown), stage.errors()].join('\n');
    return { records, judgement, history };
  } finally {
    oracle.child.kill('SIGKILL');
    await oracle.gone;
    await stage.clear();
  }
}

const breachesShown = 12;

const since = (begunAt: number, at: number) => `+${((at - begunAt) / 1_000).toFixed(3)}`;

function readable(text: string, begunAt: number): string {
  return text.replace(/@([\d.]+)@/g, (_, at: string) => since(begunAt, Number(at)));
}
