import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '../../config/load.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
after(() => rmSync(directory, { recursive: true }));

const ajpSecret = 'between httpd and the nodes';

function load(ajp: object) {
  const file = join(directory, 'latchkey.yaml');
  writeFileSync(file, JSON.stringify({ secret: { env: 'LATCHKEY_SECRET' }, users: 'users.yaml', ajp }));
  chmodSync(file, 0o600);
  return loadConfig(file, { LATCHKEY_SECRET: 'f3'.repeat(32), AJP_SECRET: ajpSecret, SHORT: 'short' });
}

test('where mod_jk reaches the node, with the secret from where it is kept', () => {
  const secret = { env: 'AJP_SECRET' };
  assert.deepEqual(load({ listen: '10.0.0.1:8009', secret, maxPacketSize: 65_536, attributes: ['TENANT'] }).ajp, {
    listen: '10.0.0.1:8009',
    secret: ajpSecret,
    maxPacketSize: 65_536,
    attributes: ['TENANT'],
  });
  const file = join(directory, 'ajp-secret');
  writeFileSync(file, `${ajpSecret}\n`);
  chmodSync(file, 0o644);
  const { ajp, warnings } = load({ listen: '127.0.0.1:8009', secret: { file: 'ajp-secret' } });
  assert.equal(ajp?.secret, ajpSecret);
  assert.match(warnings.join('\n'), /ajp-secret: others than its owner may read this secret/);
  assert.deepEqual(load({ listen: '[::1]:8009' }).ajp, { listen: '[::1]:8009' });
});

test('what the listener would refuse is refused in the file, with its field, and never with the secret', () => {
  const wrong: readonly (readonly [ajp: object, says: RegExp])[] = [
    [{}, /ajp\.listen: is missing: must be address:port/],
    [{ listen: '8009' }, /ajp\.listen: must be address:port/],
    [{ listen: '10.0.0.1:8009' }, /ajp\.secret: is missing: on 10\.0\.0\.1:8009 anybody who reaches the port/],
    [{ listen: '10.0.0.1:8009', secret: ajpSecret }, /ajp\.secret: a secret does not belong into this file/],
    [{ listen: '10.0.0.1:8009', secret: { env: 'SHORT' } }, /ajp\.secret: must have 16 to 255 printable characters/],
    [{ listen: '127.0.0.1:8009', maxPacketSize: 4_096 }, /ajp\.maxPacketSize: must be a whole number, 8192 to 65536/],
    [{ listen: '127.0.0.1:8009', attributes: 'TENANT' }, /ajp\.attributes: must be a list of names/],
    [{ listen: '127.0.0.1:8009', packetSize: 8_192 }, /ajp\.packetSize/],
  ];
  for (const [ajp, says] of wrong)
    assert.throws(
      () => load(ajp),
      (error: Error) =>
        says.test(error.message) && !error.message.includes('short') && !error.message.includes(ajpSecret),
      String(says),
    );
});
