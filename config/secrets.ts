/**
 * Secrets come from where secrets are kept: an environment variable or a file, never from the text of
 * a configuration, which is copied, mailed and put under version control. A file that others on this
 * machine may read is used, with a warning.
 */

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError, fields, readText } from './document.ts';

/** Where a secret is: `{ env: NAME }` or `{ file: PATH }`; a relative path starts at the configuration's directory. */
export type SecretSource = { readonly env: string } | { readonly file: string };

const sourceShape = 'must name where it is kept: { env: NAME } or { file: PATH }';

export const oneSecretSchema = z.unknown().transform((value, context): SecretSource => {
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (value === undefined || value === null) return refuse(`is missing: ${sourceShape}`);
  if (typeof value === 'string') return refuse(`a secret does not belong into this file: ${sourceShape}`);
  const parsed = z
    .union([fields({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }), fields({ file: z.string().min(1) })])
    .safeParse(value);
  return parsed.success ? parsed.data : refuse(sourceShape);
});

/** One source, or a list: the first makes, all verify, so that a secret can be rotated. */
export const secretSchema = z.unknown().transform((value, context): readonly SecretSource[] => {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) {
    context.addIssue({ code: 'custom', message: 'must hold at least one source' });
    return z.NEVER;
  }
  return list.flatMap((one, index) => {
    const parsed = oneSecretSchema.safeParse(one);
    if (parsed.success) return [parsed.data];
    const path = Array.isArray(value) ? [index] : [];
    for (const issue of parsed.error.issues) context.addIssue({ code: 'custom', message: issue.message, path });
    return [];
  });
});

export interface ReadSecret {
  readonly value: string;
  readonly warning: string | undefined;
}

/**
 * The secret that `source` names, without the line's end that editors add.
 * @throws ConfigError it isn't there, or is empty; the message never holds the secret
 */
export function readSecret(source: SecretSource, directory: string, env: NodeJS.ProcessEnv): ReadSecret {
  if ('env' in source) {
    const value = env[source.env];
    if (!value) throw new ConfigError([`secret.env: the environment variable ${source.env} is not set`]);
    return { value, warning: undefined };
  }
  const file = resolve(directory, source.file);
  const value = readText(file, 'the file that secret.file names').trim();
  if (value === '') throw new ConfigError([`${file}: secret.file: the file is empty`]);
  const open = (statSync(file).mode & 0o077) !== 0;
  return { value, warning: open ? `${file}: others than its owner may read this secret: chmod 600 it` : undefined };
}

/** The secret in a file that somebody named on a command line, without the line's end. @throws ConfigError it can't be read, or is empty */
export function readSecretFile(file: string): string {
  const secret = readText(file, 'the file of the secret').trim();
  if (secret === '') throw new ConfigError([`${file}: the file is empty`]);
  return secret;
}
