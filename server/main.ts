#!/usr/bin/env node
/** The program: hands the process to the commands, and its exit code back. */

import { runCli } from './cli.ts';

process.exitCode = await runCli(process.argv.slice(2), process);
