/**
 * Check 41 with a real browser as the judge: what Chromium makes of every string of the corpus agrees with what the other tests
 * take for a browser's view; a sample is really navigated, through the form of `latchkey serve`; and every string goes through
 * every door. Check 14: the back button.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { escapes, libraryDoors, servedDoors } from '../corpus/doors.ts';
import { allowed, corpus, huge, isHarmless, leadsTo, page as loginPage, origins } from '../corpus/redirects.ts';
import { type ServedCluster, serve } from '../support/served.ts';
import { launchBrowser, noBrowser } from './support/chromium.ts';
import { type TlsFront, tlsFront } from './support/tls-front.ts';

const addresses = corpus();
const strings = addresses.map(({ text }) => text);
const site = new URL(loginPage).origin;

let served: ServedCluster;
let front: TlsFront | undefined;
let browser: Browser | undefined;
let context: BrowserContext;

before(async () => {
  served = await serve(1, {
    cookieDomain: 'xyz.test',
    origins,
    throttle: false,
    maxSignOns: 100_000,
    log: { level: 'error' },
  });
  if (noBrowser !== false) return;
  front = await tlsFront(routes(served.nodes[0]!.port));
  browser = await launchBrowser(front.words);
  context = await browser.newContext({ ignoreHTTPSErrors: true });
});
after(async () => {
  await browser?.close();
  front?.close();
  await served.stop();
});

/** The login host is the served node, with one page that redirects wherever it is told; others are a page. */
function routes(port: number): Parameters<typeof tlsFront>[0] {
  return (host, path) => {
    const { pathname, searchParams } = new URL(path, site);
    if (host !== new URL(site).host)
      return (_req, res) => void res.end('<!doctype html><title>elsewhere</title>elsewhere');
    if (pathname !== '/open-redirect') return port;
    return (_req, res) => {
      res.writeHead(303, { Location: Buffer.from(searchParams.get('to')!).toString('latin1') });
      res.end();
    };
  };
}

/** What the pages of a tab ask for as a navigation, by origin, from now on. */
function navigations(page: Page): string[] {
  const seen: string[] = [];
  page.on('request', (one) => {
    if (one.isNavigationRequest()) seen.push(new URL(one.url()).origin);
  });
  return seen;
}

async function signOn(page: Page): Promise<void> {
  await page.locator('input[name="username"]').fill('alice');
  await page.locator('input[name="password"]').fill('wonderland');
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.locator('form button').first().click();
  await answered;
  await page.waitForLoadState();
}

test('check 41: Chromium and Node agree about every string of the corpus whether it leads to one of ours', {
  skip: noBrowser,
}, async () => {
  const page = await context.newPage();
  await page.goto(loginPage);
  const theirs = await page.evaluate(
    ({ texts, base }) =>
      texts.map((text) => {
        try {
          return new URL(text, base).origin;
        } catch {
          return null;
        }
      }),
    { texts: strings, base: loginPage },
  );
  await page.close();
  // Only the web's origins matter: what an opaque one is called differs; and Chromium spells an asterisk in a host as %2A.
  const web = (origin: string | null) =>
    origin !== null && /^https?:/.test(origin) ? origin.replaceAll('%2A', '*') : null;
  const differ = strings
    .map((text, i) => ({ text, chromium: web(theirs[i]!), node: web(leadsTo(text)) }))
    .filter(({ chromium, node }) => chromium !== node);
  // Elsewhere is elsewhere: they have Unicode of different years, and Chromium takes a blank in a host for %20 where Node knows no
  // address. What must agree is everything that either of them takes for one of ours.
  const astray = differ.filter(({ chromium, node }) => allowed.has(chromium ?? '') || allowed.has(node ?? ''));
  assert.deepEqual(astray, []);
  assert.ok(differ.length < strings.length / 20, `${differ.length} differ`);
});

test('check 41: a browser that is really sent through the form lands on an allowed origin, and an open redirect would be seen', {
  skip: noBrowser,
}, async () => {
  const page = await context.newPage();
  const dangerous = strings.filter(
    (text) => /^(https?:)?[/\\]/.test(text) && !allowed.has(leadsTo(text) ?? site) && !/[\r\n\0]/.test(text),
  );
  const sample = dangerous.filter((_, i) => i % Math.ceil(dangerous.length / 40) === 0);
  const ours = addresses
    .filter(isHarmless)
    .filter((_, i) => i % 7 === 0)
    .map(({ text }) => text);
  assert.ok(sample.length + ours.length >= 45);
  for (const text of [...sample, ...ours]) {
    await context.clearCookies();
    const seen = navigations(page);
    await page.goto(`${loginPage}?return_to=${encodeURIComponent(text)}`);
    await signOn(page);
    for (const origin of seen) assert.ok(allowed.has(origin), `${JSON.stringify(text)} led to ${origin}`);
    assert.equal((await page.title()) === 'elsewhere', ![site, null].includes(new URL(page.url()).origin), text);
    if (ours.includes(text)) assert.equal(page.url(), new URL(text, loginPage).href);
    page.removeAllListeners('request');
  }
  let led = 0;
  for (const text of sample.slice(0, 10)) {
    const seen = navigations(page);
    await page.goto(`${site}/open-redirect?to=${encodeURIComponent(text)}`).catch(() => {});
    if (seen.some((origin) => !allowed.has(origin))) led++;
    page.removeAllListeners('request');
  }
  await page.close();
  assert.ok(led >= 8, `of 10 strings ${led} lead elsewhere by a page that believes them`);
});

test('check 14: after signing out at a served node the back button shows nothing of the person', {
  skip: noBrowser,
}, async () => {
  const page = await context.newPage();
  await context.clearCookies();
  await page.goto(loginPage);
  await signOn(page);
  await page.goto(`${site}/`);
  assert.match((await page.locator('body').textContent())!, /Alice Example/);
  await page.goto(`${site}/logout`);
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.locator('main form button').first().click();
  await answered;
  await page.waitForLoadState();
  for (let back = 0; back < 4; back++) {
    await page.goBack({ timeout: 15_000 }).catch(() => null);
    if (page.url().startsWith(site))
      assert.doesNotMatch((await page.locator('body').textContent())!, /Alice Example/, page.url());
  }
  await page.close();
});

test('check 41, 45: every string of the corpus, through every door of the library and of a served node, leads to an allowed origin', async () => {
  const library = await libraryDoors();
  try {
    const found = [];
    for (const door of [...library.doors, ...servedDoors(served.nodes[0]!.port)]) {
      found.push(...(await escapes(door, strings)));
      found.push(...(await escapes(door, huge())));
    }
    assert.deepEqual(found, []);
  } finally {
    await library.stop();
  }
});
