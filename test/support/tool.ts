/** The words of a tool that a developer runs. `--help` prints how it is used; what is wrong with them is said in one line, with the usage below, and never as a stack. */

import { type ParseArgsConfig, parseArgs } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O }>>['values'];

export interface Tool<O extends Options> {
  readonly values: Values<O>;
  /** The whole number that was given, `least` or more. */
  whole(name: keyof O & string, least?: number): number;
  /** Ends the process: the words make no sense. */
  refuse(message: string): never;
}

export function tool<const O extends Options>(usage: string, options: O): Tool<O> {
  const refuse = (message: string): never => {
    process.stderr.write(`${message}\n\n${usage}\n`);
    process.exit(1);
  };
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  const values = parsed(options, refuse);
  return {
    values,
    refuse,
    whole(name, least = 1) {
      const text = String((values as Readonly<Record<string, unknown>>)[name]);
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= least ? value : refuse(`--${name} must be a whole number, at least ${least}`);
    },
  };
}

function parsed<O extends Options>(options: O, refuse: (message: string) => never): Values<O> {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    // Node's own messages go on about `--` in a second sentence.
    return refuse((error as Error).message.split(/\. |\n/, 1)[0]!.replace(/\.$/, ''));
  }
}
