/**
 * A YAML file against a schema: the value, or every problem in a line of its own that names the file, the
 * line, the field's path and what would be right. Strict on purpose: a field nobody knows is a typing
 * error that would otherwise be a setting without effect, so it is a problem that names its neighbour.
 */

import { readFileSync } from 'node:fs';
import { isMap, LineCounter, parseDocument as parseYaml } from 'yaml';
import { type ZodRawShape, z } from 'zod';
import { nearest } from '../sso/nearest.ts';

/** The operator's fault. Each problem is one line, ready to be shown. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** More than this is no configuration of ours. */
export const maxDocumentBytes = 1024 * 1024;
const maxProblems = 20;

/** @throws ConfigError the file can't be read */
export function readText(file: string, what = 'the file'): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new ConfigError([`${file}: ${what} cannot be read (${reasonOf(error)})`]);
  }
  if (bytes.length > maxDocumentBytes)
    throw new ConfigError([`${file}: ${what} is larger than ${maxDocumentBytes} bytes`]);
  return bytes.toString('utf8');
}

/** @throws ConfigError what is wrong in the text, every line with its place */
export function parseDocument<T>(file: string, text: string, schema: z.ZodType<T>): T {
  const lines = new LineCounter();
  const document = parseYaml(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' });
  // The first fault of the text only: those after it mostly come of it.
  const [fault] = [...document.errors, ...document.warnings];
  if (fault)
    throw new ConfigError([`${file}:${lines.linePos(fault.pos[0]).line}: not valid YAML: ${oneLine(fault.message)}`]);
  if (!isMap(document.contents)) throw new ConfigError([`${file}: must hold fields, as in "name: value"`]);
  const result = schema.safeParse(document.toJS());
  if (result.success) return result.data;

  const place = (path: readonly PropertyKey[]) => {
    for (let length = path.length; length > 0; length--) {
      const range = (document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined)?.range;
      if (range) return `${file}:${lines.linePos(range[0]!).line}`;
    }
    return file;
  };
  const problems = result.error.issues.map((issue) => {
    const path = placeOf(issue);
    return `${place(path)}: ${pathText(path)}${oneLine(issue.message)}`;
  });
  throw new ConfigError(problems.slice(0, maxProblems));
}

/** An object with these fields and no others. */
export function fields<T extends ZodRawShape>(shape: T, missing = 'is missing') {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys')
        return issue.input === undefined ? missing : `must hold fields (${known.join(', ')})`;
      const [first, ...others] = (issue.keys as readonly string[] | undefined) ?? [];
      const guess = nearest(String(first), known);
      const hint = guess === undefined ? `known here: ${known.join(', ')}` : `did you mean "${guess}"?`;
      return `is not a known field; ${hint}${others.length > 0 ? ` (nor are: ${others.join(', ')})` : ''}`;
    },
  });
}

/** What the value looks like decides by which schema it is judged: a union's error would not name the field. */
export function choose<T extends z.ZodType>(schemaFor: (value: unknown) => T) {
  return z.unknown().transform((value, context): z.output<T> => {
    const parsed = schemaFor(value).safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues)
      context.addIssue({ code: 'custom', path: [...placeOf(issue)], message: issue.message });
    return z.NEVER;
  });
}

/** `false`, or fields. `be`: what to say of anything else. */
export function falseOr<T extends z.ZodType>(schema: T, be?: string) {
  const isOther = (value: unknown) => be !== undefined && (typeof value !== 'object' || value === null);
  return choose((value) =>
    value === false ? z.literal(false) : isOther(value) ? z.never({ error: `must be ${be}` }) : schema,
  );
}

/** Where it is: of an unknown field its own place, not that of the fields around it. */
function placeOf(issue: z.core.$ZodIssue): readonly PropertyKey[] {
  return issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;
}

/** What to say about a field: that it is missing, or what it must be. */
export function must(be: string): { error: (issue: { input?: unknown }) => string } {
  return { error: (issue) => (issue.input === undefined ? `is missing: must be ${be}` : `must be ${be}`) };
}

export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a directory',
    ENOTDIR: 'its directory is a file',
  };
  return known[code ?? ''] ?? oneLine(message);
}

function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${oneLine(String(step))}`)).join('');
  return text === '' ? '' : `${text.replace(/^\./, '')}: `;
}

/** A message stays one line and harmless to a terminal, whatever a file holds. */
function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 300)} …` : line;
}
