/** Debian's Chromium, driven by playwright-core; missing, the tests are skipped, unless everything is required. */

import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const executablePath = '/usr/bin/chromium';

/** Why there is no browser, or `false`. With LATCHKEY_REQUIRE_ALL=1 its absence is a failure instead. */
export const noBrowser: string | false =
  existsSync(executablePath) || process.env['LATCHKEY_REQUIRE_ALL'] === '1'
    ? false
    : `${executablePath} is not installed (apt-get install chromium)`;

/** With these further words on its command line. */
export function launchBrowser(more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...more,
    ],
  });
}
