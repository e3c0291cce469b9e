/** HAProxy: no reading of all it can do, only what is known to be taken for stickiness or failover and is none. */

import type { Check, Fault } from '../check.ts';
import type { Place } from '../place.ts';

interface Section {
  readonly kind: string;
  readonly name: string;
  readonly place: Place;
  readonly lines: readonly SectionLine[];
}

interface SectionLine {
  readonly words: readonly string[];
  readonly text: string;
  readonly place: Place;
}

export interface HaproxyModel {
  readonly sections: readonly Section[];
}

const kinds =
  /^(?:global|defaults|frontend|backend|listen|userlist|peers|resolvers|cache|program|http-errors|ring|mailers)$/;

export function haproxyModel(text: string, file: string): HaproxyModel {
  const sections: (Section & { lines: SectionLine[] })[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/(^|[^\\])#.*$/, '$1').trim();
    if (line === '') continue;
    const words = line.split(/\s+/);
    const place = { file, line: index + 1 };
    if (kinds.test(words[0]!)) sections.push({ kind: words[0]!, name: words[1] ?? '', place, lines: [] });
    else sections.at(-1)?.lines.push({ words, text: line, place });
  }
  return { sections };
}

function backendsOf({ sections }: HaproxyModel): readonly Section[] {
  return sections.filter(({ kind, lines }) => (kind === 'backend' || kind === 'listen') && serversOf(lines).length > 0);
}

function serversOf(lines: readonly SectionLine[]): readonly SectionLine[] {
  return lines.filter(({ words }) => words[0] === 'server');
}

/** Its own lines and those of `defaults`. */
function linesFor({ lines }: Section, { sections }: HaproxyModel): readonly SectionLine[] {
  return [...sections.filter(({ kind }) => kind === 'defaults').flatMap((one) => one.lines), ...lines];
}

function perBackend(model: HaproxyModel, look: (backend: Section, lines: readonly SectionLine[]) => readonly Fault[]) {
  const backends = backendsOf(model);
  return backends.length === 0 ? undefined : backends.flatMap((one) => look(one, linesFor(one, model)));
}

export const haproxyChecks: readonly Check<HaproxyModel>[] = [
  {
    name: 'cookie-prefix',
    fine: 'Cookies of the applications get through as they are.',
    look: (model) =>
      perBackend(model, (_backend, lines) =>
        lines
          .filter(({ words }) => words[0] === 'cookie' && words.includes('prefix'))
          .map(({ words, place }) => ({
            says: `cookie ${words[1]} prefix puts the server's name before the value: the browser has another id than the node gave it, and another balancer beside this one finds nothing.`,
            remedy:
              'Read the route that is in the cookie (use-server with the end of the cookie), or let HAProxy set a cookie of its own: cookie SERVERID insert indirect nocache.',
            at: place,
          })),
      ),
  },
  {
    name: 'use-server-alone',
    fine: 'Whoever is sent to a server that is just going away gets another.',
    look: (model) =>
      perBackend(model, (_backend, lines) => {
        const first = lines.find(({ words }) => words[0] === 'use-server');
        if (first === undefined || lines.some(({ text }) => /^option\s+redispatch/.test(text))) return [];
        return [
          {
            says: 'use-server insists on its server: a request that finds it gone before a check has noticed is answered 503.',
            remedy: 'Add option redispatch and retry-on conn-failure to the backend.',
            at: first.place,
          },
        ];
      }),
  },
  {
    name: 'health-check',
    fine: 'Servers are asked whether they are ready.',
    look: (model) =>
      perBackend(model, (_backend, lines) => {
        const hasHttp = lines.some(({ text }) => /^option\s+httpchk|^http-check\s+send/.test(text));
        const byDefault = lines.some(({ words }) => words[0] === 'default-server' && words.includes('check'));
        return serversOf(lines).flatMap(({ words, place }): readonly Fault[] => {
          const isChecked = byDefault || words.includes('check');
          if (isChecked && hasHttp) return [];
          return [
            {
              of: `server ${words[1]}`,
              says: isChecked
                ? 'checked by TCP only: a node that drains still takes connections.'
                : 'not checked: a node that is away keeps getting requests.',
              remedy:
                'Add check to the server, and option httpchk GET /readyz with http-check expect status 200 to the backend.',
              at: place,
            },
          ];
        });
      }),
  },
  {
    name: 'appsession',
    fine: 'Nothing is used that HAProxy has no longer.',
    look: (model) =>
      perBackend(model, (_backend, lines) =>
        lines
          .filter(({ words }) => words[0] === 'appsession')
          .map(({ place }) => ({
            says: 'appsession is gone since HAProxy 1.6: it does not start.',
            remedy: 'Use the route in the cookie, or a stick-table.',
            at: place,
          })),
      ),
  },
  {
    name: 'answer-timeout',
    fine: 'A node that does not answer is given up in time.',
    look: (model) =>
      perBackend(model, (backend, lines) =>
        ['connect', 'server'].flatMap((which): readonly Fault[] =>
          lines.some(({ words }) => words[0] === 'timeout' && words[1] === which)
            ? []
            : [
                {
                  says: `${backend.name} has no timeout ${which}: a node that stands still holds everybody up without end.`,
                  remedy: `Add timeout ${which} ${which === 'connect' ? '2s' : '15s'}.`,
                  at: backend.place,
                },
              ],
        ),
      ),
  },
];
