/**
 * Three nodes of `latchkey serve`, a static site and a small application in Python, and in front of
 * them Debian's nginx, Caddy or HAProxy with exactly what `latchkey proxy` prints: all on loopback over TLS, with
 * files of their own in a temporary directory. The system's own services are not touched.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { isFree, ownPlace } from '../../support/ports.ts';
import { exitOf, run, type Watched, watch } from './demo.ts';

export type ProxyName = 'nginx' | 'caddy' | 'haproxy';

const programs: Readonly<Record<ProxyName, string>> = {
  nginx: '/usr/sbin/nginx',
  caddy: '/usr/bin/caddy',
  haproxy: '/usr/sbin/haproxy',
};

/** Why it cannot be run here, or `false`. With LATCHKEY_REQUIRE_ALL=1 its absence is a failure instead. */
export function noProxy(proxy: ProxyName): string | false {
  const missing = [programs[proxy], '/usr/bin/python3', '/usr/bin/openssl'].filter((path) => !existsSync(path));
  if (missing.length === 0 || process.env['LATCHKEY_REQUIRE_ALL'] === '1') return false;
  return `${missing.join(', ')} is not installed (apt-get install nginx caddy haproxy python3 openssl)`;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface Served extends Watched {
  readonly child: ChildProcess;
  readonly web: number;
}

export interface Proxied {
  readonly port: number;
  readonly nodes: readonly Served[];
  readonly url: (host: string, path?: string) => string;
  /** One request through the proxy; the path goes out as it is written. */
  send(host: string, path: string, options?: Sent): Promise<Answer>;
  /** Bytes through the proxy; resolves with everything that came when the connection closes, or after the first answer. */
  raw(host: string, bytes: string): Promise<string>;
  /** Signs on by the form; resolves with the Cookie header. */
  signOn(name: string, password: string): Promise<string>;
  /** What makes a process a member of the cluster: its secret and its voters. */
  readonly cluster: { readonly secret: string; readonly voters: readonly string[] };
  /** Where nginx looks for a member, and where the other nodes may: free ports of this machine. */
  readonly members: ReadonlyMap<string, { readonly port: number; readonly mesh: number }>;
  /** A node that has ended, once more; resolves when it is ready. */
  restart(index: number): Promise<void>;
  stop(): Promise<void>;
}

export interface ProxiedMore {
  /** In every node's file, in place of what stands there or besides. */
  readonly configuration?: (at: (host: string) => string) => Readonly<Record<string, unknown>>;
  /** Files that it names. */
  readonly files?: Readonly<Record<string, string>>;
  /** Hosts of applications that ask by themselves. For nginx alone, in blocks as an operator writes them. */
  readonly members?: readonly string[];
}

export interface Sent {
  readonly method?: string;
  /** A flat list of names and values: doubled names stay doubled. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

const secret = 'e7'.repeat(32);

export const sso = 'sso.xyz.localhost';
/** In Python: answers with what arrived. */
export const app = 'app.xyz.localhost';
/** A static site. */
export const files = 'files.xyz.localhost';

/** Says what it was sent, as WSGI and CGI applications see it: by names in capitals, with underscores. */
const application = `
import base64, hashlib, json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Application(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def answer(self):
        if self.headers.get('Upgrade', '').lower() == 'websocket':
            self.send_response(101)
            self.send_header('Upgrade', 'websocket')
            self.send_header('Connection', 'Upgrade')
            # RFC 6455 4.2.2: HAProxy looks whether it is there.
            key = self.headers.get('Sec-WebSocket-Key', '') + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
            self.send_header('Sec-WebSocket-Accept', base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
            self.end_headers()
            self.wfile.write(b'hello ' + self.headers.get('Remote-User', '').encode())
            self.close_connection = True
            return
        self.rfile.read(int(self.headers.get('Content-Length') or 0))
        variables = {}
        for name, value in self.headers.items():
            variables.setdefault('HTTP_' + name.upper().replace('-', '_'), []).append(value)
        body = json.dumps({'path': self.path, 'method': self.command, 'names': self.headers.keys(), 'variables': variables}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD': self.wfile.write(body)
    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = answer
    def log_message(self, *_): pass
server = ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Application)
print('listening', flush=True)
server.serve_forever()
`;

export async function startProxied(proxy: ProxyName, more: ProxiedMore = {}): Promise<Proxied> {
  const directory = mkdtempSync(join(tmpdir(), `latchkey-${proxy}-`));
  const hosts = more.members ?? [];
  const [port, appPort, filesPort, ...rest] = (await freePorts(12 + 2 * hosts.length)) as [
    number,
    number,
    number,
    ...number[],
  ];
  const members = new Map(hosts.map((host, i) => [host, { port: rest[9 + 2 * i]!, mesh: rest[10 + 2 * i]! }]));
  const ports = [0, 1, 2].map((index) => ({ web: rest[index]!, asked: rest[3 + index]!, mesh: rest[6 + index]! }));
  const children: ChildProcess[] = [];
  const started = (child: ChildProcess): ChildProcess => {
    children.push(child);
    return child;
  };
  const stop = async () => {
    const exits = children.map(
      (child) => (child.exitCode ?? child.signalCode) === null && new Promise((r) => child.once('exit', r)),
    );
    for (const child of children) child.kill(child.spawnfile === programs.nginx ? 'SIGTERM' : 'SIGKILL');
    await Promise.all(exits);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    writeFiles(directory, { port, ports }, more);
    const startNode = (index: number): Served => {
      const child = started(run(['serve', '--config', join(directory, `node${index + 1}.yaml`)]));
      return { child, web: ports[index]!.web, ...watch(child) };
    };
    const nodes = ports.map((_, index) => startNode(index));
    const python = started(
      spawn('/usr/bin/python3', ['-c', application, String(appPort)], { stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    await watch(python).printed(/listening/);
    started(
      spawn(
        '/usr/bin/python3',
        ['-m', 'http.server', String(filesPort), '--bind', '127.0.0.1', '-d', join(directory, 'site')],
        {
          stdio: 'ignore',
        },
      ),
    );
    await untilListens(filesPort);
    await Promise.all(nodes.map((node) => node.printed(/"msg":"latchkey is ready"/)));
    await Promise.all(ports.map(({ asked }) => untilReady(asked)));

    const printed = await exitOf(
      run([
        'proxy',
        proxy,
        ...['--config', join(directory, 'node1.yaml')],
        ...['--listen', `127.0.0.1:${port}`],
        ...['--nodes', ports.map(({ web, asked }) => `127.0.0.1:${web}:${asked}`).join(',')],
        ...['--upstream', `${app}=127.0.0.1:${appPort},${files}=127.0.0.1:${filesPort}`],
        ...['--certificate', join(directory, 'cert.pem'), '--key', join(directory, 'key.pem')],
      ]),
    );
    if (printed.code !== 0) throw new Error(printed.output);
    const blocks = [...members].map(([host, one]) => memberBlock(host, { directory, port, at: one.port }));
    started(startProxy(proxy, directory, printed.output + blocks.join('')));
    await untilListens(port);
    return {
      port,
      nodes,
      stop,
      members,
      cluster: { secret, voters: ports.map(({ mesh }) => `127.0.0.1:${mesh}`) },
      async restart(index) {
        nodes[index] = startNode(index);
        await nodes[index].printed(/"msg":"latchkey is ready"/);
      },
      ...client(port),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function writeFiles(
  directory: string,
  { port, ports }: { readonly port: number; readonly ports: readonly { web: number; asked: number; mesh: number }[] },
  { configuration, files: others = {} }: ProxiedMore,
): void {
  for (const [name, text] of Object.entries(others)) writeFileSync(join(directory, name), text, { mode: 0o600 });
  cpSync(join(import.meta.dirname, '../../../config/samples/demo-users.yaml'), join(directory, 'users.yaml'));
  writeFileSync(join(directory, 'secret'), `${secret}\n`, { mode: 0o600 });
  mkdirSync(join(directory, 'site'));
  writeFileSync(join(directory, 'site/page.html'), '<h1>A page for those who are signed on</h1>');
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=xyz.localhost', '-addext', `subjectAltName=DNS:${sso},DNS:${app},DNS:${files}`],
    ...['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'cert.pem')],
  ]);
  if (made.status !== 0) throw new Error(String(made.stderr));
  // Where HAProxy looks for it.
  cpSync(join(directory, 'key.pem'), join(directory, 'cert.pem.key'));
  const at = (host: string) => `https://${host}:${port}`;
  for (const [index, { web, asked, mesh }] of ports.entries()) {
    const config = {
      route: `node${index + 1}`,
      secret: { file: 'secret' },
      users: 'users.yaml',
      cookieDomain: 'xyz.localhost',
      origins: [at(app), at(files)],
      site: { origin: at(sso) },
      cluster: { listen: `127.0.0.1:${mesh}`, nodes: ports.map((one) => `127.0.0.1:${one.mesh}`), leaseMs: 2_000 },
      web: { listen: `127.0.0.1:${web}`, trustProxy: ['127.0.0.1'] },
      forwardAuth: {
        listen: `127.0.0.1:${asked}`,
        proxies: ['127.0.0.1'],
        rules: [
          { host: app, path: ['/public/*', '/favicon.ico'], policy: 'allow' },
          { host: app, path: '/inside', networks: '10.0.0.0/8', policy: 'allow' },
          { host: app, path: '/staff/*', policy: 'any-role', roles: ['staff'] },
          { host: app, path: '/api/*', policy: 'signed-on', basic: true },
          { host: app, policy: 'signed-on' },
          { host: files, policy: 'signed-on' },
        ],
      },
      log: { level: 'info' },
      ...configuration?.(at),
    };
    writeFileSync(join(directory, `node${index + 1}.yaml`), JSON.stringify(config));
  }
}

/** An application that is a member of the cluster: TLS ends here, nobody is asked. */
function memberBlock(host: string, { directory, port, at }: { directory: string; port: number; at: number }): string {
  return `
server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${join(directory, 'cert.pem')};
    ssl_certificate_key ${join(directory, 'key.pem')};
    server_name ${host};
    location / {
        proxy_pass http://127.0.0.1:${at};
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
    }
}
`;
}

function startProxy(proxy: ProxyName, directory: string, printed: string): ChildProcess {
  const file = join(directory, { nginx: 'latchkey.conf', caddy: 'Caddyfile', haproxy: 'haproxy.cfg' }[proxy]);
  writeFileSync(file, printed);
  const stdio = ['ignore', 'ignore', 'inherit'] as const;
  if (proxy === 'caddy') {
    const env = {
      ...process.env,
      HOME: directory,
      XDG_DATA_HOME: directory,
      XDG_CONFIG_HOME: directory,
    };
    return spawn(programs.caddy, ['run', '--config', file, '--adapter', 'caddyfile'], {
      stdio: ['ignore', 'ignore', 'ignore'],
      env,
    });
  }
  if (proxy === 'haproxy') {
    // The script lies in the package; only its place is another here.
    const script = join(import.meta.dirname, '../../../config/deploy/latchkey.lua');
    writeFileSync(file, printed.replace('/etc/haproxy/latchkey.lua', script));
    return spawn(programs.haproxy, ['-db', '-q', '-f', file], { stdio: [...stdio] });
  }
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  const main = join(directory, 'nginx.conf');
  // Around what is printed, only what keeps it away from the system's own nginx.
  writeFileSync(
    main,
    `daemon off; worker_processes 1; pid ${join(directory, 'nginx.pid')}; error_log ${join(directory, 'error.log')};
${process.getuid?.() === 0 ? 'user root;' : ''}
events {} http { access_log off; ${temporary.join(' ')} include ${file}; }`,
  );
  return spawn(programs.nginx, ['-c', main, '-e', join(directory, 'error.log')], { stdio: [...stdio] });
}

function client(port: number): Pick<Proxied, 'url' | 'send' | 'raw' | 'signOn'> {
  const send: Proxied['send'] = (host, path, { method = 'GET', headers = [], body } = {}) =>
    new Promise((resolve, reject) => {
      const asked = request(
        {
          ...{ host: '127.0.0.1', port, servername: host, rejectUnauthorized: false, agent: false },
          method,
          path,
          setHost: false,
          headers: [
            'Host',
            `${host}:${port}`,
            ...headers,
            ...(body === undefined ? [] : ['Content-Length', String(body.length)]),
          ] as never,
        },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (chunk) => void (text += chunk));
          answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, text }));
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  const raw: Proxied['raw'] = (host, bytes) =>
    new Promise((resolve, reject) => {
      let text = '';
      const socket: TLSSocket = connect({ host: '127.0.0.1', port, servername: host, rejectUnauthorized: false }, () =>
        socket.write(Buffer.from(bytes, 'latin1')),
      );
      socket.on('data', (chunk) => void (text += chunk.toString('latin1')));
      socket.on('close', () => resolve(text));
      socket.on('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ECONNRESET' ? resolve(text) : reject(error),
      );
    });
  return {
    url: (host, path = '/') => `https://${host}:${port}${path}`,
    send,
    raw,
    async signOn(name, password) {
      const page = await send(sso, '/login', { headers: ['Accept', 'text/html'] });
      const cookies = cookiesOf(page);
      const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)![1]!;
      const answer = await send(sso, '/login', {
        method: 'POST',
        headers: [
          ...['Content-Type', 'application/x-www-form-urlencoded', 'Accept', 'text/html', 'Cookie', cookies.join('; ')],
          ...['Sec-Fetch-Site', 'same-origin', 'Sec-Fetch-Mode', 'navigate', 'Origin', `https://${sso}:${port}`],
        ],
        body: new URLSearchParams({ username: name, password, csrf }).toString(),
      });
      const signOn = cookiesOf(answer).find((line) => line.startsWith('__Secure-latchkey='));
      if (signOn === undefined) throw new Error(`${name} was not signed on: ${answer.status} ${answer.text}`);
      return signOn;
    },
  };
}

function cookiesOf({ headers }: Answer): readonly string[] {
  const lines = headers['set-cookie'];
  return (Array.isArray(lines) ? lines : []).map((line) => line.split(';', 1)[0]!);
}

const places: number[] = [];
const placeSize = 40;

/** Free ones of this process' own. Whoever asks again before somebody listens on them gets the same. */
export async function freePorts(count: number): Promise<readonly number[]> {
  if (count >= placeSize) throw new Error(`${count} ports are more than there are in one place`);
  for (let index = 0; ; index++) {
    const place = (places[index] ??= await ownPlace({ first: 23_000, size: placeSize, count: 175 }));
    const found: number[] = [];
    for (let port = place; port < place + placeSize - 1 && found.length < count; port++)
      if (await isFree(port)) found.push(port);
    if (found.length === count) return found;
  }
}

async function untilListens(port: number): Promise<void> {
  for (let asked = 0; asked < 200; asked++) {
    if (!(await isFree(port))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on ${port}`);
}

async function untilReady(port: number): Promise<void> {
  for (let asked = 0; asked < 200; asked++) {
    const status = await new Promise<number | undefined>((resolve) => {
      plainRequest({ host: '127.0.0.1', port, path: '/readyz' }, (answer) => resolve(answer.resume().statusCode))
        .on('error', () => resolve(undefined))
        .end();
    });
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the node on ${port} never became ready`);
}
