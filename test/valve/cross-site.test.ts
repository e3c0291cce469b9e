import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request } from 'express';
import { isCrossSite } from '../../sso/http/cross-site.ts';
import { agent, app, hosts, world } from './world.ts';

const origins = ['https://app2.xyz.com'];

/** Headers, and whether they mark the request as another origin's. The host is app1.xyz.com. */
const table: readonly (readonly [Readonly<Record<string, string>>, boolean])[] = [
  [{}, false], // no browser (as Go's CrossOriginProtection)
  [{ 'Sec-Fetch-Site': 'same-origin' }, false],
  [{ 'Sec-Fetch-Site': 'same-origin', Origin: 'null' }, false], // a page with no-referrer posts its own form
  [{ 'Sec-Fetch-Site': 'same-origin', Origin: 'https://app1.xyz.com' }, false],
  [{ 'Sec-Fetch-Site': 'none' }, false],
  [{ 'Sec-Fetch-Site': 'none', Origin: 'null' }, true],
  [{ 'Sec-Fetch-Site': 'same-site' }, true],
  [{ 'Sec-Fetch-Site': 'same-site', Origin: 'https://app2.xyz.com' }, true], // Sec-Fetch-Site decides first
  [{ 'Sec-Fetch-Site': 'cross-site' }, true],
  [{ 'Sec-Fetch-Site': 'cross-site', Origin: 'https://app1.xyz.com' }, true],
  [{ 'Sec-Fetch-Site': 'Same-Origin' }, true],
  [{ 'Sec-Fetch-Site': '' }, true],
  [{ 'Sec-Fetch-Site': 'whatever' }, true],
  [{ Origin: 'https://app1.xyz.com' }, false],
  [{ Origin: 'https://app2.xyz.com' }, false],
  [{ Origin: 'null' }, true],
  [{ Origin: '' }, true],
  [{ Origin: 'https://app3.xyz.com' }, true],
  [{ Origin: 'https://app1.xyz.com.evil.org' }, true],
  [{ Origin: 'https://app1.xyz.com:8443' }, true],
  [{ Origin: 'http://app2.xyz.com' }, true],
  [{ Origin: 'https://evil.org' }, true],
  [{ Origin: 'file://' }, true],
];

for (const { name, express } of hosts) {
  test(`check 36: who sent a form is told by Sec-Fetch-Site, else by Origin (${name})`, async () => {
    const at = app(
      world(),
      (routes) => void routes.post('/', (req, res) => void res.json({ cross: isCrossSite(req, origins) })),
      { express },
    );
    for (const [headers, cross] of table) {
      const answer = await agent(at)
        .post('/')
        .set('Host', 'app1.xyz.com')
        .set('X-Forwarded-Proto', 'https')
        .set(headers);
      assert.equal(answer.body.cross, cross, JSON.stringify(headers));
    }
  });

  test(`the own origin is the host with its port that the browser asked for, as the trusted proxy names it (${name})`, async () => {
    const at = app(
      world(),
      (routes) => void routes.post('/', (req, res) => void res.json({ cross: isCrossSite(req, []) })),
      { express },
    );
    const cross = async (headers: Record<string, string>) => (await agent(at).post('/').set(headers)).body.cross;
    assert.equal(await cross({ Host: 'app1.xyz.com:8443', Origin: 'https://app1.xyz.com:8443' }), false);
    assert.equal(await cross({ Host: 'app1.xyz.com:8443', Origin: 'https://app1.xyz.com' }), true);
    assert.equal(await cross({ Host: '[::1]:80', Origin: 'http://[::1]:80' }), false);
    assert.equal(
      await cross({ Host: 'inner:3000', 'X-Forwarded-Host': 'app1.xyz.com', Origin: 'https://app1.xyz.com' }),
      false,
    );
    assert.equal(
      await cross({ Host: 'inner:3000', 'X-Forwarded-Host': 'app1.xyz.com', Origin: 'https://inner:3000' }),
      true,
    );
    assert.equal(await cross({ Host: 'app1.xyz.com', Origin: 'http://app1.xyz.com' }), false);
    assert.equal(
      await cross({ Host: 'app1.xyz.com', 'X-Forwarded-Proto': 'https', Origin: 'http://app1.xyz.com' }),
      true,
    );
    at.set('trust proxy', false);
    assert.equal(await cross({ Host: 'inner', 'X-Forwarded-Host': 'evil.org', Origin: 'https://evil.org' }), true);
  });
}

test('a request without any host belongs to no origin', () => {
  assert.equal(isCrossSite({ headers: { origin: 'https://app1.xyz.com' } } as Request, []), true);
});
