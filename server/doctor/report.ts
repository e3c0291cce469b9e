/** What the doctor found, for a person and for a program. */

import type { Finding } from './finding.ts';
import type { Journey } from './reading/journey.ts';

/** One thing that was examined: a running installation, a file. */
export interface Examined {
  /** A URL, a file's name. */
  readonly about: string;
  readonly findings: readonly Finding[];
  /** Where a request would go, if that was asked. */
  readonly journey?: Journey | undefined;
  /** It could not be asked: why. */
  readonly failure?: string | undefined;
}

/** 0: nothing is wrong. 1: something is. 2: nothing is known to be, and something could not be asked at all. */
export function exitCodeOf(all: readonly Examined[]): 0 | 1 | 2 {
  if (count(all, false) > 0) return 1;
  return all.some(({ failure }) => failure !== undefined) ? 2 : 0;
}

const marks = new Map<Finding['ok'], string>([
  [true, '✓'],
  [false, '✗'],
  ['unknown', '?'],
]);

/** A line for each check, its remedy below it; then the journey; then the sum. Of two things the name of each stands before it. */
export function inWords(all: readonly Examined[]): string {
  return all
    .map((one) => [...(all.length > 1 ? [`${one.about}:`] : []), ...linesOf(one)].join('\n'))
    .join('\n\n')
    .concat('\n');
}

function linesOf({ about, findings, journey, failure }: Examined): readonly string[] {
  if (failure !== undefined) return [`${about} could not be asked: ${printable(failure)}`];
  const width = Math.max(0, ...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, ok, says, remedy, where }) => [
    `${marks.get(ok)} ${check.padEnd(width)}  ${where === undefined ? '' : `${where}: `}${printable(says)}`,
    ...(remedy === undefined || ok === true ? [] : [`  ${' '.repeat(width)}  → ${printable(remedy)}`]),
  ]);
  const { asked = '', steps = [], to = '' } = journey ?? {};
  const way = [printable(asked), ...steps.map((step) => `  ${printable(step)}`), `  → ${printable(to)}`];
  return [...lines, ...(journey === undefined ? [] : ['', ...way]), '', sum(about, findings)];
}

function sum(about: string, findings: readonly Finding[]): string {
  const of = (ok: Finding['ok']) => count([{ findings }], ok);
  const wrong = of(false);
  const verdict = wrong === 0 ? 'nothing is wrong' : wrong === 1 ? '1 thing is wrong' : `${wrong} things are wrong`;
  return `${about}: ${verdict} (${of(true)} right${of('unknown') === 0 ? '' : `, ${of('unknown')} could not be seen`})`;
}

/** The same for programs: each finding says what it is about. */
export function inJson(all: readonly Examined[]): string {
  const journey = all.find((one) => one.journey !== undefined)?.journey;
  const failures = all.filter(({ failure }) => failure !== undefined);
  const report = {
    about: all.map(({ about }) => about),
    ...(failures.length > 0 && { failure: failures[0]!.failure }),
    ...{ right: count(all, true), wrong: count(all, false), unknown: count(all, 'unknown') },
    findings: all.flatMap(({ about, findings }) => findings.map((finding) => ({ about, ...finding }))),
    ...(journey !== undefined && { journey }),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

const count = (all: readonly Pick<Examined, 'findings'>[], ok: Finding['ok']): number =>
  all.flatMap(({ findings }) => findings).filter((one) => one.ok === ok).length;

/** What came over the network may hold anything, and goes to a terminal. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '�');
