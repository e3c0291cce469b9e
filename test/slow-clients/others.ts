/** What everybody else gets meanwhile: one request after the other, each over a connection of its own. */

import { request } from 'node:http';

export interface Others {
  /** How long each answer took, in milliseconds. */
  readonly took: readonly number[];
  /** What was no 200, by status or error. */
  readonly failed: readonly string[];
}

/** Asks for the sign-on page until `over` resolves, with `pauseMs` between answer and question. */
export async function others(port: number, over: Promise<void>, pauseMs = 10): Promise<Others> {
  const took: number[] = [];
  const failed: string[] = [];
  let isOver = false;
  void over.then(() => (isOver = true));
  while (!isOver) {
    const started = performance.now();
    const outcome = await askOnce(port);
    took.push(performance.now() - started);
    if (outcome !== '200') failed.push(outcome);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return { took, failed };
}

/** The value that this part of them does not exceed. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function askOnce(port: number): Promise<string> {
  return new Promise((resolve) => {
    const headers = { Host: 'sso.xyz.test', 'X-Forwarded-Proto': 'https', Accept: 'text/html', Connection: 'close' };
    const asked = request({ port, host: '127.0.0.1', path: '/login', headers, agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(String(answer.statusCode)));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    asked.end();
  });
}
