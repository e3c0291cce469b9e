/** Central nodes as people meet them: three served processes, two applications, and a browser. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { violations } from './support/accessibility.ts';
import { type Central, startCentral } from './support/central.ts';
import { launchBrowser, noBrowser } from './support/chromium.ts';

const pictures = join(import.meta.dirname, '../../test-output/central');
mkdirSync(pictures, { recursive: true });

let central: Central;
let browser: Browser;

before(async () => {
  if (noBrowser !== false) return;
  [central, browser] = await Promise.all([startCentral(), launchBrowser()]);
});
after(async () => {
  await browser?.close();
  await central?.stop();
});

/** A browser of its own, without script unless it is said; whatever it finds wrong on a page ends the test. */
async function visitor(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  const page = await (await browser.newContext({ javaScriptEnabled: false, locale: 'en-GB', ...options })).newPage();
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of (40[0-9]|503)/.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, complaints };
}

const heading = async (page: Page) => (await page.getByRole('heading', { level: 1 }).textContent()) ?? '';

async function fill(page: Page, name = 'alice', password = 'wonderland'): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password').fill(password);
}

async function press(page: Page, name: string | RegExp): Promise<void> {
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.getByRole('main').getByRole('button', { name }).first().click();
  await answered;
  await page.waitForLoadState();
}

test('sign on once, be known in both applications, in every tab; log out once, be out in all', {
  skip: noBrowser,
}, async () => {
  const { page, complaints } = await visitor();
  const [shop, forum] = central.apps;
  const tabs = [page, await page.context().newPage(), await page.context().newPage()] as const;
  // Each tab comes from an application, and has a form open before anybody is signed on.
  for (const [index, tab] of tabs.entries()) {
    await tab.goto(`${index === 1 ? forum : shop}/page${index}`);
    assert.match(tab.url(), new RegExp(`^${central.login}/login\\?return_to=`));
  }
  await fill(page);
  await press(page, 'Sign on');
  assert.equal(page.url(), `${shop}/page0`);
  assert.equal(await heading(page), 'shop of alice');
  // The second sends its old form, the third is loaded again.
  await fill(tabs[1]);
  await press(tabs[1], 'Sign on');
  assert.equal(tabs[1].url(), `${forum}/page1`);
  assert.equal(await heading(tabs[1]), 'forum of alice');
  await tabs[2].reload();
  assert.equal(tabs[2].url(), `${shop}/page2`);

  await page.goto(`${central.login}/account`);
  assert.match(
    (await page.getByRole('main').textContent()) ?? '',
    /One sign-on.*Chrom.* on Linux.*This browser.*forum, shop/s,
  );
  await page.goto(`${central.login}/logout?return_to=${encodeURIComponent(`${forum}/page1`)}`);
  await press(page, 'Sign out everywhere');
  const again = page.getByRole('link', { name: 'Look again' });
  for (let tries = 0; tries < 100 && (await again.count()) > 0; tries++) await again.click();
  assert.equal(await heading(page), 'You are signed out everywhere');
  await page.getByRole('link', { name: 'Go on to app2' }).click();
  assert.match(page.url(), new RegExp(`^${central.login}/login\\?return_to=`));
  for (const origin of central.apps) {
    await page.goto(`${origin}/public`);
    assert.deepEqual(JSON.parse((await page.locator('body').textContent()) ?? ''), { signedIn: false });
  }
  assert.deepEqual(complaints, []);
});

test('a node is killed between the form and its answer: another one answers, and the person is where they wanted to be', {
  skip: noBrowser,
}, async () => {
  const { page, complaints } = await visitor();
  central.prefer(1);
  await page.goto(`${central.apps[0]}/orders`);
  await fill(page, 'bob', 'builder');
  await central.kill(1);
  await press(page, 'Sign on');
  // A node that has just lost sight of another may say so first; the page keeps what was typed but for the password.
  for (let tries = 0; tries < 20 && page.url().startsWith(central.login); tries++) {
    assert.match((await page.getByRole('alert').textContent()) ?? '', /try again/);
    await fill(page, 'bob', 'builder');
    await press(page, 'Sign on');
  }
  assert.equal(page.url(), `${central.apps[0]}/orders`);
  assert.equal(await heading(page), 'shop of bob');
  await page.goto(`${central.apps[1]}/`);
  assert.equal(await heading(page), 'forum of bob');
  assert.deepEqual(complaints, []);
  await central.start(1);
});

test('a sign-on is ended on the account page of another browser, and is out in every application at once', {
  skip: noBrowser,
}, async () => {
  const [desk, telephone] = [
    await visitor(),
    await visitor({
      userAgent:
        'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
    }),
  ];
  for (const { page } of [telephone, desk]) {
    await page.goto(`${central.apps[0]}/`);
    await fill(page);
    await press(page, 'Sign on');
    assert.equal(await heading(page), 'shop of alice');
  }
  await desk.page.goto(`${central.login}/account`);
  const other = desk.page.getByRole('listitem').filter({ hasText: 'Safari on iPhone' });
  assert.match((await other.textContent()) ?? '', /from 127\.0\.0\.1/);
  await press(desk.page, /Safari on iPhone/);
  assert.match((await desk.page.getByRole('status').textContent()) ?? '', /Ended/);
  assert.equal(await desk.page.getByText('Safari on iPhone').count(), 0);
  for (const origin of central.apps) {
    await telephone.page.goto(`${origin}/`);
    assert.match(telephone.page.url(), new RegExp(`^${central.login}/login`));
    await desk.page.goto(`${origin}/`);
    assert.match(await heading(desk.page), /of alice/);
  }
  await desk.page.goto(`${central.login}/account`);
  await press(desk.page, 'Sign out everywhere');
  assert.match(await heading(desk.page), /You are signed out/);
});

const telephone = { width: 390, height: 844 };
const desk = { width: 1100, height: 800 };

/** By day and by night, on a desk and on a telephone; nothing may be wider than the page. */
async function lookAt(page: Page, title: string): Promise<void> {
  for (const [device, viewport] of Object.entries({ desk, telephone })) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await violations(page), [], `${title}, ${device}, ${colorScheme}`);
      const tooWide = await page.evaluate(
        'document.documentElement.scrollWidth > document.documentElement.clientWidth',
      );
      assert.equal(tooWide, false, `${title}, ${device}: wider than the page`);
      await page.screenshot({ path: join(pictures, `${title}-${device}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.setViewportSize(desk);
}

test('every page is accessible as far as axe can tell, by day and by night, on a desk and on a telephone', {
  skip: noBrowser,
}, async () => {
  const { page, complaints } = await visitor({ javaScriptEnabled: true });
  const at = (path: string) => page.goto(central.login + path);
  const orders = `?return_to=${encodeURIComponent(`${central.apps[0]}/orders`)}`;
  await at('/');
  await lookAt(page, 'nobody');
  await at(`/login${orders}`);
  assert.equal(await page.evaluate('document.activeElement.id'), 'username');
  await lookAt(page, 'sign-on');
  await at(`/login${orders}&lang=de`);
  await lookAt(page, 'anmelden');
  await at('/login?lang=en&error=throttled&retry_after=30');
  await lookAt(page, 'throttled');
  await at(`/login${orders}`);
  await fill(page, 'alice', 'wrong');
  await press(page, 'Sign on');
  assert.match((await page.getByRole('alert').textContent()) ?? '', /not right/);
  await lookAt(page, 'refused');

  const others = await Promise.all(
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0',
      'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36',
      'curl/8.14.1',
    ].map((userAgent) => visitor({ userAgent })),
  );
  for (const { page: other } of others) {
    await other.goto(`${central.apps[1]}/`);
    await fill(other);
    await press(other, 'Sign on');
  }
  await fill(page);
  await page.getByLabel('Keep me signed on').check();
  await press(page, 'Sign on');
  assert.equal(page.url(), `${central.apps[0]}/orders`);
  await at('/');
  await lookAt(page, 'home');
  await at('/account');
  await lookAt(page, 'account');
  await press(page, /curl/);
  await lookAt(page, 'ended');
  await at('/account?lang=de');
  await lookAt(page, 'konto');
  await at('/logout?lang=en');
  await lookAt(page, 'sign-out');
  await at('/nothing');
  await lookAt(page, 'missing');
  // An application that never believes the cookie sends the browser back again and again.
  for (let round = 0; round < 4 && !/kept|keep/.test(await heading(page).catch(() => '')); round++)
    await page.goto(`${central.login}/login?return_to=${encodeURIComponent(`${central.apps[0]}/loop`)}`);
  assert.equal(await heading(page), 'You keep being sent back here');
  await lookAt(page, 'loop');
  await at('/logout');
  await press(page, 'Sign out everywhere');
  await page.getByRole('heading', { name: 'You are signed out everywhere' }).waitFor({ timeout: 30_000 });
  await lookAt(page, 'receipt');
  assert.deepEqual(complaints, []);
});
