/** A node's process: does what the starter says over the pipe, and ends when the pipe closes. */

import { rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from '../../config/document.ts';
import { SsoError } from '../../sso/index.ts';
import { UsageError } from '../usage.ts';
import type { FromNode, NodeSettings, NodeStatus, ToNode } from './messages.ts';
import { type DemoNode, startDemoNode } from './node.ts';

let node: DemoNode | undefined;
let running: ReadonlySet<string> | undefined;
let dataDir: string | undefined;

process.on('message', (message: ToNode) => {
  if (message.kind === 'start') void start(message.settings);
  else if (message.kind === 'status') note(message.nodes);
  else void stop();
});
process.on('disconnect', () => {
  // The starter is gone without a word: nobody else would remove what it has made.
  removeData();
  process.exit(0);
});
process.on('SIGTERM', () => void stop());
// A terminal sends Ctrl-C to every process in it; the starter hears it too, and says when to stop.
process.on('SIGINT', () => {});

async function start(settings: NodeSettings): Promise<void> {
  dataDir = settings.dataDir;
  try {
    node = await startDemoNode(settings, {
      isRunning: (name) => running?.has(name) ?? true,
      restart: (name) => tell({ kind: 'restart', name }),
      dying: () => tell({ kind: 'dying' }),
      powerCut: () => tell({ kind: 'power-cut' }),
    });
    tell({ kind: 'ready' });
  } catch (error) {
    const expected = error instanceof UsageError || error instanceof SsoError || error instanceof ConfigError;
    const message = error instanceof Error ? error.message : String(error);
    process.send?.(
      {
        kind: 'failed',
        message: expected ? message : `${settings.self.name} could not start: ${message}`,
      } satisfies FromNode,
      () => process.exit(1),
    );
  }
}

async function stop(): Promise<void> {
  await node?.stop().catch(() => {});
  process.exit(0);
}

/** This node's own directory, and the one that holds all of them once it is empty. */
function removeData(): void {
  if (dataDir === undefined) return;
  rmSync(dataDir, { recursive: true, force: true });
  try {
    rmdirSync(dirname(dataDir));
  } catch {
    // The others' directories are still there; the last one removes it.
  }
}

function note(nodes: readonly NodeStatus[]): void {
  running = new Set(nodes.filter((one) => one.running).map(({ name }) => name));
}

function tell(message: FromNode): void {
  process.send?.(message);
}
