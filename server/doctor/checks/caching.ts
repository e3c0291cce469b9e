/** Whether something between keeps answers: one person's page would be shown to another (check 13). */

import type { Reply } from '../asking.ts';
import type { Exam } from '../exam.ts';
import type { Finding } from '../finding.ts';

export const checkCaching = ({ survey }: Exam): readonly Finding[] => [judgeCaching(survey)];

export function judgeCaching(replies: readonly Reply[]): Finding {
  const check = 'caching';
  const remedy =
    'answers of the nodes are about one person: cache nothing that says Cache-Control: no-store, and leave that header as the node set it';
  const answers = replies.filter((reply) => reply.kind === 'answered');
  const copies = answers.filter(({ isCopy }) => isCopy);
  if (copies.length > 0)
    return {
      check,
      ok: false,
      says: `${copies.length} of ${answers.length} answers were copies of earlier ones`,
      remedy,
    };
  const changed = answers.find(({ headers }) => !/\bno-store\b/i.test(headers['cache-control'] ?? ''));
  if (changed !== undefined)
    return {
      check,
      ok: false,
      says: `the node’s Cache-Control: no-store arrives as ${changed.headers['cache-control'] ?? 'nothing'}`,
      remedy,
    };
  const aged = answers.find(({ headers }) => Number(headers['age'] ?? 0) > 0);
  if (aged !== undefined)
    return { check, ok: false, says: `an answer has the age of ${aged.headers['age']} s`, remedy };
  return { check, ok: true, says: 'nothing keeps answers' };
}
