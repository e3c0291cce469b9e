import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { accentContrast, contrast, leastContrast, lightened, papers } from '../../config/contrast.ts';
import { ConfigError } from '../../config/document.ts';
import { loadConfig } from '../../config/load.ts';
import { logoBytesAtMost } from '../../config/site.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-site-'));
after(() => rmSync(directory, { recursive: true }));
const write = (name: string, content: string | Buffer) => writeFileSync(join(directory, name), content);
write('secret', 'c9'.repeat(32));
write('logo.svg', '<?xml version="1.0"?>\n<!-- ours -->\n<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>');
write('logo.png', Buffer.from('\x89PNG\r\n\x1a\nrest', 'latin1'));
write('page.html', '<!doctype html><script>alert(1)</script><svg>');
write('large.svg', `<svg>${' '.repeat(logoBytesAtMost)}</svg>`);

function load(more: object) {
  write('c.yaml', JSON.stringify({ secret: { file: 'secret' }, users: 'users.yaml', ...more }));
  return loadConfig(join(directory, 'c.yaml'), {});
}

function problems(site: object): string {
  try {
    load({ site });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map((problem) => problem.replaceAll(directory, '')).join('\n');
  }
  return 'none';
}

test('without a site the pages are plain, in English and German, and nobody is remembered', () => {
  const { site, rememberDays, node } = load({});
  assert.deepEqual(site, {
    origin: undefined,
    name: 'Single sign-on',
    logo: undefined,
    colours: undefined,
    languages: ['en', 'de'],
    help: undefined,
  });
  assert.equal(rememberDays, undefined);
  assert.equal(node.remember, undefined);
});

test('a site has a name, a logo by its bytes, colours, languages and help; its origin is one that forms come from', () => {
  const { site, node, rememberDays } = load({
    origins: ['https://app1.xyz.com'],
    rememberMe: { days: 30 },
    site: {
      origin: 'https://sso.xyz.com/',
      name: 'Example Ltd',
      logo: 'logo.svg',
      colours: { accent: '#0F6B63' },
      languages: ['de'],
      help: 'mailto:help@xyz.com',
    },
  });
  assert.equal(site.logo?.type, 'image/svg+xml');
  assert.equal(site.colours?.light, '#0f6b63');
  assert.ok(accentContrast(site.colours!.dark, 'dark') >= leastContrast, 'the dark accent is made of the light one');
  assert.deepEqual(site.languages, ['de']);
  assert.deepEqual(site.help, { text: undefined, href: 'mailto:help@xyz.com' });
  assert.deepEqual(node.origins, ['https://app1.xyz.com', 'https://sso.xyz.com']);
  assert.deepEqual([rememberDays, node.remember], [30, { lifeMs: 30 * 86_400_000 }]);
  assert.equal(load({ site: { logo: 'logo.png' } }).site.logo?.type, 'image/png');
  assert.deepEqual(load({ site: { help: 'Ask at the desk.' } }).site.help, {
    text: 'Ask at the desk.',
    href: undefined,
  });
});

test('a colour that cannot be read is refused, with its contrast and the one that is needed', () => {
  const light = problems({ colours: { accent: '#f90' } });
  assert.match(
    light,
    /site\.colours\.accent: #ff9900 cannot be read on the light pages: its contrast is 1\.\d\d:1, at least 4\.5:1 is needed/,
  );
  const dark = problems({ colours: { accent: '#0f6b63', accentDark: '#0f6b63' } });
  assert.match(
    dark,
    /site\.colours\.accentDark: .* on the dark pages: its contrast is \d\.\d\d:1, at least 4\.5:1 .*leave it out/,
  );
  assert.doesNotMatch(dark, /colours\.accent:/);
  assert.match(problems({ colours: { accent: 'teal' } }), /must be a colour as in "#0f6b63"/);
});

test('check 42: what is no logo, no origin, no address or no language is refused, each with a line', () => {
  assert.match(problems({ logo: 'page.html' }), /the logo is neither an SVG nor a PNG image/);
  assert.match(problems({ logo: 'large.svg' }), /the logo is larger than 131072 bytes/);
  assert.match(problems({ logo: 'none.svg' }), /the logo cannot be read \(there is no such file\)/);
  for (const origin of ['sso.xyz.com', 'https://sso.xyz.com/login', 'javascript:alert(1)', 'https://a@sso.xyz.com'])
    assert.match(problems({ origin }), /site\.origin: must be the origin of the login host/, origin);
  for (const href of ['javascript:alert(1)', 'data:text/html,x', '//evil.example'])
    assert.match(
      problems({ help: { href } }),
      /site\.help\.href: must be an address that begins with https:, http:, mailto: or tel:/,
      href,
    );
  assert.match(problems({ languages: ['fr'] }), /must be one of en, de/);
  assert.match(problems({ languages: [] }), /at least one language/);
  assert.match(problems({ color: {} }), /did you mean "colours"\?/);
  assert.match(problems({ help: { txt: 'Ask.' } }), /site\.help\.txt: is not a known field; did you mean "text"\?/);
  assert.match(problems({ help: 5 }), /site\.help: must hold fields \(text, href\)/);
});

test('contrast is that of WCAG, and the papers are those of the style sheet', () => {
  assert.equal(contrast('#000000', '#ffffff'), 21);
  assert.equal(contrast('#777777', '#ffffff').toFixed(2), '4.48');
  const css = readFileSync(join(import.meta.dirname, '../../server/assets/style.css'), 'utf8');
  const [day, night] = css.split('@media (prefers-color-scheme: dark)');
  for (const [text, scheme] of [
    [day!, 'light'],
    [night!, 'dark'],
  ] as const) {
    const colour = (name: string) => new RegExp(`--${name}: (#[0-9a-f]{6})`).exec(text)![1]!;
    assert.deepEqual([colour('paper'), colour('card')].toSorted(), [...papers[scheme]].toSorted());
    for (const ink of ['ink', 'quiet', 'accent', 'bad'])
      assert.ok(accentContrast(colour(ink), scheme) >= leastContrast, `${ink}, ${scheme}`);
  }
});

test('whatever accent can be read by day, one of its hue can be read by night', () => {
  for (const accent of ['#000000', '#00004d', '#7a0000', '#0f6b63', '#5b45b0', '#2b5fb4'])
    assert.ok(accentContrast(lightened(accent), 'dark') >= leastContrast, accent);
});
