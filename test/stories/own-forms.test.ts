/** Forms of an application's own: it asks req.sso who sent one (check 36), as the sign-on page does. */

import assert from 'node:assert/strict';
import { A, B, story } from '../support/story.ts';

story(
  'check 36: an application learns whether a page of another origin has sent its form; configured origins are none',
  {
    options: { origins: ['https://partner.test'] },
    apps: { more: (app) => void app.post('/own', (req, res) => void res.json({ crossSite: req.sso.isCrossSite() })) },
  },
  async (it) => {
    const browser = it.browser();
    const table: readonly (readonly [Readonly<Record<string, string>>, boolean])[] = [
      [{}, false],
      [{ 'Sec-Fetch-Site': 'same-origin', Origin: A }, false],
      [{ 'Sec-Fetch-Site': 'same-origin', Origin: 'null' }, false],
      [{ 'Sec-Fetch-Site': 'none' }, false],
      [{ 'Sec-Fetch-Site': 'same-site', Origin: B }, true],
      [{ 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.test' }, true],
      [{ 'Sec-Fetch-Site': 'none', Origin: 'null' }, true],
      [{ 'Sec-Fetch-Site': 'odd' }, true],
      [{ Origin: A }, false],
      [{ Origin: 'https://partner.test' }, false],
      [{ Origin: B }, true],
      [{ Origin: 'null' }, true],
      [{ Origin: 'http://app1.xyz.test' }, true],
      [{ Origin: `${A}.evil.test` }, true],
    ];
    for (const [headers, crossSite] of table) {
      const answer = await browser.post(`${A}/own`).set(headers).expect(200);
      assert.deepEqual(answer.body, { crossSite }, JSON.stringify(headers));
    }
  },
);
