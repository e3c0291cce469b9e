/** The thread in which passwords are verified: one at a time, in the order they were asked. */

import { parentPort } from 'node:worker_threads';
import { verifyPassword } from './hash.ts';
import type { Answer, Question } from './pool.ts';

parentPort?.on('message', ({ id, hash, password }: Question) => {
  const answer: Answer = { id, matches: verifyPassword(hash, password) };
  parentPort?.postMessage(answer);
});
