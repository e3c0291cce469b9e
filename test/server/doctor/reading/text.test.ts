/** httpd's configuration and mod_jk's properties are read as they read them themselves. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { wordsOf } from '../../../../server/doctor/reading/httpd/lines.ts';
import { prefixLength } from '../../../../server/doctor/reading/httpd/path.ts';
import { type Directive, readHttpd } from '../../../../server/doctor/reading/httpd/text.ts';
import { fits, mountOf, rulesOf } from '../../../../server/doctor/reading/mod-jk/mounts.ts';
import { propertiesOf } from '../../../../server/doctor/reading/mod-jk/properties.ts';
import { readConfiguration } from '../../../../server/doctor/reading/read.ts';
import { UsageError } from '../../../../server/usage.ts';
import { seededRandom } from '../../../../sso/random.ts';
import { goodHaproxy, goodHttpd, goodJk, goodMap, goodNginx, goodWorkers } from '../../../corpus/installations/good.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-text-'));
after(() => rmSync(directory, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
}

const names = (directives: readonly Directive[]): readonly string[] =>
  directives.map(({ name, words }) => [name, ...words].join(' '));
const read = (text: string) => readHttpd(text, join(directory, 'httpd.conf'));

test('words: quotes count at the beginning of a word only, and then take in spaces', () => {
  assert.deepEqual(wordsOf('a "b c" \'d e\' f"g'), ['a', 'b c', 'd e', 'f"g']);
  assert.deepEqual(
    wordsOf('route=192-168-1-10"'),
    ['route=192-168-1-10"'],
    'the quote of the Plone page is a part of the route',
  );
  assert.deepEqual(wordsOf(String.raw`"a \"b\" c" d\\e f\g`), ['a "b" c', String.raw`d\e`, String.raw`f\g`]);
  assert.deepEqual(wordsOf('"never closed'), ['never closed']);
});

test('lines: a backslash at the end goes on, in comments too, and lines are counted from where they begin', () => {
  const { directives, findings } = read('A one \\\n  two\n# comment \\\nB hidden\nC three\r\n');
  assert.deepEqual(
    directives.map(({ name, words, place }) => [name, place.line, ...words]),
    [
      ['a', 1, 'one', 'two'],
      ['c', 5, 'three'],
    ],
  );
  assert.deepEqual(
    findings.map(({ check, where }) => [check, where?.endsWith(':3')]),
    [['comment-continues', true]],
  );
});

test('Include: files, directories and patterns in their order, relative to ServerRoot or beside', () => {
  write({
    'conf.d/20-b.conf': 'B',
    'conf.d/10-a.conf': 'A',
    'conf.d/note.txt': 'X',
    'all/1': 'One',
    'all/deep/2': 'Two',
  });
  const { directives, findings } = read(
    `ServerRoot ${directory}\nInclude conf.d/*.conf\nIncludeOptional none/*.conf\nInclude all\n`,
  );
  assert.deepEqual(names(directives), [`serverroot ${directory}`, 'b', 'one', 'two'].toSpliced(1, 0, 'a'));
  assert.deepEqual(findings, []);
  assert.deepEqual(names(read('Include conf.d/10-a.conf').directives), ['a'], 'beside, without ServerRoot');
});

test('Include: what is not there, and what includes itself, is said to be unread', () => {
  write({ 'loop.conf': 'Include loop.conf\n' });
  for (const text of ['Include missing.conf', 'Include loop.conf']) {
    const { findings } = read(text);
    assert.deepEqual(
      findings.map(({ check, ok }) => [check, ok]),
      [['include-unread', 'unknown']],
    );
  }
});

const x = '$' + '{X}';
const log = '$' + '{APACHE_LOG_DIR}';

test('Define counts from its line on, and only where its condition holds', () => {
  const { directives, findings } = read(
    `A ${x}\nDefine X one\nA ${x}\nUnDefine X\n<IfDefine Y>\nDefine X two\n</IfDefine>\nA ${x}\nA ${log}\n`,
  );
  assert.deepEqual(
    names(directives).filter((one) => one.startsWith('a')),
    [`a ${x}`, 'a one', `a ${x}`, `a ${log}`],
  );
  assert.deepEqual(
    findings.map(({ check }) => check),
    ['variable-unknown'],
    'said once, and not of what Debian sets itself',
  );
});

test('IfModule: what a whole configuration loads; all of them in a part of one', () => {
  const part = '<IfModule mod_proxy.c>\nA\n</IfModule>\n<IfModule !proxy_module>\nB\n</IfModule>\n';
  assert.deepEqual(names(read(part).directives), ['a']);
  const whole = `LoadModule mpm_event_module x.so\n${part}LoadModule proxy_module x.so\n${part}`;
  assert.deepEqual(
    names(read(whole).directives).filter((one) => one.length === 1),
    ['b', 'a'],
  );
  assert.deepEqual(names(read('<IfVersion >= 2.4>\nA\n</IfVersion>\n<IfVersion < 2.4>\nB\n</IfVersion>').directives), [
    'a',
  ]);
});

test('sections within sections of the same name that do not count are passed over whole', () => {
  const text = '<IfDefine NO>\n<IfDefine ALSO>\nA\n</IfDefine>\nB\n</IfDefine>\n<Location /x>\nC\n</Location>';
  const { directives } = read(text);
  assert.deepEqual([names(directives), names(directives[0]!.inside!)], [['location /x'], ['c']]);
});

test('ProxyPass takes whole parts of a path, and any number of slashes for one', () => {
  const cases = [
    ['/admin/x', '/admin', 6],
    ['/administration', '/admin', 0],
    ['/admin', '/admin/', 0],
    ['/a//b/c', '/a/b/', 6],
    ['/anything', '/', 1],
  ] as const;
  for (const [path, prefix, length] of cases) assert.equal(prefixLength(path, prefix), length, `${prefix} of ${path}`);
});

test('mod_jk: lists that are given twice are joined, references are followed, what is said itself counts', () => {
  const { values } = propertiesOf(
    'worker.list=a\nworker.list=b # and so on\nworker.t.port=1\nworker.t.host=t\nworker.u.reference=worker.t\nworker.u.host = u \nworker.v.reference=worker.u\nbase=/x\nworker.t.ns=$(base)/y\n',
    'f',
  );
  const of = (key: string) => values.get(key)?.value;
  assert.deepEqual(
    [of('worker.list'), of('worker.u.host'), of('worker.v.host'), of('worker.v.port'), of('worker.v.ns')],
    ['a,b', 'u', 'u', '1', '/x/y'],
  );
});

test('mod_jk: references in a circle end', () => {
  assert.equal(
    propertiesOf('worker.a.reference=worker.b\nworker.b.reference=worker.a\nworker.b.port=1', 'f').values.get(
      'worker.a.port',
    )?.value,
    '1',
  );
});

test('mod_jk: the rule with more slashes comes first, then the longer one; "!" takes away', () => {
  const place = { file: 'f', line: 1 };
  const rules = [
    ['/*', 'all'],
    ['/aa|/*', 'some'],
    ['/aa/b/*', 'deep'],
    ['!/aa/b/c*', 'deep'],
    ['-/aa/off', 'off'],
    ['/aa/*.do', 'doing'],
  ].flatMap(([path, worker]) => rulesOf(path!, worker!, false, 'JkMount', place));
  const to = (path: string) => {
    const found = mountOf(path, rules);
    return found === undefined ? undefined : found.unmountedBy === undefined ? found.rule.worker : 'httpd';
  };
  assert.deepEqual(['/x', '/aa', '/aa/x', '/aa/b/x', '/aa/b/cd', '/aa/off', '/aa/x/y.do', '/aab'].map(to), [
    'all',
    'some',
    'some',
    'deep',
    'httpd',
    'some',
    'doing',
    'all',
  ]);
  assert.ok(fits('/a/b', '/?/*') && !fits('/a', '/a/*'));
});

test('whatever a file holds, it is read to its end, or refused in a line', () => {
  const seed = Number(process.env['LATCHKEY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random.fraction() * limit);
  const texts = [goodHttpd, goodJk, goodWorkers, goodMap, goodNginx, goodHaproxy, `${goodHttpd}${goodJk}`];
  const pieces = [
    '<',
    '>',
    '</Proxy>',
    '<Location ~ "(">',
    '"',
    '\\\n',
    '${',
    '}',
    '=',
    ' [P,C,S=9]\n',
    'RewriteEngine On\n',
    '#',
    '\0',
    '(',
    '[',
    '*',
    'balancer://',
    '%{',
    ';',
    '{',
    'é',
    '\r',
  ];
  write({ 'workers.properties': goodWorkers });
  for (let round = 0; round < 200; round += 1) {
    let text = texts[below(texts.length)]!;
    for (let change = below(8); change >= 0; change -= 1) {
      const at = below(text.length);
      const taken = below(3) === 0 ? below(40) : 0;
      text =
        text.slice(0, at) +
        (below(2) === 0 ? pieces[below(pieces.length)] : text.slice(below(text.length)).slice(0, below(60))) +
        text.slice(at + taken);
    }
    write({ 'changed.conf': text });
    try {
      const { findings } = readConfiguration(join(directory, 'changed.conf'), {
        cookie: 'STICKY_ROUTE=a.node1',
        url: '/shop/a?b',
      });
      assert.ok(findings.every(({ check, says }) => check !== '' && says !== ''));
    } catch (error) {
      assert.ok(error instanceof UsageError, `seed ${seed}, round ${round}: ${(error as Error).stack}\n${text}`);
    }
  }
});

test('a file that only includes others, or is of Caddy, is not said to be right', () => {
  write({
    'nginx.conf': 'http {\n    include conf.d/*.conf;\n}\n',
    Caddyfile: 'https://app.xyz.com {\n\theader Upgrade *\n\treverse_proxy 10.0.0.1:8080\n}\n',
  });
  for (const name of ['nginx.conf', 'Caddyfile'])
    assert.throws(
      () => readConfiguration(join(directory, name)),
      (error) => error instanceof UsageError && /nothing in it is known/.test(error.message),
      name,
    );
});
