/**
 * Writes `redirects.txt`, the return addresses that every door must judge: families of spellings, multiplied by the hosts
 * they aim at. Deterministic, so that a new family shows as its own lines in a diff:
 * `node --import tsx test/corpus/make-redirects.ts`. What is too large to be stored is made by `huge()` of `redirects.ts`.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { page } from './redirects.ts';

/** The page's own host, one that is configured, and one that is configured with a port; then those that are nobody's. */
const own = 'sso.xyz.test';
const good = 'app1.xyz.test';
const withPort = 'app2.xyz.test:8443';

const evil = [
  'evil.test',
  'evil.test/x',
  'evil.test:443',
  'evil.test?x',
  'evil.test#x',
  '[::1]',
  '127.0.0.1',
  'xyz.test',
];

/** Hosts that look like one of ours to somebody who compares text. */
const lookalikes = [
  `${good}.evil.test`,
  `${own}.evil.test`,
  `evil${good}`,
  `evil-${good}`,
  `x.${good}`,
  `${good}x`,
  `${good}-evil.test`,
  `${good}_.evil.test`,
  `${good}%2eevil.test`,
  `${good}%00.evil.test`,
  `${good}\u0000.evil.test`,
  `${good}%09.evil.test`,
  `${good}%0d%0a.evil.test`,
  `${good}\\.evil.test`,
  `${good}%5c.evil.test`,
  `${good}%2f.evil.test`,
  `${good}%23.evil.test`,
  `${good}%3f.evil.test`,
  `${good}%40evil.test`,
  `${good};.evil.test`,
  `${good},evil.test`,
  `${good}&evil.test`,
  `${good}|evil.test`,
  `${good}!evil.test`,
  `${good}$.evil.test`,
  `${good}'evil.test`,
  `${good}"evil.test`,
  `${good}\`evil.test`,
  `${good}(.evil.test`,
  `${good}*evil.test`,
  `${good}~.evil.test`,
  `${good}^evil.test`,
  `${good} .evil.test`,
  `${good}%20.evil.test`,
  `${good}\u00a0.evil.test`,
  'app3.xyz.test',
  'xyz.test',
  'test',
  'app1-xyz.test',
  'app1.xyz.tes',
  'app1.xyz.testt',
  'app1xyz.test',
  'app1.xyz..test',
  '.app1.xyz.test',
  'www.sso.xyz.test',
  'sso.xyz.test.',
  'app1.xyz.test.',
  'app1.xyz.test..',
];

const encodeAll = (text: string) =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
const each = (leads: readonly string[], hosts: readonly string[], tails: readonly string[] = ['']) =>
  leads.flatMap((lead) => hosts.flatMap((host) => tails.map((tail) => lead + host + tail)));
const hex = (code: number) => code.toString(16);
/** Printable places of a name where a character can be pushed in. */
const pushed = (text: string, what: string, places: readonly number[]) =>
  places.map((at) => text.slice(0, at) + what + text.slice(at));

const controls = Array.from({ length: 33 }, (_, code) => String.fromCharCode(code)).concat(
  '\u007f',
  '\u0080',
  '\u0085',
);
const spaces = [
  '\u00a0', '\u1680', '\u2000', '\u2003', '\u2007', '\u200a', '\u2028', '\u2029', '\u202f', '\u205f', '\u3000', '\ufeff', '\u200b', '\u200c',
  '\u200d', '\u2060', '\u00ad', '\u180e', '\u034f', '\u061c', '\u200e', '\u202e', '\u2066', '\ufe0f', '\u{e0001}', '\u{e0020}',
]; // biome-ignore format: a list of characters
const dots = [
  '\u3002',
  '\uff0e',
  '\uff61',
  '\u2024',
  '\ufe52',
  '\u00b7',
  '\u0701',
  '%E3%80%82',
  '%EF%BC%8E',
  '%EF%BD%A1',
  '%2e',
  '%2E',
  '%252e',
];
const slashes = [
  '\uff0f', '\u2044', '\u2215', '\u29f8', '\u2571', '\u27cb', '\u3033', '\u338f', '\u2100', '\u2105', '\u2106', '\ufe68', '\uff3c', '\u29f5',
  '\u29f9', '\u2216', '\u00a5', '\u20a9',
]; // biome-ignore format: a list of characters
/** What compatibility normalisation makes of `:`, `@`, `?`, `#`, and of letters. */
const folded = [
  '\uff1a',
  '\ufe55',
  '\ua789',
  '\u2236',
  '\uff20',
  '\ufe6b',
  '\uff1f',
  '\ufe56',
  '\uff03',
  '\ufe5f',
  '\uff05',
  '\ufe6a',
  '\u2048',
  '\u2049',
];

const families: Readonly<Record<string, readonly string[]>> = {
  'harmless: these must be followed as they are': [
    '/',
    '/orders',
    '/orders?page=2',
    '/orders?page=2&sort=name#top',
    '/a/b/c/d.html',
    '/a:b',
    '/a@b',
    '/a;b=c',
    '/~alice/',
    '/-_.!*()',
    '/?q=https://evil.test/',
    '/?return_to=//evil.test',
    '/#//evil.test',
    '/#@evil.test',
    '/x?u=//evil.test&v=a@b',
    '/%C3%BCber',
    '/a%20b',
    '/a?b=%2F%2Fevil.test',
    '/a?b=%0d%0aSet-Cookie:x=y',
    '/a?b=c+d',
    '/login',
    '/index.php?route=account/login',
    ...Array.from({ length: 30 }, (_, i) => `/orders/${i}?page=${i * 7}#row-${i}`),
    ...[own, good, withPort].flatMap((host) => [
      `https://${host}/`,
      `https://${host}/orders`,
      `https://${host}/orders?page=2#top`,
      `https://${host}/a/b;c?d=//evil.test`,
      `https://${host}/?u=https://evil.test`,
    ]),
  ],
  'two slashes of any kind': each(
    [
      '//', '///', '////', '/////', '/\\', '\\/', '\\\\', '\\\\\\', '/\\/', '\\//', '//\\', '/\\\\', '\\', '\\\\/', '/\\/\\', '//\\\\//', './/', '..//', '/.//',
      '/..//', '/./..//', '/a/..//', '/a/../..//', '/a//..//..//', '/.\\\\', '/..\\\\', '/.\\/', '/a\\..\\\\', '/;//', ';//', '~//', '/~//', '!//', '/!//',
      '/?//', '?//', '#//', '/#//', '/$//', '/:/', ':/', '://', ':////', '.://', '*//', '/*//', '/_//', '-//', '+//', '&//', '=//', '/=//', '@//', '/@//',
    ],
    evil,
  ), // biome-ignore format: a list of spellings
  'controls and blanks between, before and after': [
    ...controls.flatMap((one) => [
      `/${one}/evil.test`,
      `${one}//evil.test`,
      `/${one}\\evil.test`,
      `//${one}evil.test`,
      `${one}https://evil.test`,
      `https:${one}//evil.test`,
      `ht${one}tps://evil.test`,
      `${one}javascript:alert(1)`,
      `java${one}script:alert(1)`,
      `/a${one}b`,
    ]),
    ...spaces.flatMap((one) => [
      `/${one}/evil.test`,
      `${one}//evil.test`,
      `//${one}evil.test`,
      `${one}https://evil.test`,
      `https://${one}evil.test`,
      `https://${good}${one}.evil.test`,
      `${one}javascript:alert(1)`,
      `java${one}script:alert(1)`,
    ]),
    ...[
      '\t\t',
      '\t\n',
      '\r\n',
      '\n\r',
      '\t \t',
      ' \t ',
      '\r\r\n\n',
      '\u0000\u0000',
      '\u0001\u0002',
      '\ufeff\ufeff',
      ' \u00a0 ',
    ].flatMap((one) => [
      `/${one}/evil.test`,
      `${one}//evil.test`,
      `${one}/${one}/${one}evil.test`,
      `${one}h${one}t${one}t${one}p${one}s${one}:${one}/${one}/${one}evil.test${one}`,
      `${one}j${one}a${one}v${one}a${one}script:alert(1)`,
    ]),
    ...['\t', '\n', '\r'].flatMap((one) => pushed('https://evil.test/', one, [0, 1, 4, 5, 6, 7, 8, 12, 17])),
  ],
  'headers split by what is in the address': [
    '\r\n', '\n', '\r', '%0d%0a', '%0a', '%0D', '%0d%0a%20', '%E5%98%8A%E5%98%8D', '\u560a\u560d', '\u010a', '\u010d', '%250d%250a', '%u000d%u000a', '\\r\\n', '\u0085', '\u2028',
  ].flatMap((one) => [
    `/${one}Location: https://evil.test`,
    `/${one}Set-Cookie: a=b`,
    `/${one}${one}<script>alert(1)</script>`,
    `/x?y=${one}Refresh: 0;url=https://evil.test`,
    `${one}/orders`,
    `https://${good}/${one}Location: https://evil.test`,
  ]), // biome-ignore format: a list of spellings
  'slashes and dots that are encoded once, twice, wrongly': [
    ...each(
      [
        '/%2f', '/%2F', '%2f%2f', '%2F%2F', '/%2f/', '/%5c', '/%5C', '%5c%5c', '/%5c/', '/%09/', '/%0a/', '/%0d/', '/%00/', '/%20/', '/%a0/', '/%7f/', '/%252f', '/%25252f', '/%255c', '%252f%252f',
        '/%2e/', '/%2e//', '/%2e%2e//', '/a/%2e%2e//', '/.%2e//', '/%2e.//', '/%2E%2E//', '/a/%252e%252e//', '/%u002f', '/%u2215', '/%c0%af', '/%e0%80%af', '/%f0%80%80%af', '/%c0%2f', '/%c1%9c', '/%ef%bc%8f',
        '/%2f%2f', '/%2f%5c', '/%5c%2f', '%2f', '%5c', '%09//', '%20//', '%00//', '/%/', '/%2/', '/%g0/', '%', '/%25', '/%ff/', '/%fe%ff/', 'https%3a//', 'https%3A%2F%2F', 'https:%2f%2f', 'https:/%2f', '%68ttps://', 'https%253a%252f%252f',
      ],
      ['evil.test', 'evil.test/%2e%2e', '[::1]'],
    ),
    encodeAll('//evil.test'),
    encodeAll('https://evil.test'),
    encodeAll('javascript:alert(1)'),
    encodeURIComponent('https://evil.test/?a=b'),
    encodeURIComponent(encodeURIComponent('https://evil.test/?a=b')),
    encodeURIComponent(encodeURIComponent(encodeURIComponent('//evil.test'))),
    '&#47;&#47;evil.test',
    '&#x2f;&#x2f;evil.test',
    '&sol;&sol;evil.test',
    '&bsol;&bsol;evil.test',
    '/&Tab;/evil.test',
    'java&Tab;script:alert(1)',
    'java&#10;script:alert(1)',
    'javascript&colon;alert(1)',
    '\\u002f\\u002fevil.test',
    '\\x2f\\x2fevil.test',
    '=?utf-8?Q?=2F=2Fevil.test?=',
  ], // biome-ignore format: a list of spellings
  'schemes of the web with too few, too many and other slashes': each(
    [
      'https:', 'https:/', 'https://', 'https:///', 'https:////', 'https:\\', 'https:\\\\', 'https:/\\', 'https:\\/', 'https:///\\', 'http:', 'http:/', 'http://', 'http:///', 'http:\\\\', 'HTTPS://', 'HtTpS:', 'hTTp:/',
      'https:.', 'https:..//', 'https:/.//', 'https:?//', 'https:#//', 'https:;//', 'https:%2f%2f', 'https:@', 'https:///@', 'https:// ', 'https ://', ' https://', 'https:\t//', 'https:/\t/', 'https:\n\n//', 'https::', 'https:://', 'https:https://',
      'https://https://', 'https:http:', '//https://', '//https:', '/https://', 'https//', 'https;//', 'https=//', 'https.//', 'url:https://', 'URL=https://', '0;url=https://', 'view-source:https://', 'feed:https://', 'feed://', 'jar:https://', 'wyciwyg://', 'x:https://',
    ],
    evil.slice(0, 6),
  ), // biome-ignore format: a list of spellings
  'hosts that look like ours': [
    ...each(['https://', '//', 'https:', '/\\', 'http://'], lookalikes),
    ...each(['https://'], lookalikes.slice(0, 30), ['/orders', '?x', '#x', ':8443/', '\\x']),
  ],
  'the name of ours in path, query and fragment': each(
    ['https://evil.test', '//evil.test', '/\\evil.test', 'https:evil.test'],
    [
      '/',
      '?',
      '#',
      '/?',
      '/#',
      '\\',
      ';',
      '/@',
      '?@',
      '#@',
      '#.',
      '?.',
      '/https://',
      '?https://',
      '#https://',
      '%23',
      '%3f',
      '%2f',
      '\\@',
      ':443/',
    ],
    [good, own],
  ),
  'user and password before the host': [
    ...each(
      ['https://', '//', 'https:', '/\\', 'http://'],
      [
        `${good}@evil.test`, `${good}:x@evil.test`, `${good}:443@evil.test`, `${good}%40evil.test`, `${good}@@evil.test`, `a@${good}@evil.test`, `a:b@evil.test`, '@evil.test', ':@evil.test', ':x@evil.test',
        `${good}/@evil.test`, `${good}\\@evil.test`, `${good}%2f@evil.test`, `${good}%5c@evil.test`, `${good}%23@evil.test`, `${good}#@evil.test`, `${good}?@evil.test`, `${good};@evil.test`, `${good}&@evil.test#@${good}/`,
        `evil.test@${good}`, `evil.test:x@${good}`, `a:b@${good}/orders`, `@${good}`, `:@${good}`, `%00@${good}`, `%0d%0a@${good}`, `evil.test\\@${good}`, `evil.test/@${good}`, `evil.test#@${good}`, `evil.test?@${good}`,
        `evil.test%2f@${good}`, `evil.test%5c@${good}`, `evil.test\t@${good}`, `[::1]@${good}`, `${good}@[::1]`, `${good}\u0000@evil.test`, `\u0000${good}@evil.test`, `${'a'.repeat(300)}@evil.test`, `${good}\uff20evil.test`,
      ],
    ),
  ], // biome-ignore format: a list of spellings
  'ports': each(
    ['https://', 'http://', '//'],
    [
      `${good}:80/`, `${good}:8443/`, `${good}:444/`, `${good}:0/`, `${good}:/evil`, `${good}:443:443/`, `${good}:99999/`, `${good}:65536/`, `${good}:-1/`, `${good}:+443/`, `${good}:0x1bb/`, `${good}:443a/`, `${good}: 443/`,
      `${good}:443\\@evil.test`, `${good}:@evil.test`, `${good}:443@evil.test/`, `${good}:4430/`, `${good}:00000444/`, `${good}:\u0664\u0664\u0663/`, `${good}:\uff14\uff14\uff13/`, `${good}:%34%34%33/`, `${good}:443.evil.test/`, `${good}:443#@evil.test`,
      'app2.xyz.test/', 'app2.xyz.test:443/', 'app2.xyz.test:84430/', 'app2.xyz.test:844/', 'app2.xyz.test:18443/', `${own}:80/`, `${own}:8080/`, `${own}:8443/`, 'evil.test:443/', `evil.test:${good}/`, `:443/`, ':@/', `:${good}/`,
    ],
  ), // biome-ignore format: a list of spellings
  'dots of other scripts, and encoded ones': dots.flatMap((dot) => [
    `https://evil${dot}test`,
    `//evil${dot}test`,
    `https://app1${dot}xyz${dot}test/`,
    `https://${good}${dot}evil${dot}test/`,
    `https://${good}${dot}/`,
    `/${dot}/evil.test`,
    `/${dot}${dot}//evil.test`,
    `/a/${dot}${dot}//evil.test`,
  ]),
  'slashes, colons and ats of other scripts': [
    ...slashes.flatMap((one) => [
      `${one}${one}evil.test`,
      `/${one}evil.test`,
      `${one}/evil.test`,
      `https:${one}${one}evil.test`,
      `https://${good}${one}.evil.test`,
      `https://evil.test${one}.${good}`,
      `https://${good}${one}@evil.test`,
    ]),
    ...folded.flatMap((one) => [
      `https${one}//evil.test`,
      `javascript${one}alert(1)`,
      `https://${good}${one}evil.test`,
      `https://evil.test${one}${good}`,
      `https://${good}${one}@evil.test/`,
    ]),
  ],
  'names that normalisation or IDNA changes': [
    'ⓔⓥⓘⓛ.test', 'ｅｖｉｌ.test', '𝐞𝐯𝐢𝐥.test', '𝓮𝓿𝓲𝓵.test', 'ℯvil.test', 'evⅰl.test', 'ªpp1.xyz.test', 'app¹.xyz.test', 'ａｐｐ１.ｘｙｚ.ｔｅｓｔ', 'app１.xyz.test', 'app①.xyz.test', 'APP1.XYZ.TEST', 'app1.xyz.teſt', 'app1.xyz.teﬆ', 'ápp1.xyz.test',
    'a\u0301pp1.xyz.test', 'аpp1.xyz.test', 'app1.хyz.test', 'xn--pp1-hoa.xyz.test', 'xn--app1.xyz.test', 'xn--.xyz.test', 'xn--a.test', 'app1.xyz.xn--test', 'app\u00ad1.xyz.test', 'app1\u200d.xyz.test', 'app1\u200c.xyz.test', 'app1.xyz\u2060.test', 'app1\ufe0f.xyz.test',
    'faß.test', 'fass.test', 'βόλος.test', 'ςigma.test', 'İstanbul.test', 'ıstanbul.test', 'K.test', 'Å.test', '\u{1f600}.test', 'evil\u0338.test', '\u202eevil.test', 'tset.zyx.1ppa\u202e', '\u212b.test', '℡.test', '㏂.test', '½.test', '℀.test', '℁evil.test', '⅍.test', '㎯.test',
    '\u1e9e.test', 'app1.xyz.test\u0301', 'evil.test\u0338', '\ud55c.test', '例え.テスト', 'app1。xyz。test', 'app1．xyz．test', 'app1｡xyz｡test', 'app1.xyz.test。evil.test', 'app1.xyz.test．evil.test',
  ].flatMap((host) => [`https://${host}/`, `//${host}/`, `/\\${host}`]), // biome-ignore format: a list of spellings
  'addresses as numbers': [
    ...each(
      ['https://', '//', 'https:'],
      [
        '2130706433', '0x7f000001', '017700000001', '0177.0.0.1', '0x7f.1', '127.1', '127.0.1', '1.1', '0', '00', '0x', '0.0.0.0', '255.255.255.255', '256.0.0.1', '127.0.0.1.', '127.0.0.0x1', '127.0.0.08', '4294967295', '4294967296', '１２７.0.0.1', '①②⑦.0.0.1', '127。0。0。1',
        '%31%32%37.0.0.1', '[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:0:0:1]', '[::1%25lo]', '[::1%lo]', '[fe80::1%25eth0]', '[fe80::1%eth0]', '[v1.x]', '[::1', '::1]', '::1', '[]', '[::1].evil.test', '[::1]:443', '[::1]evil.test', '[::127.0.0.1]', '[1::2::3]', `[${good}]`, `[::1]@evil.test`,
      ],
      ['/'],
    ),
  ], // biome-ignore format: a list of spellings
  'other schemes': [
    ...[
      'javascript:', 'JavaScript:', 'JAVASCRIPT:', 'jAvAsCrIpT:', 'javascript://', 'javascript:/', 'javascript:\\\\', ' javascript:', '\u0001javascript:', 'javascript :', 'javascript\t:', 'java\nscript:', 'java\r\nscript:', 'javascript:\u2028', '\\javascript:', '/javascript:', '//javascript:', 'javascript%3a', 'javascript&colon;', 'ｊａｖａｓｃｒｉｐｔ:', 'javaſcript:', 'livescript:', 'mocha:', 'vbscript:', 'VBScript:', 'data:', 'data:text/html,', 'DATA:text/html;base64,', 'data:,', 'blob:', 'filesystem:',
    ].flatMap((scheme) => [
      `${scheme}alert(1)`,
      `${scheme}//${good}/%0aalert(1)`,
      `${scheme}//${good}/\nalert(1)`,
      `${scheme}<script>alert(1)</script>`,
    ]),
    ...each(
      ['file:', 'file:/', 'file://', 'file:///', 'ws:', 'ws://', 'wss://', 'ftp:', 'ftp://', 'sftp://', 'blob:https://', 'blob:null/', 'filesystem:https://', 'gopher://', 'ldap://', 'smb://', 'ssh://', 'intent://', 'chrome://', 'chrome-extension://', 'about:', 'resource://', 'res://', 'ms-word:ofe|u|https://', 'mailto:', 'tel:', 'sms:', 'magnet:?', 'cid:', 'urn:', 'dict://', 'irc://', 'steam://', 'itms://', 'web+x://', 'a:', 'z:\\', 'c:/', 'c|/', '1:', '-:', '+x://', 'https+x://', 'https.x://', 'httpss://', 'http3://', 'shttp://', 'ttps://', 'ftps://'],
      ['evil.test/', good],
    ),
  ], // biome-ignore format: a list of spellings
  'paths that are relative, or climb': [
    '', ' ', '.', '..', './', '../', '...', './/', './/evil.test', '..//evil.test', 'evil.test', 'evil.test/', 'evil.test:443', 'evil.test@x', 'orders', 'orders/..//evil.test', '?', '#', '?//evil.test', '#//evil.test', '?x=//evil.test', '*', '*:443', '/*', '/..', '/../..', '/../../../../etc/passwd', '/a/../../..//evil.test', '/a/./b/../..//evil.test', '/a/b/../../..//evil.test', '/.;/evil.test', '/..;/evil.test', '/..;//evil.test', '/;/evil.test', '/.../evil.test', '/....//evil.test', '/%2e%2e/%2e%2e//evil.test', 'a:b', 'localhost', 'localhost:80', '0:80', '//', '///', '/\\', '\\', '\\\\', '//?', '//#', '//@', '//:', '//:80', '//:@', '// ', '//\t', '///?', 'https:', 'https:/', 'https://', 'https:///', 'https://?', 'https://#', 'https://@', 'https://:', 'https://:80', 'https://.', 'https://..', 'https://.../', 'https://-', 'https://_', 'https://%', 'https://%20', 'https://*', 'https://*.xyz.test', 'https://?.xyz.test', 'null', 'undefined', 'NaN', '[object Object]', 'true', '0', '-1', '{}', '[]', '["//evil.test"]', "'", '"', '`', '<', '>', '\\0', '%00', '%', '%%', '$', '$' + '{1}', '{{1}}', '..\\', '..\\..\\evil.test', '\\evil.test', 'c:\\evil.test',
  ], // biome-ignore format: a list of spellings
  'addresses inside addresses': [
    ...['return_to=', '/login?return_to=', '/login?return_to=%2F%2F', '/logout?return_to=', '/?url=', '/?next=', '?return_to=', '&return_to=', 'x&return_to=', '/%26return_to=', '/%3Freturn_to=', '#return_to=', '/#return_to=', ';return_to=', '/;return_to='].flatMap((lead) => [
      `${lead}//evil.test`,
      `${lead}https://evil.test`,
      `${lead}%2F%2Fevil.test`,
      `${lead}javascript:alert(1)`,
      `${lead}/login?return_to=//evil.test`,
    ]),
    ...['redirect', 'oauth2/start?rd=', 'out?u=', 'away#', 'r/'].map((door) => `https://${good}//${door}https://evil.test`),
    `https://${good}//evil.test`, `https://${good}/\\evil.test`, `https://${good}/%2f%2fevil.test`, `https://${good}/..//evil.test`, `https://${good}\\evil.test`, `https://${good}\\\\evil.test`, `https://${good}/\t/evil.test`, `https://${own}//evil.test`, `https://${own}/..//evil.test`, `https://${own}/.//evil.test`, `https://${own}\\\\evil.test`, `https://${own}/\\/evil.test`, `https://${own}/%2e%2e//evil.test`, `https://${own}/%5cevil.test`, `//${own}//evil.test`, `https:${own}//evil.test`, `https:///${own}//evil.test`, `https://${own}///`, `https://${own}/./\\evil.test`,
  ], // biome-ignore format: a list of spellings
  'several addresses in one': each(
    ['/orders', `https://${good}/`, '//evil.test'],
    [' ', ',', ', ', ';', '|', '\t', '\r\n', '\n', '\u0000', '%20', '%2c', '%00', '&', '\\', '\u00a0', '\u3000'],
    ['https://evil.test', '//evil.test', 'javascript:alert(1)'],
  ),
  'letters that case folding changes': ['\u017f', '\u212a', '\u0130', '\u0131'].flatMap((one) => [
    `http${one}://evil.test`,
    `java${one}cript:alert(1)`,
    `https://app1.xyz.te${one}t/`,
    `https://app1.${one}yz.test/`,
    `/${one}/evil.test`,
  ]),
  'bytes that are no UTF-8, once decoded': [
    '%ff',
    '%c3',
    '%c0%af',
    '%ed%a0%80',
    '%f4%90%80%80',
    '%80',
    '%fe%fe',
    '%e2%80',
    '%f8%88%80%80%80',
  ].flatMap((one) => [
    `${one}//evil.test`,
    `/${one}/evil.test`,
    `//${one}evil.test`,
    `https://evil.test${one}.${good}`,
    `https://${good}${one}.evil.test`,
    `/a${one}`,
  ]),
  'characters of all the lower planes behind a slash': Array.from({ length: 160 }, (_, i) => i + 0x21)
    .filter((code) => !/[\w.~-]/.test(String.fromCharCode(code)))
    .flatMap((code) => [
      `/${String.fromCharCode(code)}/evil.test`,
      `${String.fromCharCode(code)}//evil.test`,
      `/%${hex(code)}/evil.test`,
    ]),
};

export function corpusText(): string {
  const seen = new Set<string>();
  const lines = [
    '# Return addresses, hostile and harmless, that no door may follow off the allowed origins (SECURITY.md, checks 41 and 45).',
    '# Made by make-redirects.ts: change that, not this.',
    '# A line that begins with # is a remark, and "# family:" begins one; any other line is one address as a JSON string,',
    '# with everything but printable ASCII escaped, so that a control or a blank can be seen. Empty lines do not count.',
    `# They are meant for a page at ${page}.`,
  ];
  for (const [family, addresses] of Object.entries(families)) {
    lines.push('', `# family: ${family}`);
    for (const address of addresses) {
      if (seen.has(address)) continue;
      seen.add(address);
      lines.push(visible(address));
    }
  }
  return `${lines.join('\n')}\n`;
}

function visible(address: string): string {
  return JSON.stringify(address).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

if (process.argv[1] === import.meta.filename) {
  const path = join(import.meta.dirname, 'redirects.txt');
  writeFileSync(path, corpusText());
}
