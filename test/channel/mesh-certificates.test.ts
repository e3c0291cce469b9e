/** The mesh on the operator's own certificates: mutual, one authority, and the name is the node's. */

import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect, createServer } from 'node:tls';
import type { Certificates } from '../../sso/channel/certificates.ts';
import { protocolOf, tls13 } from '../../sso/channel/credentials.ts';
import { wireFrame } from '../../sso/channel/frame.ts';
import { encodeHello } from '../../sso/channel/hello.ts';
import type { MeshChannel } from '../../sso/channel/mesh.ts';
import type { MeshOptions } from '../../sso/channel/mesh-options.ts';
import type { SsoError } from '../../sso/errors.ts';
import { Authority, hasOpenssl } from './certificates.ts';
import { quickMesh } from './mesh-network.ts';
import { keyOptions } from './raw-member.ts';
import { awake, eventually, RecordedLog, record, text } from './recording.ts';

const portOf = (mesh: MeshChannel) => Number(mesh.address().split(':').at(-1));
const noKeys = { keys: () => [] };

describe('with certificates', {
  skip: hasOpenssl() ? false : 'the openssl program, which makes them, is not here',
}, () => {
  let own: Authority;
  let foreign: Authority;
  let n1: Certificates;
  let n2: Certificates;

  before(() => {
    own = new Authority();
    foreign = new Authority();
    n1 = own.issue({ san: 'DNS:n1' });
    n2 = own.issue({ san: 'DNS:n2' });
  });
  after(() => {
    own.remove();
    foreign.remove();
  });

  const mesh = (options: Partial<MeshOptions> & { node: string }) => {
    const log = new RecordedLog();
    return { mesh: quickMesh({ ...noKeys, log, ...options }), log };
  };

  test('nodes of one authority find each other, without any secret', { timeout: 30_000 }, () =>
    awake(async () => {
      const one = quickMesh({ ...noKeys, node: 'n1', tls: n1 });
      const ones = await record(one);
      const two = quickMesh({ ...noKeys, node: 'n2', tls: n2, nodes: [one.address()] });
      const twos = await record(two);
      await Promise.all([ones.hears('up', 'n2'), twos.hears('up', 'n1')]);
      one.broadcast(Buffer.from('hello'));
      await twos.hears('frame');
      await Promise.all([one.close(), two.close()]);
    }),
  );

  /** Dials `n1` with a certificate of one's own; resolves with what the listener heard once the connection is over. */
  async function dial(certificates: Partial<Certificates>, claims = 'n2', cluster = 'latchkey') {
    const { mesh: one, log } = mesh({ node: 'n1', tls: n1 });
    const heard = await record(one);
    const socket = connect({
      ...tls13,
      host: '127.0.0.1',
      port: portOf(one),
      ...certificates,
      rejectUnauthorized: false,
      ALPNProtocols: [protocolOf(cluster)],
    });
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.write(
      wireFrame(
        'hello',
        0,
        encodeHello({ node: claims, incarnation: 1, cluster, address: '', versions: [1, 1], fingerprint: 'as all' }),
      ),
    );
    await new Promise<void>((resolve) => void socket.once('close', () => resolve()));
    await eventually(() => log.warnings.length > 0);
    const counters = one.counters();
    await one.close();
    return { heard: heard.heard, counters, line: text(log.warnings[0]!) };
  }

  test(
    'check 65: no certificate, one of another authority, or one that is over ends in the handshake',
    { timeout: 30_000 },
    () =>
      awake(async () => {
        const over = own.issue({ san: 'DNS:n2', days: -1 });
        const { cert, key } = foreign.issue({ san: 'DNS:n2' });
        for (const [name, certificates] of Object.entries({
          none: {},
          foreign: { cert, key },
          over: { cert: over.cert, key: over.key },
        })) {
          const { heard, counters, line } = await dial(certificates);
          assert.deepEqual([heard, counters['handshake']], [[], 1], `${name}: ${line}`);
        }
      }),
  );

  test(
    'check 65: a certificate with another name, or with the name in its subject alone, is refused and said',
    { timeout: 30_000 },
    () =>
      awake(async () => {
        for (const leaf of [
          { san: 'DNS:n3' },
          { san: 'DNS:*.n2' },
          { san: 'DNS:n2.example.com' },
          { san: '', commonName: 'n2' },
        ]) {
          const { heard, counters, line } = await dial(own.issue(leaf));
          assert.deepEqual([heard, counters['refused-name']], [[], 1], JSON.stringify(leaf));
          assert.match(line, /not those of node \\"n2\\"/);
        }
      }),
  );

  test('check 68: certificates of the same authority do not join two clusters', { timeout: 30_000 }, () =>
    awake(async () => {
      const { heard, counters } = await dial(n2, 'n2', 'other');
      assert.deepEqual([heard, counters['handshake']], [[], 1]);
    }),
  );

  test('check 65: a key from the secret opens nothing here', { timeout: 30_000 }, () =>
    awake(async () => {
      const one = quickMesh({ ...noKeys, node: 'n1', tls: n1 });
      const heard = await record(one);
      const socket = connect(keyOptions({ port: portOf(one), node: 'n2' }));
      await new Promise<void>((resolve) => void socket.once('error', () => resolve()));
      assert.deepEqual(heard.heard, []);
      await one.close();
    }),
  );

  test(
    'check 65: a dialler leaves a listener of another authority, with a certificate that is over, or with a name that is not its own',
    { timeout: 30_000 },
    () =>
      awake(async () => {
        const listeners = [
          foreign.issue({ san: 'DNS:n2' }),
          own.issue({ san: 'DNS:n2', days: -1 }),
          own.issue({ san: 'DNS:n3' }),
        ];
        for (const { cert, key } of listeners) {
          const got: Buffer[] = [];
          const listener = createServer(
            { ...tls13, cert, key, ca: own.ca, requestCert: true, ALPNProtocols: [protocolOf('latchkey')] },
            (socket) => {
              socket.on('error', () => {});
              socket.on('data', (chunk) => got.push(chunk));
              socket.write(
                wireFrame(
                  'hello',
                  0,
                  encodeHello({
                    node: 'n2',
                    incarnation: 1,
                    cluster: 'latchkey',
                    address: '',
                    versions: [1, 1],
                    fingerprint: 'as all',
                  }),
                ),
              );
            },
          );
          await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
          const { mesh: one, log } = mesh({
            node: 'n1',
            tls: n1,
            nodes: [`127.0.0.1:${(listener.address() as AddressInfo).port}`],
          });
          const heard = await record(one);
          await log.says(/^warn (a node cannot be talked to|refused a node)/);
          await eventually(() => one.pending().length === 0);
          assert.deepEqual(heard.heard, []);
          assert.ok(!Buffer.concat(got).includes('settings'));
          await one.close();
          await new Promise<void>((resolve) => void listener.close(() => resolve()));
        }
      }),
  );

  test('V95: a dialler with a key leaves a listener that shows a certificate instead', { timeout: 30_000 }, () =>
    awake(async () => {
      const listener = createServer(
        { ...tls13, cert: n2.cert, key: n2.key, ALPNProtocols: [protocolOf('latchkey')] },
        (socket) => socket.on('error', () => {}),
      );
      await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
      const one = quickMesh({ node: 'n1', nodes: [`127.0.0.1:${(listener.address() as AddressInfo).port}`] });
      const heard = await record(one);
      await eventually(() => (one.counters()['dial'] ?? 0) >= 2);
      assert.deepEqual([heard.heard, one.peers()], [[], []]);
      await one.close();
      await new Promise<void>((resolve) => void listener.close(() => resolve()));
    }),
  );

  test('check 75: certificates that cannot work are refused at start, with what is wrong', () => {
    const wrong: readonly (readonly [Certificates, RegExp])[] = [
      [{ ...n1, cert: 'no pem' }, /^cluster\.tls\.cert: holds no certificate/],
      [{ ...n1, cert: n1.cert.replace(/[A-Z]{6}/, '------') }, /^cluster\.tls\.cert: /],
      [{ ...n1, ca: '' }, /^cluster\.tls\.ca: holds no certificate/],
      [{ ...n1, key: 'no pem' }, /^cluster\.tls\.key: /],
      [{ ...n1, key: n2.key }, /^cluster\.tls\.key: does not fit/],
      [n2, /^cluster\.tls\.cert: its subject alternative name must be the node's name, "n1", but is "DNS:n2"/],
      [own.issue({ san: 'DNS:n1', days: -1 }), /^cluster\.tls\.cert: was valid to /],
    ];
    for (const [tls, pattern] of wrong) {
      assert.throws(
        () => quickMesh({ ...noKeys, node: 'n1', tls }),
        (error: SsoError) => error.code === 'ERR_CONFIG_INVALID' && pattern.test(error.message),
        String(pattern),
      );
    }
  });
});
