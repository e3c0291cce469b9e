/**
 * One connection to an LDAP server, from the first byte to the last. The client library (ldapts) connects
 * again by itself where a connection broke, in the clear and as nobody, even if the one before was bound
 * behind StartTLS; so here a client gets one socket and never another, and who needs a new connection
 * makes a new one. Every question has a time limit, which ends the connection, and a limit of bytes.
 *
 * StartTLS: what the server sends before the handshake is nobody's word, since whoever sits in between can
 * add to it, and the library would go on reading it as part of what comes sealed. So nothing but the one
 * answer is accepted before the handshake (as in CVE-2011-0411 and those alike).
 */

import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { Client, type Entry } from 'ldapts';
import { ldapLimits } from './settings.ts';

export interface ConnectionSettings {
  readonly startTls?: boolean;
  readonly ca?: string;
  readonly serverName?: string;
  readonly allowInsecureConnection?: boolean;
  readonly timeLimitMs: number;
}

export interface Search {
  readonly base: string;
  readonly filter: string;
  readonly attributes: readonly string[];
  /** Default `sub`. */
  readonly scope?: 'base' | 'sub';
  /** More entries than this are a failure. */
  readonly entriesAtMost: number;
}

/** What the server answers to a bind that says no to this account (RFC 4511 appendix A), and not that it cannot say. */
const refusals = new Set([
  19, // constraintViolation: too many wrong passwords
  32, // noSuchObject
  48, // inappropriateAuthentication: it has no password
  49, // invalidCredentials
  53, // unwillingToPerform: the account is inactive
]);

const noSuchObject = 32;

export class LdapConnection {
  readonly #client: Client;
  readonly #limitMs: number;
  readonly #sockets: (Socket | TLSSocket)[] = [];
  #received = 0;
  #plain: Buffer[] | undefined;
  #fail: (error: Error) => void = () => {};
  #dead: Error | undefined;

  private constructor(server: string, settings: ConnectionSettings) {
    this.#limitMs = settings.timeLimitMs;
    const own = <S extends Socket>(socket: S): S => this.#own(socket);
    const once = () => {
      if (this.#sockets.length > 0) throw new Error('the connection has ended');
    };
    const { startTls } = settings;
    if (startTls) this.#plain = [];
    this.#client = new Client({
      url: server,
      timeout: settings.timeLimitMs,
      connectTimeout: settings.timeLimitMs,
      strictDN: false,
      ...(server.startsWith('ldaps:') && { tlsOptions: tlsOptions(server, settings) }),
      createConnection: ((port: number, host: string) => {
        once();
        return own(tcpConnect({ port, host, noDelay: true, keepAlive: true }));
      }) as typeof tcpConnect,
      createSecureConnection: ((...args: [number, string, ConnectionOptions] | [ConnectionOptions]) => {
        if (args.length === 1) {
          this.#requireOneAnswer();
          return own(tlsConnect(args[0]));
        }
        once();
        return own(tlsConnect(args[0], args[1], args[2]));
      }) as typeof tlsConnect,
    });
  }

  /** @throws Error it cannot be reached, or has no certificate that is believed */
  static async open(server: string, settings: ConnectionSettings): Promise<LdapConnection> {
    const isPlain = !server.startsWith('ldaps:') && !settings.startTls;
    if (isPlain && !settings.allowInsecureConnection) throw new Error(`${server} would get passwords in the clear`);
    const connection = new LdapConnection(server, settings);
    // The first question connects: StartTLS, or one for the server's own entry, to which any answer will do.
    try {
      if (settings.startTls) await connection.#run((client) => client.startTLS(tlsOptions(server, settings)));
      else await connection.read('', ['1.1']);
    } catch (error) {
      if (settings.startTls || !connection.isAlive) {
        connection.close();
        throw error;
      }
    }
    return connection;
  }

  get isAlive(): boolean {
    return this.#dead === undefined;
  }

  /** Whether the server takes these for somebody's. An empty name or password is never asked: servers say yes to "anonymous" (RFC 4513 section 5.1.2). */
  async bind(dn: string, password: string): Promise<boolean> {
    if (dn.trim() === '' || password === '') return false;
    try {
      await this.#run((client) => client.bind(dn, password));
      return true;
    } catch (error) {
      if (this.isAlive && refusals.has(codeOf(error))) return false;
      throw error;
    }
  }

  /** Entries, page by page. Referrals are not followed. */
  async search({ base, filter, attributes, scope = 'sub', entriesAtMost }: Search): Promise<readonly Entry[]> {
    return this.#run(async (client) => {
      const found: Entry[] = [];
      const pages = client.searchPaginated(base, {
        filter,
        scope,
        attributes: [...attributes],
        timeLimit: Math.ceil(this.#limitMs / 1_000),
        paged: { pageSize: Math.min(ldapLimits.pageSize, entriesAtMost + 1) },
      });
      for await (const { searchEntries } of pages) {
        found.push(...searchEntries);
        // A cookie of another page is left to the server, which forgets it.
        if (found.length > entriesAtMost) throw new TooMany(entriesAtMost);
        if (this.#dead !== undefined) throw this.#dead;
      }
      return found;
    });
  }

  /** The entry of that name; `undefined`: there is none (or none that may be read). */
  async read(dn: string, attributes: readonly string[], filter = '(objectClass=*)'): Promise<Entry | undefined> {
    try {
      return (await this.search({ base: dn, filter, attributes, scope: 'base', entriesAtMost: 1 }))[0];
    } catch (error) {
      if (codeOf(error) === noSuchObject) return undefined;
      throw error;
    }
  }

  close(): void {
    this.#end(new Error('the connection was closed'));
  }

  async #run<T>(ask: (client: Client) => Promise<T>): Promise<T> {
    if (this.#dead !== undefined) throw this.#dead;
    this.#received = 0;
    const broken = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
    });
    broken.catch(() => {});
    const timer = setTimeout(() => this.#end(new Error(`no answer within ${this.#limitMs} ms`)), this.#limitMs);
    try {
      return await Promise.race([ask(this.#client), broken]);
    } catch (error) {
      if (!(error instanceof TooMany) && !isAnswer(error)) this.#end(error as Error);
      throw this.#dead ?? error;
    } finally {
      clearTimeout(timer);
    }
  }

  #own<S extends Socket>(socket: S): S {
    this.#sockets.push(socket);
    socket.on('data', (data: Buffer) => {
      this.#received += data.length;
      this.#plain?.push(data);
      if (this.#received > ldapLimits.answerBytes) this.#end(new Error(`more than ${ldapLimits.answerBytes} bytes`));
    });
    socket.on('close', () => this.#end(new Error('the server closed the connection')));
    return socket;
  }

  /** Exactly one message has come in the clear. @throws Error */
  #requireOneAnswer(): void {
    const bytes = Buffer.concat(this.#plain ?? []);
    this.#plain = undefined;
    if (bytes.length !== messageLength(bytes))
      throw new Error('more than an answer came before TLS: not to be trusted');
  }

  #end(error: Error): void {
    if (this.#dead !== undefined) return;
    this.#dead = error;
    this.#fail(error);
    for (const socket of this.#sockets) {
      socket.on('error', () => {});
      socket.destroy();
    }
  }
}

export class TooMany extends Error {
  override readonly name = 'TooMany';

  constructor(atMost: number) {
    super(`more than ${atMost} entries`);
  }
}

/** The result code of an answer, or NaN for what is none. */
function codeOf(error: unknown): number {
  return isAnswer(error) ? error.code : Number.NaN;
}

function isAnswer(error: unknown): error is Error & { readonly code: number } {
  return error instanceof Error && typeof (error as { code?: unknown }).code === 'number';
}

function tlsOptions(server: string, { ca, serverName }: ConnectionSettings): ConnectionOptions {
  const host = serverName ?? new URL(server).hostname.replace(/^\[|\]$/g, '');
  return {
    // By the name that was configured, whichever way the connection came about.
    checkServerIdentity: (_host, certificate) => checkServerIdentity(host, certificate),
    // SNI is for names alone (RFC 6066 section 3); an address is compared with the certificate all the same.
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
  };
}

/** The length of the BER message that `bytes` begin with, or NaN. */
function messageLength(bytes: Buffer): number {
  const first = bytes[1];
  if (bytes[0] !== 0x30 || first === undefined) return Number.NaN;
  if (first < 0x80) return 2 + first;
  const size = first & 0x7f;
  if (size === 0 || size > 4 || bytes.length < 2 + size) return Number.NaN;
  return 2 + size + bytes.readUIntBE(2, size);
}
