/** The demonstration on a node that is cut off: every page says so in words, with 503 and Retry-After, and nobody is asked to sign on again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualHosts } from '../../server/demo/node.ts';
import { loginSite } from '../../server/login/site.ts';
import type { SsoNode } from '../../sso/index.ts';
import { testCluster } from '../../sso/testing/index.ts';
import { passwordCheck, silent } from './support/site.ts';

const names = ['node1', 'node2', 'node3'];
const places = names.map((name, index) => ({ name, port: 8081 + index, meshPort: 18_081 + index }));

const demo = (sso: SsoNode) =>
  virtualHosts({
    sso,
    self: places.find(({ name }) => name === sso.name)!,
    nodes: places,
    control: { isRunning: () => true, restart: () => {}, dying: () => {}, powerCut: () => {} },
    log: silent,
    authenticate: passwordCheck,
    isBusy: () => false,
  });

async function demoCluster(t: { after: (what: () => Promise<void>) => void }) {
  const cluster = await testCluster({
    host: demo,
    nodes: names,
    options: { cookieDomain: 'xyz.localhost', allowInsecureCookie: true },
  });
  t.after(() => cluster.stop());
  const browser = cluster.browser('http://app1.xyz.localhost');
  await browser.signIn({ name: 'alice', roles: ['customer'] }, { at: 'node1' });
  return { cluster, browser };
}

test('a cut-off node answers every page with 503 in words and keeps the cookie; healed it knows the sign-on again', async (t) => {
  const { cluster, browser } = await demoCluster(t);
  assert.match((await browser.visit('/', { at: 'node3' })).text, /Hello, alice.*It reaches 3 of 3 voters/s);
  await cluster.split([['node3'], ['node1', 'node2']]);
  assert.match((await browser.visit('/', { at: 'node3' })).text, /Hello, alice.*about to refuse/s);
  await cluster.advance(6_100);
  for (const page of ['/', '/orders', '/login']) {
    const { status, headers, text } = await browser.visit(page, { at: 'node3' });
    assert.equal(status, 503, page);
    assert.equal(headers['retry-after'], '1');
    assert.equal(headers['set-cookie'], undefined);
    assert.match(text, /Whether you are signed on cannot be said here.*you need not sign on again/s);
    assert.match(text, /This node reaches no majority: it accepts nobody until it does/);
  }
  const { body, headers } = await browser.get('/whoami', { at: 'node3' }).expect(503);
  assert.equal(body.unavailable, true);
  assert.equal(headers['retry-after'], '1');
  assert.match((await browser.visit('/', { at: 'node1' })).text, /Hello, alice/);
  await cluster.heal();
  await cluster.settle();
  assert.match((await browser.visit('/orders', { at: 'node3' })).text, /Orders of alice/);
});

test('a sign-out on a cut-off node is pending and promises nothing; after the heal the same receipt is complete, at every node', async (t) => {
  const { cluster, browser } = await demoCluster(t);
  await cluster.split([['node3'], ['node1', 'node2']]);
  await cluster.advance(6_100);
  await browser.visit('/logout', { at: 'node3' });
  const { text } = await browser.submit('/logout', { csrf: csrfIn((await browser.visit('/logout')).text) });
  assert.match(text, /<h1>You are signed out, but not every node has confirmed it yet<\/h1>/);
  assert.match(text, /No answer yet from/);
  assert.match(text, /Look again/);
  assert.doesNotMatch(text, /no later than|everywhere/);
  const receipt = browser.location;
  await cluster.heal();
  await cluster.settle();
  for (const node of names) {
    const page = await browser.visit(receipt, { at: node });
    assert.match(page.text, /You are signed out everywhere/, node);
    assert.doesNotMatch(page.text, /Look again/);
  }
});

test('a sign-out with a majority says "no later than", and after that instant "everywhere", though a node is still cut off', async (t) => {
  const { cluster, browser } = await demoCluster(t);
  await browser.visit('/', { at: 'node3' });
  await cluster.split([['node3'], ['node1', 'node2']]);
  const page = await browser.visit('/logout', { at: 'node1' });
  const { text } = await browser.submit('/logout', { csrf: csrfIn(page.text) });
  assert.match(text, /Pending.*No answer yet from node3.*no later than/s);
  await cluster.advance(6_100);
  const later = await browser.visit(browser.location, { at: 'node2' });
  assert.match(later.text, /You are signed out everywhere.*node3 did not answer, and can accept it no more/s);
});

const central = (sso: SsoNode) =>
  loginSite({ sso, log: silent, trustProxy: [], origins: [], authenticate: passwordCheck, isBusy: () => false });

for (const [what, site] of Object.entries({ demonstration: demo, 'central nodes': central })) {
  test(`who signs on while a node lacks leases for a moment notices nothing: the page waits for them, as the library does (${what})`, async (t) => {
    const cluster = await testCluster({
      nodes: names,
      options: { cookieDomain: 'xyz.localhost', allowInsecureCookie: true },
      host: (sso) => {
        const answer = site(sso);
        return (req, res) => {
          // Leases come back only once the request has been looked at, or its form has.
          if (req.method === 'POST') setImmediate(() => setImmediate(() => cluster.network.heal()));
          answer(req, res);
        };
      },
    });
    t.after(() => cluster.stop());
    const browser = cluster.browser('http://app1.xyz.localhost');
    const { text } = await browser.visit('/login', { at: 'node3' });
    await cluster.split([['node3'], ['node1', 'node2']]);
    await cluster.advance(6_100);
    const answer = await browser.submit('/login', { username: 'alice', password: 'wonderland', csrf: csrfIn(text) });
    assert.doesNotMatch(answer.text, /at the moment/);
    await cluster.settle();
    assert.equal(cluster.at('node1').sso.entries('alice').length, 1);
  });
}

const csrfIn = (text: string) => /name="csrf" value="([^"]+)"/.exec(text)![1]!;
