/** Certificates for tests, made anew by the `openssl` program: nothing secret lies in the tree, and none is ever too old. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Certificates } from '../../sso/channel/certificates.ts';

export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export interface LeafOptions {
  /** What its subject alternative name says; '' for none. */
  readonly san: string;
  readonly commonName?: string;
  /** Days from now at which it ends; negative: it is over. */
  readonly days?: number;
}

/** Signs certificates in a directory of its own. */
export class Authority {
  readonly #folder = mkdtempSync(join(tmpdir(), 'latchkey-ca-'));
  readonly ca: string;
  #made = 0;

  constructor() {
    this.#openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-days',
      '30',
      '-subj',
      '/CN=test authority',
    );
    this.ca = this.#read('ca.pem');
  }

  issue({ san, commonName = 'a node', days = 30 }: LeafOptions): Certificates {
    const name = `leaf${(this.#made += 1)}`;
    this.#openssl(
      'req',
      '-new',
      ...newKey,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${commonName}`,
    );
    writeFileSync(
      join(this.#folder, `${name}.ext`),
      san === '' ? 'basicConstraints=CA:FALSE\n' : `subjectAltName=${san}\n`,
    );
    const day = (offset: number) =>
      `${new Date(Date.now() + offset * 86_400_000).toISOString().replace(/[-:T]|\..*/g, '')}Z`;
    writeFileSync(join(this.#folder, `${name}.cnf`), authorityConfig);
    writeFileSync(join(this.#folder, 'index.txt'), '');
    this.#openssl(
      'ca',
      '-batch',
      '-notext',
      '-config',
      `${name}.cnf`,
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.pem`,
      '-extfile',
      `${name}.ext`,
      '-startdate',
      day(Math.min(days, 0) - 2),
      '-enddate',
      day(days),
    );
    return { cert: this.#read(`${name}.pem`), key: this.#read(`${name}.key`), ca: this.ca };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder, file), 'utf8');
  }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'] as const;

const authorityConfig = `[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
rand_serial = yes
unique_subject = no
policy = any
[any]
commonName = supplied
`;
