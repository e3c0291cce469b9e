/** The program's words: a table of commands, each with its own help, and what it runs. */

import { randomBytes } from 'node:crypto';
import type { ParseArgsConfig } from 'node:util';
import { ConfigError } from '../config/document.ts';
import { balancer } from './balancer/command.ts';
import { runDemo } from './demo/starter.ts';
import { doctor } from './doctor/command.ts';
import { printProxyOf } from './forward-auth/proxy/command.ts';
import { hashPassword } from './hashing/hash.ts';
import { readPassword, type Terminal } from './password-prompt.ts';
import { checkConfig, serve } from './serve.ts';
import { UsageError } from './usage.ts';

export interface Io extends Terminal {
  readonly stdout: NodeJS.WritableStream;
  readonly env: NodeJS.ProcessEnv;
}

export interface Command {
  /** What follows the command's name. */
  readonly synopsis: string;
  readonly summary: string;
  /** The rest of its help, line by line. */
  readonly details: readonly string[];
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** Words that must follow. */
  readonly words: readonly string[];
  /** Words that may follow those. */
  readonly moreWords?: readonly string[];
  /** Resolves with its exit code if it is not 0 for "done". */
  readonly run: (given: Given, io: Io) => Promise<void> | Promise<number>;
}

export interface Given {
  readonly words: readonly string[];
  /** Each given at most once; the last counts. */
  readonly options: Readonly<Record<string, string | undefined>>;
  /** Options without a value that were given. */
  readonly flags: ReadonlySet<string>;
}

export const commands: Readonly<Record<string, Command>> = {
  demo: {
    synopsis: '[--port 8081] [--nodes 3]',
    summary: 'Three nodes with two applications on this machine, to try with a browser or curl.',
    details: [
      '--port N    the first node listens on N, the next on N+1, … (default 8081); between themselves on N+10000, …',
      '--nodes N   how many nodes, 1 to 9 (default 3)',
      'Everything is on 127.0.0.1 over plain http, with a new random secret at each start. What nodes keep on disk lies in',
      "a directory of the system's temporary one, and is removed at the end. Ctrl-C ends it.",
    ],
    options: { port: { type: 'string' }, nodes: { type: 'string' } },
    words: [],
    run: ({ options }) =>
      runDemo({
        port: wholeNumber('--port', options['port'], 8081, 1, 55_000),
        nodes: wholeNumber('--nodes', options['nodes'], 3, 1, 9),
      }),
  },
  serve: {
    synopsis: '--config FILE [--restored]',
    summary: 'One node: sign-in page, receipts, key set, health; SIGTERM drains and stops it.',
    details: [
      '--config FILE   the configuration in YAML; see config/samples',
      '--restored      its data directory is a copy that was put back: what happened since is learnt from the others first',
      'A node without applications that only votes (a witness) is this command as it is.',
      'Answers /livez, /readyz and /receipts/ID; /metrics on the address that web.metrics names, and nowhere else.',
      'SIGTERM, SIGINT: /readyz says 503, what only this node holds goes to the others (how much is logged), then it ends.',
      'SIGHUP: files of people are read again, and the directories are asked at once about those who are signed on; whom the',
      'last re-check held back, since so many were missing at once, is ended if still missing.',
      'A second signal to end ends it at once. Exit code 0: it was told to end. 1: it could not start, or another took its name.',
    ],
    options: { config: { type: 'string' }, restored: { type: 'boolean' } },
    words: [],
    run: ({ options, flags }, { env }) =>
      serve(requireOption('--config', options['config']), env, { restored: flags.has('restored') }),
  },
  'check-config': {
    synopsis: 'FILE [--try [--user NAME]]',
    summary: 'Says what is wrong in a configuration, each problem in a line, and starts nothing.',
    details: [
      'Reads the secrets and the files of people as well, and opens neither a port, nor the data directory, nor a connection to LDAP.',
      '--try         asks the directories, too: every LDAP server is connected to, bound, and asked for people and groups',
      '--user NAME   looks NAME up there, and says which groups and roles that is',
      'Exit code 0: nothing is wrong; with --try: and every directory answers, has people, and knows NAME.',
    ],
    options: { try: { type: 'boolean' }, user: { type: 'string' } },
    words: ['FILE'],
    run: async ({ words, options, flags }, { env, stdout, stderr }) => {
      const { user } = options;
      if (user !== undefined && !flags.has('try')) throw new UsageError('check-config: --user is for --try');
      const { summary, tried, warnings, problems } = await checkConfig(words[0]!, env, {
        tries: flags.has('try'),
        user,
      });
      for (const warning of warnings) stderr.write(`latchkey: warning: ${warning}\n`);
      for (const line of [summary, ...tried]) stdout.write(`${line}\n`);
      if (problems.length > 0) throw new ConfigError(problems);
    },
  },
  proxy: {
    synopsis: 'nginx|caddy|traefik|haproxy|envoy --config FILE [--upstream HOST=ADDRESS:PORT,…]',
    summary: 'Prints a configuration for a reverse proxy that asks the nodes about every request.',
    details: [
      "--config FILE           a node's configuration, with forwardAuth: hosts, headers and cookies are as it says",
      '--upstream H=A:P,…      where the application of each host is; those left out are marked in what is printed',
      "--nodes HOST[:W:A],…    the nodes, with the ports of web.listen and forwardAuth.listen; default: the voters' hosts",
      '--listen [ADDRESS:]PORT where the proxy listens (default 443, or 80 with allowInsecureCookie)',
      '--certificate FILE --key FILE   for TLS, in PEM',
    ],
    options: {
      config: { type: 'string' },
      upstream: { type: 'string' },
      nodes: { type: 'string' },
      listen: { type: 'string' },
      certificate: { type: 'string' },
      key: { type: 'string' },
    },
    words: ['nginx|caddy|traefik|haproxy|envoy'],
    run: async ({ words, options }, { env, stdout }) =>
      void stdout.write(printProxyOf(words[0]!, requireOption('--config', options['config']), env, options)),
  },
  balancer: {
    synopsis:
      'apache|mod_jk|haproxy|nginx|caddy --config FILE | --from URL,… --secret-file FILE | --nodes ROUTE=HOST:PORT,…',
    summary:
      'Prints the configuration of a load balancer that keeps visitors on their node and leaves out who is not ready.',
    details: [
      '--nodes R=H:P[/AJP][*W],…  the nodes: route, host, port of its pages, of its AJP listener, weight (1 to 100)',
      "--config FILE           a node's configuration: hosts, ports and TLS are as it says; the others' routes are guesses",
      '--from URL,…            asks the nodes, each by its own URL or all through a balancer, for routes, places and cookies',
      "--secret-file FILE      the cluster's secret, for --from; default: that of --config.  --ca FILE: for https in --from",
      '--host NAME,…           the names that browsers use (*.xyz.com is possible); default: any',
      '--listen [ADDRESS:]PORT where the balancer listens (default 443, or 80 without TLS of its own)',
      '--certificate FILE --key FILE   for TLS, in PEM;  --tls-elsewhere: it ends before the balancer;  --plain: there is none',
      '--sticky COOKIE[|PATHPARAMETER]   default: STICKY_ROUTE, or what the nodes say they set;  --no-sticky: any node, each time',
      '--websockets PATH,…     where WebSockets are (default: everywhere)',
      '--ajp                   apache: to the nodes by AJP (mod_jk: always);  --ajp-secret-file FILE: printed into the files',
      '--out DIR               writes the files there in place of printing them, and nothing over one that is there (--force does)',
      'What had to be guessed is marked with CHANGE THIS.',
    ],
    options: {
      config: { type: 'string' },
      from: { type: 'string' },
      'secret-file': { type: 'string' },
      ca: { type: 'string' },
      nodes: { type: 'string' },
      host: { type: 'string' },
      listen: { type: 'string' },
      certificate: { type: 'string' },
      key: { type: 'string' },
      'tls-elsewhere': { type: 'boolean' },
      plain: { type: 'boolean' },
      sticky: { type: 'string' },
      'no-sticky': { type: 'boolean' },
      websockets: { type: 'string' },
      ajp: { type: 'boolean' },
      'ajp-secret-file': { type: 'string' },
      out: { type: 'string' },
      force: { type: 'boolean' },
    },
    words: ['apache|mod_jk|haproxy|nginx|caddy'],
    run: ({ words, options, flags }, io) => balancer(words[0]!, options, flags, io),
  },
  doctor: {
    synopsis: '[URL] [--secret-file FILE] [--disturb] [--config FILE [--cookie NAME=VALUE] [--url PATH]] [--json]',
    summary:
      'Asks the nodes through their balancer, or reads its configuration: says what is wrong and how to mend it.',
    details: [
      'URL                  as browsers use it: https://shop.xyz.com',
      "--secret-file FILE   the cluster's secret (or in LATCHKEY_SECRET); without it only what any visitor sees is judged",
      '--path PATH          where the nodes have their probe (default /latchkey-probe)',
      '--resolve A[:PORT]   asks this address in place of that of the URL;  --ca FILE: certificates to believe, in PEM',
      '--plain-port PORT    where plain http is, for URLs with a port of their own (default 80)',
      '--without NODE,…     nodes that are not behind this balancer, as a witness that only votes',
      '--disturb            lets one node say for --rest SECONDS (default 12) that it is not ready, and watches; nothing is stopped',
      '--config FILE        reads the configuration of httpd, mod_jk, HAProxy or nginx (with or without URL)',
      '--cookie NAME=VALUE --url PATH   and says where a request with this cookie would go, and why (httpd, mod_jk)',
      '--json               for programs; the names of the checks stay the same',
      'Exit code 0: nothing is wrong. 1: something is, or it was used wrongly. 2: nothing could be asked.',
    ],
    options: {
      'secret-file': { type: 'string' },
      path: { type: 'string' },
      resolve: { type: 'string' },
      ca: { type: 'string' },
      'plain-port': { type: 'string' },
      without: { type: 'string' },
      disturb: { type: 'boolean' },
      rest: { type: 'string' },
      config: { type: 'string' },
      cookie: { type: 'string' },
      url: { type: 'string' },
      json: { type: 'boolean' },
    },
    words: [],
    moreWords: ['URL'],
    run: ({ words, options, flags }, io) => doctor(words[0], options, flags, io),
  },
  'hash-password': {
    synopsis: '',
    summary: 'Reads a password (typed unseen, or one line of a pipe) and prints its hash for a users file.',
    details: [],
    options: {},
    words: [],
    run: async (_given, io) => void io.stdout.write(`${hashPassword(await readPassword(io))}\n`),
  },
  'new-secret': {
    synopsis: '',
    summary: 'Prints a new random secret of 32 bytes.',
    details: ['For every node of a cluster the same: latchkey new-secret > secret && chmod 600 secret'],
    options: {},
    words: [],
    run: async (_given, io) => void io.stdout.write(`${randomBytes(32).toString('hex')}\n`),
  },
};

function wholeNumber(option: string, text: string | undefined, otherwise: number, min: number, max: number): number {
  const value = text === undefined ? otherwise : /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${option} must be a whole number, ${min} to ${max}`);
}

function requireOption(option: string, value: string | undefined): string {
  if (!value) throw new UsageError(`${option} is missing`);
  return value;
}
