/**
 * Everything at once (issue 3's own scene): people in OpenLDAP, three central nodes behind nginx as `latchkey proxy` prints it,
 * an application in Python and a static site behind forward authentication, two Node applications as members. Chromium
 * signs on once, moves through all of them, loses a node, is ended on the account page of another browser, and logs out once.
 */

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { after, before, test } from 'node:test';
import express from 'express';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { startNode } from '../../sso/index.ts';
import { launchBrowser, noBrowser } from './support/chromium.ts';
import { app, files, noProxy, type Proxied, sso, startProxied } from './support/proxied.ts';
import { groupsBase, noSlapd, peopleBase, Slapd, service } from './support/slapd.ts';

const shop = 'shop.xyz.localhost';
const forum = 'forum.xyz.localhost';
const leaseMs = 2_000;
const skip = noBrowser || noSlapd || noProxy('nginx');

let slapd: Slapd;
let world: Proxied;
let members: readonly Member[];
let browser: Browser;

before(async () => {
  if (skip !== false) return;
  slapd = await Slapd.start();
  world = await startProxied('nginx', {
    members: [shop, forum],
    files: { 'ldap-ca.pem': slapd.ca, 'ldap-password': service.password },
    configuration: (at) => ({
      users: undefined,
      directories: [
        {
          kind: 'ldap',
          servers: [`ldaps://127.0.0.1:${slapd.tlsPort}`],
          ca: 'ldap-ca.pem',
          bindDn: service.dn,
          bindPassword: { file: 'ldap-password' },
          base: peopleBase,
          groups: { base: groupsBase },
        },
      ],
      roles: { company: ['customer'], department0: ['staff'] },
      origins: [app, files, shop, forum].map(at),
    }),
  });
  members = [await member('shop', shop), await member('forum', forum)];
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  for (const { stop } of members ?? []) await stop();
  await world?.stop();
  await slapd?.end();
});

interface Member {
  stop(): Promise<void>;
}

/** A Node application in the words of the README. */
async function member(name: string, host: string): Promise<Member> {
  const { port, mesh } = world.members.get(host)!;
  const nothing = () => {};
  const node = await startNode({
    route: name,
    secret: world.cluster.secret,
    cookieDomain: 'xyz.localhost',
    origins: [world.url(host, ''), world.url(sso, '')],
    cluster: { listen: `127.0.0.1:${mesh}`, nodes: [...world.cluster.voters], leaseMs },
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });
  const own = express().set('trust proxy', 'loopback');
  own.get('/favicon.ico', (_req, res) => void res.status(204).end());
  own.use(node.valve(), node.sessions({ app: name }));
  own.use(node.protect({ login: world.url(sso, '') }), (req, res) => {
    res.send(
      `<!doctype html><title>${name}</title><h1>${name} of ${req.sso.principal?.name}</h1><p>${req.sso.roles.join()}</p>`,
    );
  });
  const server = await new Promise<Server>((resolve) => {
    const made = createServer(own).listen(port, '127.0.0.1', () => resolve(made));
  });
  return {
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await node.stop();
    },
  };
}

async function visitor(options: BrowserContextOptions = {}): Promise<Page> {
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB', ...options })).newPage();
  page.setDefaultTimeout(20_000);
  return page;
}

async function signOn(page: Page, name: string): Promise<void> {
  assert.equal(new URL(page.url()).hostname, sso, 'asked to sign on');
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password').fill(`password of ${name}`);
  await page.getByRole('main').getByRole('button', { name: 'Sign on' }).click();
  await page.waitForURL((url) => url.hostname !== sso);
}

/** What each place says of who is there: the two members, the application in Python, the static site. */
async function everywhere(page: Page): Promise<readonly string[]> {
  const found: string[] = [];
  for (const host of [shop, forum, app, files]) {
    await page.goto(world.url(host, host === files ? '/page.html' : '/place?x=y'));
    const at = new URL(page.url()).hostname;
    if (at === sso) found.push('asked');
    else if (host === app) found.push(userIn(await page.locator('body').textContent()));
    else found.push((await page.locator('h1').textContent()) ?? '');
  }
  return found;
}

function userIn(text: string | null): string {
  const { variables } = JSON.parse(text ?? '{}') as { variables: Readonly<Record<string, readonly string[]>> };
  assert.doesNotMatch((variables['HTTP_COOKIE'] ?? []).join(), /latchkey=/, 'the cookie of the sign-on stays outside');
  return `${variables['HTTP_REMOTE_USER']} (${variables['HTTP_REMOTE_GROUPS']})`;
}

const known = (name: string, roles: string) => [
  `shop of ${name}`,
  `forum of ${name}`,
  `${name} (${roles})`,
  'A page for those who are signed on',
];
const nowhere = ['asked', 'asked', 'asked', 'asked'];
const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1';

test('one sign-on opens every application; a node dies unnoticed; another browser ends it; one logout ends all', {
  skip,
  timeout: 180_000,
}, async () => {
  const desk = await visitor();
  await desk.goto(world.url(shop, '/orders?id=7'));
  await signOn(desk, 'person3');
  assert.equal(desk.url(), world.url(shop, '/orders?id=7'), 'back where they wanted to be');
  assert.deepEqual(await everywhere(desk), known('person3', 'customer,staff'));
  await desk.goto(world.url(app, '/staff/papers'));
  assert.match((await desk.locator('body').textContent()) ?? '', /"path": "\/staff\/papers"/);

  const stranger = await visitor();
  await stranger.goto(world.url(app, '/staff/papers'));
  await signOn(stranger, 'person123');
  assert.match((await stranger.locator('body').textContent()) ?? '', /403|not allowed|Forbidden/i);
  assert.deepEqual(await everywhere(stranger), known('person123', 'customer'));

  world.nodes[0]!.child.kill('SIGKILL');
  await world.nodes[0]!.exit;
  assert.deepEqual(await everywhere(desk), known('person3', 'customer,staff'), 'with two nodes of three');

  const telephone = await visitor({ userAgent: iphone });
  await telephone.goto(world.url(forum, '/'));
  await signOn(telephone, 'person3');
  await telephone.goto(world.url(sso, '/account'));
  const item = telephone.getByRole('listitem').filter({ hasText: /on Linux/ });
  assert.match(
    (await item.textContent()) ?? '',
    /forum, shop/,
    'the account page names the applications of the other browser',
  );
  await item.getByRole('button', { name: /End/ }).click();
  await telephone.getByRole('status').filter({ hasText: /Ended/ }).waitFor();
  assert.deepEqual(await everywhere(desk), nowhere);
  assert.deepEqual(await everywhere(telephone), known('person3', 'customer,staff'));
  assert.deepEqual(await everywhere(stranger), known('person123', 'customer'));

  const cookies = await telephone.context().cookies(world.url(sso, '/'));
  const { name, value } = cookies.find((cookie) => cookie.name === '__Secure-latchkey')!;
  await telephone.goto(world.url(sso, '/logout'));
  await telephone.getByRole('main').getByRole('button', { name: 'Sign out everywhere' }).click();
  await telephone.getByRole('heading', { name: 'You are signed out everywhere' }).waitFor({ timeout: 30_000 });
  assert.deepEqual(await everywhere(telephone), nowhere);

  // The node that was away when it happened is no way back in, for whoever kept the cookie.
  await world.restart(0);
  for (const { web } of world.nodes) {
    const answer = await fetch(`http://127.0.0.1:${web}/`, {
      headers: { Cookie: `${name}=${value}`, 'X-Forwarded-Proto': 'https', Accept: 'text/html' },
      redirect: 'manual',
    });
    assert.doesNotMatch(await answer.text(), /person3/);
  }
  assert.deepEqual(await everywhere(stranger), known('person123', 'customer'), 'nobody else noticed');
});
