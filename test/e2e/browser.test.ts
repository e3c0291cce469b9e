import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchBrowser, noBrowser } from './support/chromium.ts';
import { type Demo, startDemo } from './support/demo.ts';

const pictures = join(import.meta.dirname, '../../test-output');
mkdirSync(pictures, { recursive: true });

let demo: Demo;
let browser: Browser;

before(async () => {
  if (noBrowser !== false) return;
  [demo, browser] = await Promise.all([startDemo(), launchBrowser()]);
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

const shop = (node: number, path = '/') => `http://app1.xyz.localhost:${demo.ports[node]}${path}`;
const reports = (node: number, path = '/') => `http://app2.xyz.localhost:${demo.ports[node]}${path}`;

/** A browser of its own; whatever it finds wrong on a page ends the test. */
async function visitor(
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context: BrowserContext = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of (40[134]|503)/.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, complaints };
}

async function signOn(page: Page, name: string, password: string): Promise<void> {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  // A click may return before its navigation has begun: the next one would cancel the log-in.
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.getByRole('main').getByRole('button', { name: 'Sign on' }).click();
  await answered;
  await page.waitForLoadState();
}

/** Says what the page says where it is another one. */
async function isAt(page: Page, url: string): Promise<void> {
  if (page.url() !== url) assert.fail(`${page.url()}, not ${url}: ${await page.getByRole('main').textContent()}`);
}

/** By day and by night. */
async function photograph(page: Page, title: string): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(pictures, `${title}-${colorScheme}.png`), fullPage: true });
  }
}

async function requests(page: Page): Promise<number> {
  return Number(await page.locator('#requests').textContent());
}

test('signed on at app1 is known at app2 on another node, survives kill -9 at once, and one sign-out is out everywhere', {
  skip: noBrowser,
}, async () => {
  const { page, complaints } = await visitor();
  await page.goto(shop(0, '/orders'));
  assert.match(page.url(), /\/login\?return_to=/);
  await signOn(page, 'alice', 'wonderland');
  await isAt(page, shop(0, '/orders'));
  assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Orders of alice');

  await page.goto(reports(1));
  assert.equal(await page.locator('#who').textContent(), 'alice');
  await page.reload();
  const before = await requests(page);
  assert.equal(before, 2);
  const pid = Number(await page.locator('#pid').textContent());
  assert.ok(demo.output().includes(`process ${pid}`), 'a process that this test started');
  const tabs = await Promise.all(Array.from({ length: 10 }, () => page.context().newPage()));
  process.kill(pid, 'SIGKILL');

  // At once, and in parallel, before any node can have found out by itself.
  const killedAt = performance.now();
  await Promise.all(tabs.map((tab, index) => tab.goto(index % 2 === 0 ? reports(2, '/whoami') : shop(0, '/whoami'))));
  const tookMs = performance.now() - killedAt;
  for (const tab of tabs) {
    const answer = JSON.parse((await tab.locator('body').textContent()) ?? '{}');
    assert.equal(answer.signedIn, true);
    await tab.close();
  }
  assert.ok(tookMs < 5_000, `${tookMs} ms`);
  await page.goto(reports(2));
  assert.equal(await page.locator('#who').textContent(), 'alice');
  assert.ok((await requests(page)) > before);

  await demo.printed(/node2 was killed/);
  await page.goto(shop(0));
  await page.getByRole('button', { name: 'Start it again' }).click();
  await demo.printed(/node2 is back/);
  await page.goto(shop(1));
  assert.equal(await page.locator('#who').textContent(), 'alice');

  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  await page.getByRole('heading', { name: 'You are signed out everywhere' }).waitFor({ timeout: 10_000 });
  for (const node of [0, 1, 2]) {
    for (const url of [shop(node), reports(node)]) {
      await page.goto(url);
      assert.match((await page.getByRole('main').textContent()) ?? '', /Nobody is signed on here/);
    }
  }
  await page.goto(reports(2, '/sales'));
  assert.match(page.url(), /\/login\?return_to=/);
  assert.deepEqual(complaints, []);
});

test('a node killed by its button leaves the person where they were; the sign-out is pending until no node can accept it, and the page follows', {
  skip: noBrowser,
}, async () => {
  const { page, complaints } = await visitor();
  await page.goto(reports(2, '/login'));
  await signOn(page, 'bob', 'builder');
  await page.getByRole('button', { name: 'Kill this node' }).click();
  await isAt(page, reports(0));
  await demo.printed(/node3 was killed/);
  assert.match((await page.getByRole('status').textContent()) ?? '', /node3 was killed.*you are signed on/s);
  await page.screenshot({ path: join(pictures, 'killed.png'), fullPage: true });
  // The page may be faster than the news of the end of a process: it is asked for again until it knows.
  const row = async () => (await page.getByRole('row', { name: /node3/ }).textContent()) ?? '';
  for (let tries = 0; tries < 50 && !/not running/.test(await row()); tries++) await page.reload();
  assert.match(await row(), /not running/);
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  const heading = (await page.getByRole('heading', { level: 1 }).textContent()) ?? '';
  const text = (await page.getByRole('main').textContent()) ?? '';
  assert.doesNotMatch(heading, /everywhere/);
  assert.match(text, /Pending.*No answer yet from node3/s);
  assert.match(text, /Final.*no later than/s);
  await photograph(page, 'pending');
  // Nobody touches the page: it follows the receipt. At another node, without script, a link does.
  const plain = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await plain.goto(page.url().replace(String(demo.ports[0]), String(demo.ports[1])));
  await page.getByRole('heading', { name: 'You are signed out everywhere' }).waitFor({ timeout: 10_000 });
  assert.match((await page.getByRole('main').textContent()) ?? '', /node3 did not answer, and can accept it no more/);
  await page.screenshot({ path: join(pictures, 'complete.png'), fullPage: true });
  const again = plain.getByRole('link', { name: 'Look again' });
  for (let tries = 0; tries < 50 && (await again.count()) > 0; tries++) await again.click();
  assert.equal(await plain.getByRole('heading', { level: 1 }).textContent(), 'You are signed out everywhere');
  await page.goto(shop(1));
  await page.getByRole('button', { name: 'Start it again' }).click();
  await demo.printed(/node3 is back/);
  await page.goto(reports(2));
  assert.match((await page.getByRole('main').textContent()) ?? '', /Nobody is signed on here/);
  assert.deepEqual(complaints, []);
});

test('with two of three nodes dead the last one says why it accepts nobody; one more, and everything goes on; so after all were killed', {
  skip: noBrowser,
}, async () => {
  const { page, complaints } = await visitor();
  const printed = demo.output().length;
  await page.goto(shop(2, '/login'));
  await signOn(page, 'alice', 'wonderland');
  for (const node of ['node3', 'node1']) {
    await page.goto(shop(Number(node.slice(-1)) - 1));
    await page.getByRole('button', { name: 'Kill this node' }).click();
    await demo.printed(new RegExp(`${node} was killed`), printed);
  }
  await page.goto(shop(1));
  const orders = async () => (await page.goto(shop(1, '/orders')))!;
  let answer = await orders();
  for (let tries = 0; tries < 100 && answer.status() !== 503; tries++) {
    await page.waitForTimeout(100);
    answer = await orders();
  }
  assert.deepEqual([answer.status(), answer.headers()['retry-after']], [503, '1']);
  const text = (await page.getByRole('main').textContent()) ?? '';
  assert.match(text, /Whether you are signed on cannot be said here at the moment/);
  assert.match(text, /This node reaches no majority: it accepts nobody until it does/);
  await photograph(page, 'cut-off');

  await page.getByRole('row', { name: /node3/ }).getByRole('button', { name: 'Start it again' }).click();
  await demo.printed(/node3 is back/, printed);
  for (let tries = 0; tries < 100 && (await orders()).status() !== 200; tries++) await page.waitForTimeout(100);
  assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Orders of alice');

  await page.goto(shop(2));
  await page.getByRole('button', { name: 'Kill all nodes and start them again' }).click();
  assert.match((await page.getByRole('status').textContent()) ?? '', /Nobody can answer at this moment/);
  await page.screenshot({ path: join(pictures, 'power-cut.png'), fullPage: true });
  await page.locator('#who, #standing').first().waitFor({ timeout: 30_000 });
  // A node that is back accepts nobody before it has heard a majority: the next test finds a cluster that is whole.
  for (const node of [0, 1, 2]) {
    await demo.printed(new RegExp(`Power cut.*node${node + 1} is back`, 's'), printed);
    await page.goto(shop(node));
    for (let tries = 0; tries < 100 && (await page.locator('#who').count()) === 0; tries++) await page.reload();
    assert.equal(await page.locator('#who').textContent(), 'alice');
  }
  assert.deepEqual(
    complaints.filter((complaint) => !/ERR_CONNECTION|ERR_EMPTY_RESPONSE/.test(complaint)),
    [],
  );
});

test('a missing role is a 403 that says so, and leaving one application leaves the sign-on', {
  skip: noBrowser,
}, async () => {
  const { page, complaints } = await visitor();
  await page.goto(shop(0, '/login'));
  await signOn(page, 'alice', 'wonderland');
  const staff = await page.goto(reports(1, '/staff'));
  assert.equal(staff?.status(), 403, `${page.url()}: ${await page.getByRole('main').textContent()}`);
  assert.match((await page.getByRole('main').textContent()) ?? '', /does not have the role staff/);
  await page.screenshot({ path: join(pictures, 'role-missing.png'), fullPage: true });

  await page.goto(shop(0));
  await page.getByRole('button', { name: 'Leave Corner Shop only' }).click();
  assert.match((await page.getByRole('status').textContent()) ?? '', /The sign-on goes on/);
  assert.equal(await requests(page), 1);
  await page.goto(reports(0));
  assert.equal(await page.locator('#who').textContent(), 'alice');
  assert.deepEqual(complaints, []);
});

test('a wrong password is said to the person, announced, and signs nobody on', { skip: noBrowser }, async () => {
  const { page } = await visitor();
  await page.goto(shop(0, '/orders'));
  await signOn(page, 'alice', 'Wonderland');
  assert.match((await page.getByRole('alert').textContent()) ?? '', /The name or the password is not right/);
  await signOn(page, 'alice', 'wonderland');
  await isAt(page, shop(0, '/orders'));
});

const looks = [
  { name: 'light', options: { colorScheme: 'light', viewport: { width: 1100, height: 900 } } },
  { name: 'dark', options: { colorScheme: 'dark', viewport: { width: 1100, height: 900 } } },
  {
    name: 'telephone',
    options: { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, deviceScaleFactor: 2 },
  },
] as const;

for (const { name, options } of looks) {
  test(`the pages fit their window and are photographed: ${name}`, { skip: noBrowser }, async () => {
    const { page, complaints } = await visitor(options);
    const picture = async (title: string) => {
      const overflow = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
      assert.ok(Number(overflow) <= 0, `${title} is ${overflow} pixels too wide`);
      await page.screenshot({ path: join(pictures, `${title}-${name}.png`), fullPage: true });
    };
    await page.goto(`http://localhost:${demo.ports[0]}/`);
    await picture('start');
    await page.goto(shop(0));
    await picture('stranger');
    await page.goto(shop(0, '/orders'));
    await signOn(page, 'bob', 'wrong');
    await picture('sign-on');
    await signOn(page, 'bob', 'builder');
    await picture('orders');
    await page.goto(reports(1));
    await picture('home');
    await page.goto(reports(1, '/staff'));
    await picture('staff');
    await page.goto(reports(1, '/nowhere'));
    await picture('not-found');
    await page.goto(shop(2));
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await picture('receipt');
    assert.deepEqual(complaints, []);
  });
}
