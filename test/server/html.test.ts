import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { html } from '../../server/html.ts';

test('check 38: whatever is put into a page is text, in content and in attributes', () => {
  const payload = `"><script>alert(1)</script><img src=x onerror='alert(1)'>&amp;`;
  const text = html`<p title="${payload}">${payload}</p>`.toString();
  assert.equal(text.match(/</g)?.length, 2);
  assert.ok(!text.includes('"><script'));
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const inside = html`<p>${value}</p>`.toString().slice(3, -4);
      assert.doesNotMatch(inside, /[<>"']/);
    }),
  );
});

test('parts are put together without being escaped twice, and nothing is nothing', () => {
  const items = ['a', 'b & c'].map((item) => html`<li>${item}</li>`);
  assert.equal(html`<ul>${items}${undefined}${false}${0}</ul>`.toString(), '<ul><li>a</li><li>b &amp; c</li>0</ul>');
});
