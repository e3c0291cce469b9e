/**
 * Finds the command that somebody means, and runs it. Wrong use, a wrong configuration and a port in use
 * end the same way: one clear line each on standard error, exit code 1, no stack.
 */

import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { ConfigError } from '../config/document.ts';
import { SsoError } from '../sso/index.ts';
import { nearest } from '../sso/nearest.ts';
import { type Command, commands, type Given, type Io } from './commands.ts';
import { hint, UsageError } from './usage.ts';

export type { Io } from './commands.ts';

/** Runs what `args` say; resolves with the exit code once it is done. A server is done when it was stopped. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    for (const line of linesOf(error)) io.stderr.write(`latchkey: ${line}\n`);
    return 1;
  }
}

async function dispatch([name, ...rest]: readonly string[], io: Io): Promise<number> {
  const say = (text: string): number => {
    io.stdout.write(text);
    return 0;
  };
  if (name === '--help' || name === '-h' || name === 'help') return say(overview());
  if (name === '--version' || name === '-v') return say(`${version()}\n`);
  if (name === undefined) throw new UsageError(`say what to do: ${Object.keys(commands).join(', ')} (latchkey --help)`);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new UsageError(unknownCommand(name));
  const given = parse(name, command, rest);
  if (given === 'help') return say(helpOf(name, command));
  const code = await command.run(given, io);
  return typeof code === 'number' ? code : 0;
}

function parse(name: string, command: Command, args: readonly string[]): Given | 'help' {
  try {
    const options = { ...command.options, help: { type: 'boolean', short: 'h' } } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    if (values.help) return 'help';
    const missing = command.words[positionals.length];
    if (missing !== undefined) throw new UsageError(`${missing} is missing`);
    const surplus = positionals[command.words.length + (command.moreWords?.length ?? 0)];
    if (surplus !== undefined) throw new UsageError(`"${surplus}" is one word too many`);
    const flags = new Set(Object.keys(values).filter((name) => values[name as keyof typeof values] === true));
    return { words: positionals, options: values as Given['options'], flags };
  } catch (error) {
    // Node's own messages go on about `--` in a second sentence.
    const message = (error as Error).message.split(/\. |\n/, 1)[0]!.replace(/\.$/, '');
    throw new UsageError(`${name}: ${message}${meantOption(error, command)} (latchkey ${name} --help)`);
  }
}

function meantOption(error: unknown, { options }: Command): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const [, unknown] = code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? (/'(--[^']+)'/.exec(message) ?? []) : [];
  if (unknown === undefined) return '';
  return hint(
    nearest(
      unknown,
      Object.keys(options).map((option) => `--${option}`),
    ),
  );
}

function unknownCommand(name: string): string {
  return `"${name}" is no command${hint(nearest(name, [...Object.keys(commands), '--help', '--version']))} (latchkey --help)`;
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length)) + 2;
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}${summary}`);
  return [
    'Single sign-on and final single logout for all applications of a domain.',
    '',
    'Usage: latchkey COMMAND [OPTIONS]',
    '',
    ...lines,
    '',
    'latchkey COMMAND --help tells more; latchkey --version prints the version.',
    '',
  ].join('\n');
}

function helpOf(name: string, { synopsis, summary, details }: Command): string {
  return [`Usage: latchkey ${name} ${synopsis}`.trimEnd(), '', summary, ...details.map((line) => `  ${line}`), ''].join(
    '\n',
  );
}

function version(): string {
  return (createRequire(import.meta.url)('latchkey/package.json') as { version: string }).version;
}

function linesOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems;
  if (error instanceof UsageError || error instanceof SsoError) return [error.message];
  return [`unexpected: ${error instanceof Error ? error.message : String(error)}`];
}
