/** The house rules that a machine can check: imports go one way, the core touches no world, files stay small enough to read. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sources(path);
    return path.endsWith('.ts') && !path.endsWith('.d.ts') ? [path] : [];
  });
}

const files = ['sso', 'server', 'config'].flatMap(sources);

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
}

function importsOf(path: string): Import[] {
  const text = readFileSync(join(root, path), 'utf8');
  const found = text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm);
  return [...found].map(([, type, target]) => ({
    target: target!.startsWith('.') ? normalize(join(dirname(path), target!)) : target!,
    typeOnly: type !== undefined,
  }));
}

const nouns = new Set(
  [
    'principal',
    'subject',
    'entry',
    'token',
    'kept-once',
    'life',
    'keys',
    'errors',
    'nearest',
    'clock',
    'random',
    'log',
    'hybrid-clock',
    'receipt',
    'cookie-domain',
    'subject-index',
    'origin',
    'corrected-clock',
    'bucketed-map',
    'route',
  ].map((name) => `sso/${name}.ts`),
);

/** The room a file belongs to, and what that room may import from the rest of the tree. */
const rooms: readonly {
  readonly name: string;
  readonly holds: (path: string) => boolean;
  readonly may: (path: string) => boolean;
}[] = [
  { name: 'the nouns', holds: (p) => nouns.has(p), may: (p) => nouns.has(p) || p === 'sso/gossip/lattice.ts' },
  {
    name: 'the channel',
    holds: (p) => p.startsWith('sso/channel/'),
    may: (p) =>
      p.startsWith('sso/channel/') || ['keys', 'clock', 'random', 'errors', 'log'].some((n) => p === `sso/${n}.ts`),
  },
  {
    name: 'gossip',
    holds: (p) => p.startsWith('sso/gossip/'),
    may: (p) =>
      p.startsWith('sso/gossip/') ||
      p === 'sso/channel/channel.ts' ||
      ['clock', 'random', 'errors', 'log'].some((n) => p === `sso/${n}.ts`),
  },
  {
    name: 'final logout',
    holds: (p) => p.startsWith('sso/logout/'),
    may: (p) =>
      p.startsWith('sso/logout/') || p.startsWith('sso/gossip/') || p === 'sso/channel/channel.ts' || nouns.has(p),
  },
  {
    name: 'the disk',
    holds: (p) => p.startsWith('sso/disk/'),
    may: (p) => p.startsWith('sso/disk/') || p.startsWith('sso/gossip/') || nouns.has(p),
  },
  {
    name: 'the registry',
    holds: (p) => p === 'sso/registry.ts' || p.startsWith('sso/registry/'),
    may: (p) =>
      nouns.has(p) || p.startsWith('sso/gossip/') || p.startsWith('sso/logout/') || p.startsWith('sso/registry'),
  },
  {
    name: 'AJP',
    holds: (p) => p.startsWith('sso/ajp/'),
    may: (p) => p.startsWith('sso/ajp/') || ['errors', 'log', 'clock'].some((n) => p === `sso/${n}.ts`),
  },
  {
    name: 'the audit',
    holds: (p) => p.startsWith('sso/audit/'),
    may: (p) => p.startsWith('sso/audit/') || nouns.has(p),
  },
  {
    name: 'http',
    holds: (p) => p.startsWith('sso/http/'),
    may: (p) => p.startsWith('sso/http/') || nouns.has(p),
  },
  {
    name: 'the throttle',
    holds: (p) => p.startsWith('sso/throttle/'),
    may: (p) =>
      p.startsWith('sso/throttle/') || p.startsWith('sso/gossip/') || p === 'sso/http/cookie.ts' || nouns.has(p),
  },
  {
    name: 'sessions',
    holds: (p) => p.startsWith('sso/session/'),
    may: (p) =>
      p.startsWith('sso/session/') ||
      p.startsWith('sso/http/') ||
      p.startsWith('sso/gossip/') ||
      p.startsWith('sso/registry/') ||
      p.startsWith('sso/logout/') ||
      nouns.has(p) ||
      p === 'sso/registry.ts' ||
      p === 'sso/channel/channel.ts' ||
      p === 'sso/disk/shelf.ts',
  },
  {
    name: 'the valve',
    holds: (p) => p.startsWith('sso/valve/'),
    may: (p) =>
      p.startsWith('sso/valve/') ||
      p.startsWith('sso/session/') ||
      p.startsWith('sso/http/') ||
      p.startsWith('sso/audit/') ||
      p === 'sso/throttle/throttle.ts' ||
      p === 'sso/logout/finality.ts' ||
      nouns.has(p) ||
      p === 'sso/registry.ts',
  },
  {
    name: 'health',
    holds: (p) => p.startsWith('sso/health/'),
    may: (p) =>
      p.startsWith('sso/health/') ||
      nouns.has(p) ||
      ['sso/logout/finality.ts', 'sso/gossip/members.ts', 'sso/audit/events.ts'].includes(p),
  },
  {
    name: 'balancer',
    holds: (p) => p.startsWith('sso/balancer/'),
    may: (p) =>
      p.startsWith('sso/balancer/') || p.startsWith('sso/valve/') || p.startsWith('sso/http/') || nouns.has(p),
  },
  {
    name: 'the options',
    holds: (p) => p.startsWith('sso/options'),
    may: (p) =>
      nouns.has(p) ||
      p.startsWith('sso/options') ||
      p.startsWith('sso/logout/') ||
      [
        'sso/registry/limits.ts',
        'sso/throttle/limits.ts',
        'sso/session/options/common.ts',
        'sso/valve/settings.ts',
        'sso/channel/address.ts',
        'sso/channel/channel.ts',
        'sso/disk/disk.ts',
        'sso/disk/shelf.ts',
      ].includes(p),
  },
  {
    name: 'testing',
    holds: (p) => p.startsWith('sso/testing/'),
    may: (p) =>
      p.startsWith('sso/testing/') ||
      [
        'sso/index.ts',
        'sso/channel/memory.ts',
        'sso/channel/channel.ts',
        'sso/clock.ts',
        'sso/random.ts',
        'sso/log.ts',
        'sso/disk/disk.ts',
        'sso/disk/memory-disk.ts',
        'sso/disk/memory-shelf.ts',
      ].includes(p),
  },
  { name: 'the public surface', holds: (p) => p === 'sso/index.ts', may: (p) => p.startsWith('sso/') },
  {
    name: 'the heart',
    holds: (p) => p === 'sso/heart.ts',
    may: (p) =>
      nouns.has(p) ||
      ['gossip/', 'logout/', 'disk/', 'registry', 'session/', 'throttle/', 'channel/channel.ts'].some((at) =>
        p.startsWith(`sso/${at}`),
      ),
  },
  {
    name: "the node's parts",
    holds: (p) => p.startsWith('sso/node/'),
    may: (p) =>
      p.startsWith('sso/') &&
      !p.startsWith('sso/testing/') &&
      !['sso/index.ts', 'sso/start.ts', 'sso/node.ts'].includes(p),
  },
  {
    name: 'the node',
    holds: (p) => p === 'sso/node.ts',
    may: (p) => p.startsWith('sso/') && !p.startsWith('sso/testing/') && p !== 'sso/index.ts' && p !== 'sso/start.ts',
  },
  {
    name: 'the start',
    holds: (p) => p === 'sso/start.ts',
    may: (p) =>
      nouns.has(p) || p.startsWith('sso/options') || p.startsWith('sso/node') || p === 'sso/logout/finality.ts',
  },
  {
    name: 'config',
    holds: (p) => p.startsWith('config/'),
    may: (p) => p.startsWith('config/') || p === 'sso/index.ts' || p === 'sso/nearest.ts',
  },
  {
    name: 'the server',
    holds: (p) => p.startsWith('server/'),
    may: (p) =>
      p.startsWith('server/') ||
      p.startsWith('config/') ||
      ['sso/index.ts', 'sso/session/index.ts', 'sso/nearest.ts'].includes(p),
  },
];

test('imports go one way: each room of the house imports only what its row of the table allows', () => {
  const faults = files.flatMap((path) => {
    const room = rooms.find(({ holds }) => holds(path));
    assert.ok(room, `${path} belongs to no room`);
    return importsOf(path)
      .filter(({ target }) => /^(sso|server|config|test)\//.test(target) && !room.may(target))
      .map(({ target }) => `${path} (${room.name}) imports ${target}`);
  });
  assert.deepEqual(faults, []);
});

test('only the clock, the random source, the channels and the program touch the world', () => {
  const world = /\b(Date\.now|Math\.random|setTimeout|setInterval|setImmediate|performance\.now|process\.hrtime)\s*\(/;
  const mayTouch = (path: string) =>
    ['sso/clock.ts', 'sso/random.ts'].includes(path) || path.startsWith('sso/testing/') || path.startsWith('server/');
  const faults = files.filter((path) => !mayTouch(path) && world.test(code(path)));
  assert.deepEqual(faults, []);
});

test('nothing evaluates text, and nothing is imported by a computed name', () => {
  const faults = files.filter((path) =>
    /\beval\s*\(|new Function\s*\(|\bimport\s*\(\s*[^'"\s)]|\brequire\s*\(\s*[^'"\s)]/.test(code(path)),
  );
  assert.deepEqual(faults, []);
});

test('every module opens with a paragraph that says what it is', () => {
  const faults = files.filter((path) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(join(root, path), 'utf8')));
  assert.deepEqual(faults, []);
});

function code(path: string): string {
  return readFileSync(join(root, path), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');
}
