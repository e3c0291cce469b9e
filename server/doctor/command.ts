/** `latchkey doctor`: a running installation through its balancer, a balancer's configuration, or both. */

import { readText } from '../../config/document.ts';
import { readSecretFile } from '../../config/secrets.ts';
import { SsoError } from '../../sso/index.ts';
import { UsageError } from '../usage.ts';
import { type Examination, examine } from './doctor.ts';
import { portOf } from './exam.ts';
import { liveAsk, livePlain, liveVisit, type Place, systemChance } from './live.ts';
import { examineFromOutside } from './outside.ts';
import { readConfiguration } from './reading/read.ts';
import { type Examined, exitCodeOf, inJson, inWords } from './report.ts';

export interface DoctorOptions {
  readonly 'secret-file'?: string | undefined;
  readonly path?: string | undefined;
  readonly resolve?: string | undefined;
  readonly ca?: string | undefined;
  readonly 'plain-port'?: string | undefined;
  readonly without?: string | undefined;
  readonly rest?: string | undefined;
  readonly config?: string | undefined;
  readonly cookie?: string | undefined;
  readonly url?: string | undefined;
}

/** How long a node rests, seconds: balancers that ask every few seconds have noticed by half of it. */
const restSeconds = { usual: 12, least: 4, most: 60 } as const;
/** Between two visitors while a node rests, milliseconds. */
const visitEveryMs = 100;

/** Resolves with the exit code, as `exitCodeOf` has it. @throws UsageError, ConfigError */
export async function doctor(
  url: string | undefined,
  options: DoctorOptions,
  flags: ReadonlySet<string>,
  { env, stdout }: { readonly env: NodeJS.ProcessEnv; readonly stdout: NodeJS.WritableStream },
): Promise<number> {
  if (url === undefined && options.config === undefined)
    throw new UsageError('doctor: say what to examine: a URL, or --config FILE');
  if (options.config === undefined && (options.cookie !== undefined || options.url !== undefined))
    throw new UsageError('doctor: --cookie and --url ask where a request would go by a configuration: --config FILE');
  if (options.rest !== undefined && !flags.has('disturb'))
    throw new UsageError('doctor: --rest says how long a node rests with --disturb');
  const live = url === undefined ? undefined : await examineLive(url, options, flags, env);
  const routes = live?.examination.kind === 'asked' ? live.examination.nodes : [];
  const read = options.config === undefined ? [] : [readBalancer(options.config, options, routes)];
  const all = [...(live === undefined ? [] : [examined(live)]), ...read];
  stdout.write(flags.has('json') ? inJson(all) : inWords(all));
  return exitCodeOf(all);
}

interface Live {
  readonly url: URL;
  readonly examination: Examination;
}

function examined({ url: { origin }, examination }: Live): Examined {
  if (examination.kind === 'not-asked') return { about: origin, findings: [], failure: examination.why };
  return { about: origin, findings: examination.findings };
}

async function examineLive(
  text: string,
  options: DoctorOptions,
  flags: ReadonlySet<string>,
  env: NodeJS.ProcessEnv,
): Promise<Live> {
  const url = urlOf(text);
  const { path = '/latchkey-probe' } = options;
  if (!/^\/[^?#;\s]*$/.test(path) || path.endsWith('/'))
    throw new UsageError('doctor: --path is where the probe is mounted, as in /latchkey-probe');
  const ca = options.ca === undefined ? undefined : readText(options.ca, 'the file that --ca names');
  const place: Place = { url, ca, connectTo: addressOf(options.resolve, url) };
  const plain = livePlain(place, number('--plain-port', options['plain-port'], 1, 65_535));
  const secret = secretOf(options, env);
  const chance = systemChance;
  const seconds = number('--rest', options.rest, restSeconds.least, restSeconds.most);
  if (secret === undefined) {
    if (flags.has('disturb')) throw new UsageError("doctor: --disturb needs the cluster's secret: --secret-file FILE");
    return { url, examination: await examineFromOutside({ visit: liveVisit(place), chance, url, plain }) };
  }
  const disturb = {
    now: () => performance.now(),
    wait: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
    restMs: (seconds ?? restSeconds.usual) * 1_000,
    everyMs: visitEveryMs,
  };
  const ask = liveAsk(place, secret, path);
  const without = options.without?.split(',');
  const parts = {
    ask,
    chance,
    url,
    port: place.connectTo?.port,
    path,
    plain,
    without,
    ...(flags.has('disturb') && { disturb }),
  };
  try {
    return { url, examination: await examine(parts) };
  } catch (error) {
    // The first question makes a key of it, and says what is wrong with it.
    if (error instanceof SsoError && error.code === 'ERR_CONFIG_INVALID')
      throw new UsageError(`doctor: ${error.message}`);
    throw error;
  }
}

function readBalancer(file: string, { cookie, url }: DoctorOptions, routes: readonly string[]): Examined {
  const { findings, journey } = readConfiguration(file, {
    ...(cookie !== undefined && { cookie }),
    ...(url !== undefined && { url }),
    ...(routes.length > 0 && { routes }),
  });
  return { about: file, findings, journey };
}

function secretOf(options: DoctorOptions, env: NodeJS.ProcessEnv): string | undefined {
  const file = options['secret-file'];
  return file === undefined ? env['LATCHKEY_SECRET'] || undefined : readSecretFile(file);
}

function urlOf(text: string): URL {
  try {
    const url = new URL(text);
    if (/^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url;
  } catch {}
  throw new UsageError(`doctor: "${text}" is not a URL as browsers use it, as in https://shop.xyz.com`);
}

/** `ADDRESS[:PORT]`; the port is the URL's otherwise. */
function addressOf(text: string | undefined, url: URL): Place['connectTo'] {
  if (text === undefined) return undefined;
  const parts = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text);
  const port = parts?.[2] === undefined ? undefined : Number(parts[2]);
  if (parts === null || (port !== undefined && (port < 1 || port > 65_535)))
    throw new UsageError('doctor: --resolve is ADDRESS or ADDRESS:PORT, as in 10.0.0.5:443');
  return { host: parts[1]!.replace(/^\[|\]$/g, ''), port: port ?? portOf(url) };
}

function number(option: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`doctor: ${option} must be a whole number, ${least} to ${most}`);
}
