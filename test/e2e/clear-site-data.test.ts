/**
 * What a logout leaves in a browser (check 14): Chromium at a served node that clears cache and storage, and at a Node
 * application that is a member of its cluster; and what the back button shows afterwards.
 */

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import express from 'express';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { type SsoNode, startNode } from '../../sso/index.ts';
import { type ServedCluster, serve } from '../support/served.ts';
import { launchBrowser, noBrowser } from './support/chromium.ts';
import { freePorts } from './support/proxied.ts';
import { type TlsFront, tlsFront } from './support/tls-front.ts';

const sso = 'https://sso.xyz.test';
const shop = 'https://shop.xyz.test';

let served: ServedCluster;
let node: SsoNode;
let server: Server;
let front: TlsFront;
let browser: Browser;
/** How often the sign-on host's picture was really fetched. */
let fetched = 0;

before(async () => {
  if (noBrowser !== false) return;
  served = await serve(1, {
    cookieDomain: 'xyz.test',
    origins: [shop],
    site: { origin: sso },
    clearSiteData: ['cache', 'storage'],
  });
  const [mesh] = (await freePorts(1)) as [number];
  const nothing = () => {};
  node = await startNode({
    route: 'shop',
    secret: served.secret,
    cookieDomain: 'xyz.test',
    origins: [shop, sso],
    cluster: { listen: `127.0.0.1:${mesh}`, nodes: [served.nodes[0]!.mesh], leaseMs: 300 },
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });
  const app = express().set('trust proxy', 'loopback');
  app.get('/favicon.ico', (_req, res) => void res.status(204).end());
  app.use(node.valve(), node.sessions({ app: 'shop' }));
  app.get('/public', (_req, res) => void res.send('<!doctype html><title>public</title>'));
  app.use(node.protect({ login: sso }), (req, res) => {
    res.send(`<!doctype html><title>shop</title><h1>the papers of ${req.sso.principal?.name}</h1>`);
  });
  server = await new Promise<Server>((resolve) => {
    const made = createServer(app).listen(0, '127.0.0.1', () => resolve(made));
  });
  const { port } = server.address() as AddressInfo;
  front = await tlsFront((host, path) => {
    if (host === new URL(shop).host) return port;
    if (path !== '/picture') return served.nodes[0]!.port;
    return (_req, res) => {
      fetched++;
      res.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'max-age=3600' }).end('a picture');
    };
  });
  browser = await launchBrowser(front.words);
});
after(async () => {
  await browser?.close();
  front?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  await node?.stop();
  await served?.stop();
});

async function opened(): Promise<{ readonly page: Page; readonly context: BrowserContext }> {
  const context = await browser.newContext({ locale: 'en-GB' });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  return { page, context };
}

async function signOn(page: Page): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill('alice');
  await page.getByLabel('Password').fill('wonderland');
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.getByRole('main').getByRole('button', { name: 'Sign on' }).click();
  await answered;
  await page.waitForLoadState();
}

async function signOut(page: Page): Promise<void> {
  await page.goto(`${sso}/logout`);
  await page.getByRole('main').getByRole('button', { name: 'Sign out everywhere' }).click();
  await page.waitForURL(/\/receipts\//);
}

/** What lies in the browser for the page's origin. */
const kept = (page: Page): Promise<string> =>
  page.evaluate(`(async () => {
    const databases = (await indexedDB.databases()).map(({ name }) => name);
    return JSON.stringify([localStorage.getItem('note'), await caches.keys(), databases]);
  })()`);

const keep = (page: Page): Promise<unknown> =>
  page.evaluate(`(async () => {
    localStorage.setItem('note', 'mine');
    await (await caches.open('mine')).put('/kept', new Response('kept'));
    await new Promise((resolve, reject) => {
      const asked = indexedDB.open('mine');
      asked.onsuccess = () => { asked.result.close(); resolve(); };
      asked.onerror = reject;
    });
  })()`);

const everything = JSON.stringify(['mine', ['mine'], ['mine']]);
const nothing = JSON.stringify([null, [], []]);

test('check 14: a logout clears cache and storage of the host that it happens on, no cookie of others, and nothing of other hosts', {
  skip: noBrowser,
}, async () => {
  const { page, context } = await opened();
  const elsewhere = await context.newPage();
  await elsewhere.goto(`${shop}/public`);
  await keep(elsewhere);
  await context.addCookies([
    { name: 'other', value: 'kept', domain: '.xyz.test', path: '/', secure: true },
    { name: 'own', value: 'kept', domain: 'shop.xyz.test', path: '/', secure: true },
  ]);
  await page.goto(`${sso}/login`);
  await signOn(page);
  await keep(page);
  const picture = () => page.evaluate(`fetch('/picture').then((answer) => answer.text())`);
  await picture();
  await picture();
  assert.equal(fetched, 1, 'the second time from the cache');
  assert.equal(await kept(page), everything);

  await signOut(page);
  assert.equal(await kept(page), nothing);
  await picture();
  assert.equal(fetched, 2, 'the cache is empty');
  assert.equal(await kept(elsewhere), everything, 'another host is not this one’s to clear');
  const cookies = (await context.cookies([sso, shop])).map(({ name }) => name);
  assert.ok(cookies.includes('other') && cookies.includes('own'), cookies.join());
  assert.ok(!cookies.some((name) => name === '__Secure-latchkey'), cookies.join());
  await context.close();
});

test('check 14: after a logout the back button shows no private page, neither of the central node nor of an application', {
  skip: noBrowser,
}, async () => {
  const { page, context } = await opened();
  await page.goto(`${shop}/papers`);
  await signOn(page);
  assert.equal(await page.locator('h1').textContent(), 'the papers of alice');
  await page.goto(`${shop}/more`);
  await page.goto(`${sso}/account`);
  assert.match((await page.locator('main').textContent()) ?? '', /shop/);
  await page.goto(`${sso}/`);
  assert.match((await page.locator('main').textContent()) ?? '', /Alice Example/);
  await signOut(page);
  let looked = 0;
  for (let back = 0; back < 8; back++) {
    await page.goBack({ timeout: 10_000 }).catch(() => null);
    await page.waitForLoadState();
    if (!/^https:\/\/(sso|shop)\./.test(page.url())) break;
    looked++;
    const text = (await page.locator('body').textContent()) ?? '';
    assert.doesNotMatch(text, /the papers of|Alice Example|This browser/, page.url());
  }
  assert.ok(looked >= 3, `${looked} pages back`);
  await context.close();
});
