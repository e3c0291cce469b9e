/** nginx: only what is known to be taken for stickiness or failover and is none, and what a node has to be told. */

import type { Check, Fault } from '../check.ts';
import type { Place } from '../place.ts';

/** `name word …;` or `name word … { inside }`. */
interface Statement {
  readonly words: readonly string[];
  readonly inside: readonly Statement[] | undefined;
  readonly place: Place;
}

export interface NginxModel {
  readonly statements: readonly Statement[];
  /** Those of all depths. */
  readonly all: readonly Statement[];
}

export function nginxModel(text: string, file: string): NginxModel {
  const top: Statement[] = [];
  const open: { words: string[]; inside: Statement[]; place: Place }[] = [];
  let words: string[] = [];
  let line = 1;
  let at: Place = { file, line };
  const add = (statement: Statement) => (open.at(-1)?.inside ?? top).push(statement);
  for (const [token] of text.matchAll(
    /#[^\n]*|\n|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\$\{[^}]*\}|[{};]|(?:\\.|\$\{[^}]*\}|[^\s{};"'])+|[^\S\n]+/gs,
  )) {
    if (token.startsWith('#') || /^[^\S\n]+$/.test(token)) continue;
    if (token === '\n') line += 1;
    else if (token === ';') {
      if (words.length > 0) add({ words, inside: undefined, place: at });
      words = [];
    } else if (token === '{') {
      open.push({ words, inside: [], place: at });
      words = [];
    } else if (token === '}') {
      const block = open.pop();
      if (block !== undefined) add(block);
      words = [];
    } else {
      if (words.length === 0) at = { file, line };
      words.push(token.replace(/^(["'])(.*)\1$/s, '$2'));
      line += token.split('\n').length - 1;
    }
  }
  return { statements: top, all: flattened(top) };
}

function flattened(statements: readonly Statement[]): readonly Statement[] {
  return statements.flatMap((one) => [one, ...flattened(one.inside ?? [])]);
}

function upstreamsOf({ all }: NginxModel): readonly Statement[] {
  return all.filter(({ words, inside }) => words[0] === 'upstream' && inside !== undefined);
}

interface PassedOn {
  readonly location: Statement;
  readonly pass: Statement;
  /** What counts there: its own statements, then those around it. */
  readonly near: readonly Statement[];
}

/** Where requests are passed on, with what stands around; questions to a node itself (auth_request) are left out. */
function passesOf({ statements }: NginxModel): readonly PassedOn[] {
  const walk = (inside: readonly Statement[], around: readonly Statement[]): readonly PassedOn[] => {
    const near = [...inside.filter((one) => one.inside === undefined), ...around];
    const isInternal = inside.some(({ words }) => words[0] === 'internal');
    return inside.flatMap((one): readonly PassedOn[] => {
      if (one.words[0] === 'proxy_pass' && !isInternal) return [{ location: one, pass: one, near }];
      return one.inside === undefined || one.words[0] === 'upstream' || one.words[0] === 'map'
        ? []
        : walk(one.inside, near);
    });
  };
  return walk(statements, []);
}

function sent(near: readonly Statement[], header: string): Statement | undefined {
  return near.find(({ words }) => words[0] === 'proxy_set_header' && words[1]?.toLowerCase() === header);
}

function perPass(model: NginxModel, look: (pass: PassedOn) => readonly Fault[]): readonly Fault[] | undefined {
  const passes = passesOf(model);
  return passes.length === 0 ? undefined : passes.flatMap(look);
}

export const nginxChecks: readonly Check<NginxModel>[] = [
  {
    name: 'hash-is-not-affinity',
    fine: 'No upstream takes a hash for the way back to a node.',
    look: (model) => {
      const upstreams = upstreamsOf(model);
      if (upstreams.length === 0) return undefined;
      return upstreams.flatMap(({ words: [, name], inside }) =>
        inside!
          .filter(
            ({ words }) =>
              words[0] === 'ip_hash' || (words[0] === 'hash' && /\$(?:cookie_|http_cookie|arg_)/.test(words[1] ?? '')),
          )
          .map(({ words, place }) => ({
            says: `${words.join(' ')} of ${name} sends one value always to one server, but not to the node that set the cookie; before there is a cookie all go to one, and each change of the list moves people.`,
            remedy:
              'Read the route with map, and give each route an upstream with its node first and the others as backup; "latchkey balancer nginx" prints it.',
            at: place,
          })),
      );
    },
  },
  {
    name: 'websocket-upgrade',
    fine: 'WebSockets are passed on.',
    look: (model) =>
      perPass(model, ({ pass, near }) => {
        const isNew = near.some(({ words }) => words[0] === 'proxy_http_version' && words[1] === '1.1');
        if (sent(near, 'upgrade') !== undefined && isNew) return [];
        return [
          {
            of: pass.words.join(' '),
            says: `no WebSocket gets through${isNew ? '' : ' (nginx speaks HTTP/1.0 to the node)'}.`,
            remedy:
              'Add proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade and proxy_set_header Connection with a map of it, if an application uses WebSockets.',
            at: pass.place,
          },
        ];
      }),
  },
  {
    name: 'host-not-passed',
    fine: 'Nodes see the host that browsers ask for.',
    look: (model) =>
      perPass(model, ({ pass, near }) =>
        sent(near, 'host') !== undefined
          ? []
          : [
              {
                of: pass.words.join(' '),
                says: 'the node sees the name of the upstream in place of the host that was asked for.',
                remedy: 'Add proxy_set_header Host $http_host.',
                at: pass.place,
              },
            ],
      ),
  },
  {
    name: 'forwarded-proto',
    fine: 'What nodes are told of https is the word of nginx, not of the browser.',
    look: (model) =>
      perPass(model, ({ pass, near }) => {
        const said = sent(near, 'x-forwarded-proto');
        if (said !== undefined && said.words[2] !== '$http_x_forwarded_proto') return [];
        return [
          {
            of: pass.words.join(' '),
            says: 'X-Forwarded-Proto is passed on as the browser sent it: whoever likes is taken to have come by https.',
            remedy: 'Add proxy_set_header X-Forwarded-Proto $scheme.',
            at: (said ?? pass).place,
          },
        ];
      }),
  },
  {
    name: 'connect-timeout',
    fine: 'A node that takes no connection is given up in time.',
    look: (model) =>
      perPass(model, ({ pass, near }) => {
        const said = near.find(({ words }) => words[0] === 'proxy_connect_timeout');
        if (said !== undefined && /^[1-5]s?$|^\d{1,4}ms$/.test(said.words[1] ?? '')) return [];
        return [
          {
            of: pass.words.join(' '),
            says: `a machine that is switched off is waited for ${said?.words[1] ?? '60 s (the default)'} before another is asked.`,
            remedy: 'Add proxy_connect_timeout 2s.',
            at: (said ?? pass).place,
          },
        ];
      }),
  },
];
