/** `latchkey balancer`: reads a configuration or asks the nodes, prints, and writes files where it is told to; it starts and changes nothing else. */

import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { readText, reasonOf } from '../../config/document.ts';
import { loadConfig } from '../../config/load.ts';
import { readSecretFile } from '../../config/secrets.ts';
import { probe } from '../probe-client.ts';
import { UsageError } from '../usage.ts';
import type { PrintedFile } from './installation.ts';
import { type Asked, type Found, knownFromConfig, knownFromNodes } from './known.ts';
import { type BalancerWords, kindOf, printBalancer } from './print.ts';

/** As they stood on the command line. */
export interface BalancerOptions
  extends Pick<BalancerWords, 'nodes' | 'host' | 'listen' | 'certificate' | 'key' | 'sticky' | 'websockets'> {
  readonly config?: string | undefined;
  readonly from?: string | undefined;
  readonly 'secret-file'?: string | undefined;
  readonly ca?: string | undefined;
  readonly 'ajp-secret-file'?: string | undefined;
  readonly out?: string | undefined;
}

export interface BalancerIo {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: NodeJS.ProcessEnv;
}

/** @throws UsageError, ConfigError */
export async function balancer(
  word: string,
  options: BalancerOptions,
  flags: ReadonlySet<string>,
  { stdout, stderr, env }: BalancerIo,
): Promise<void> {
  const kind = kindOf(word);
  const found = await find(options, env);
  const { out } = options;
  const files = printBalancer(kind, found, {
    ...{ nodes: options.nodes, host: options.host, listen: options.listen, websockets: options.websockets },
    ...{ certificate: options.certificate, key: options.key, sticky: options.sticky },
    isSticky: !flags.has('no-sticky'),
    tls: flags.has('plain') ? 'none' : flags.has('tls-elsewhere') ? 'elsewhere' : undefined,
    isAjp: flags.has('ajp'),
    ajpSecret: secretIn(options['ajp-secret-file']),
    directory: out === undefined ? '/etc/apache2/latchkey' : resolve(out),
  });
  // What the person says is no guess.
  const warnings = [
    ...(options.nodes === undefined ? found.nodeWarnings : []),
    ...(options.sticky === undefined && !flags.has('no-sticky') ? found.stickyWarnings : []),
  ];
  for (const warning of warnings) stderr.write(`latchkey: warning: ${warning}\n`);
  if (out === undefined) return void stdout.write(onOnePage(files));
  write(resolve(out), files, flags.has('force'), options['ajp-secret-file'] !== undefined);
  stdout.write(files.map(({ name }) => `${join(out, name)}\n`).join(''));
  // On a terminal it is seen; in a file it has to be looked for.
  for (const { name, text } of files)
    if (text.includes('CHANGE THIS'))
      stderr.write(`latchkey: warning: ${join(out, name)}: what is a guess is marked with CHANGE THIS\n`);
}

async function find(options: BalancerOptions, env: NodeJS.ProcessEnv): Promise<Found> {
  const { config: file, from, nodes } = options;
  const config = file === undefined ? undefined : loadConfig(file, env);
  if (from !== undefined) {
    const secret = secretIn(options['secret-file']) ?? config?.node.secret;
    if (secret === undefined)
      throw new UsageError("--from needs the cluster's secret: --secret-file FILE, or --config FILE");
    return knownFromNodes(await ask(from.split(','), secret, options.ca));
  }
  if (config !== undefined) return knownFromConfig(config);
  if (nodes === undefined) throw new UsageError('say where the nodes are: --nodes, --config or --from');
  return { nodes: [], hosts: [], secure: true, sticky: undefined, nodeWarnings: [], stickyWarnings: [] };
}

/** How often a URL is asked for nodes that have not answered yet: before them may stand a balancer, which leads anywhere. */
const asksPerNode = 3;

async function ask(
  urls: readonly string[],
  secret: string | readonly string[],
  caFile: string | undefined,
): Promise<readonly Asked[]> {
  const ca = caFile === undefined ? undefined : readText(caFile, 'the file that --ca names');
  const answers = new Map<string, Asked>();
  for (const text of urls) {
    const url = urlOf(text);
    for (let times = 0, most = 1; times < most; times++) {
      const probed = await probe(url.origin, { secret, ca, ...(url.pathname !== '/' && { path: url.pathname }) });
      if (probed.kind !== 'answered') throw new UsageError(`--from: ${url.href}: ${whyNot(probed)}`);
      const { answer } = probed;
      answers.set(answer.node, { url, answer });
      const others = answer.members.filter(({ node, state }) => state === 'up' && !answers.has(node));
      most = others.length === 0 || urls.length > 1 ? 1 : answer.members.length * asksPerNode;
    }
  }
  return [...answers.values()];
}

function urlOf(text: string): URL {
  try {
    const url = new URL(text);
    if (/^https?:$/.test(url.protocol)) return url;
  } catch {}
  throw new UsageError(`--from: "${text}" is not a URL, as in http://10.0.0.1:8080`);
}

function whyNot(probed: Exclude<Awaited<ReturnType<typeof probe>>, { kind: 'answered' }>): string {
  if (probed.kind === 'failed') return probed.why;
  if (probed.kind === 'refused')
    return `the node ${probed.refusal.node} did not take the question (${probed.refusal.error})`;
  return `no node answered as one (status ${probed.status}): another secret, or no probe at this path`;
}

function secretIn(file: string | undefined): string | undefined {
  return file === undefined ? undefined : readSecretFile(file);
}

/** Several files on one page are told apart by a line that names each, as `head` has it. */
function onOnePage(files: readonly PrintedFile[]): string {
  const [first, ...others] = files;
  if (others.length === 0) return first!.text;
  return files.map(({ name, text }) => `# ==> ${name} <==\n${text}`).join('\n');
}

/** All or none is there already: nothing is overwritten unless it is asked for. */
function write(directory: string, files: readonly PrintedFile[], isForced: boolean, isSecret: boolean): void {
  const there = files.filter(({ name }) => existsSync(join(directory, name)));
  if (there.length > 0 && !isForced)
    throw new UsageError(
      `--out: ${there.map(({ name }) => join(directory, name)).join(', ')} is there already (--force overwrites)`,
    );
  try {
    makeDirectory(directory);
    for (const { name, text } of files) {
      // Made anew: what was there would keep its mode, and a link would lead elsewhere.
      rmSync(join(directory, name), { force: true });
      writeFileSync(join(directory, name), text, { mode: isSecret ? 0o600 : 0o644, flag: 'wx' });
    }
  } catch (error) {
    throw new UsageError(`--out: ${directory} cannot be written (${reasonOf(error)})`);
  }
}

/** As `mkdir -p`; Node's own `recursive` never ends where the parent is there and takes nothing new (/proc). */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectory(dirname(directory));
  mkdirSync(directory);
}
