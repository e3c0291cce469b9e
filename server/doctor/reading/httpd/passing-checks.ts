/** Whether requests get to the balancer at all. */

import { nearest } from '../../../../sso/nearest.ts';
import type { Check, Fault } from '../check.ts';
import { balancerName } from './build.ts';
import { schemes } from './journey.ts';
import type { HttpdModel } from './model.ts';
import { balancerKeys, memberKeys, type Parameter, type Parameters } from './parameters.ts';
import { passOf, prefixLength } from './path.ts';
import { originOf, outletsIn } from './use.ts';

const schemeOf = (url: string) => /^([a-z0-9+.-]+):\/\//i.exec(url)?.[1]?.toLowerCase();

export const passingChecks: readonly Check<HttpdModel>[] = [
  {
    name: 'balancer-scheme',
    fine: 'All that is passed on is passed by a protocol that httpd speaks.',
    look: (model) =>
      outletsIn(model)?.flatMap(({ server, outlet: { to, place, pass } }): readonly Fault[] => {
        const scheme = schemeOf(to);
        if (scheme === undefined || schemes.has(scheme)) return [];
        const named = /^[^:]+:\/\/([^/]*)/.exec(to)![1]!;
        const names = server.balancers.map(({ name }) => name);
        const meant =
          names.find((name) => name === named.toLowerCase()) ?? names.find((name) => name === scheme) ?? names[0];
        return [
          {
            of: pass?.from ?? 'RewriteRule',
            says: `"${scheme}://" is no protocol of httpd, every request is answered 500. A balancer is named balancer://NAME wherever it is named.`,
            remedy: `Write balancer://${meant ?? named} in place of ${scheme}://${named}.`,
            at: place,
          },
        ];
      }),
  },
  {
    name: 'balancer-empty',
    fine: 'Every balancer that is named has members.',
    look: (model) => {
      const named = outletsIn(model)?.filter(({ outlet }) => balancerName(outlet.to) !== undefined);
      return named?.length === 0
        ? undefined
        : named?.flatMap(({ server, outlet: { to, place } }): readonly Fault[] => {
            const name = balancerName(to)!;
            const balancer = server.balancers.find((one) => one.name === name);
            if (balancer !== undefined && balancer.members.length > 0) return [];
            const others = model.servers.flatMap(({ balancers }) =>
              balancers.filter(({ members }) => members.length > 0).map((one) => one.name),
            );
            const near = nearest(name, others) ?? others[0];
            const elsewhere = others.includes(name);
            const status = balancer === undefined ? 500 : 503;
            return [
              {
                says: elsewhere
                  ? `The balancer ${name} has its members in another virtual host, and none here: every request gets ${status}.`
                  : `No balancer "${name}" has members: every request gets ${status}${near === undefined ? '' : `; there is one called "${near}"`}.`,
                remedy: elsewhere
                  ? 'Put <Proxy balancer://…> into the main server, outside all virtual hosts.'
                  : near === undefined
                    ? `Add <Proxy balancer://${name}> with a BalancerMember for each node.`
                    : `Write balancer://${near}.`,
                at: place,
              },
            ];
          });
    },
  },
  {
    name: 'member-ignored',
    fine: 'Every BalancerMember counts.',
    look: (model) => {
      const balancers = model.servers.flatMap((one) => one.balancers);
      if (balancers.length === 0) return undefined;
      return balancers.flatMap(({ name, members, ignored }) =>
        ignored.map(({ url, place }): Fault => {
          const isTwice = members.some((one) => one.url === url);
          return {
            of: url,
            says: isTwice
              ? `named again in ${name}: what it says there is not looked at.`
              : `${name} has its members from the main server, and none that a virtual host adds.`,
            remedy: isTwice
              ? 'Say all in one BalancerMember.'
              : 'Put it where the others are, or use a balancer of another name.',
            at: place,
          };
        }),
      );
    },
  },
  {
    name: 'slash-mismatch',
    fine: 'Path and target of every ProxyPass both end with a slash, or neither does.',
    look: (model) =>
      outletsIn(model)?.flatMap(({ outlet: { pass } }): readonly Fault[] => {
        if (pass === undefined || pass.isPattern || pass.from.endsWith('/') === pass.to.endsWith('/')) return [];
        const example = `${pass.from}${pass.from.endsWith('/') ? '' : '/'}page`;
        const seen = pass.to + example.slice(prefixLength(example, pass.from));
        return [
          {
            says: `${example} becomes ${seen}.`,
            remedy: pass.from.endsWith('/')
              ? `Write ${pass.to}/.`
              : `Write ${pass.from}/, or take the slash at the end of the target away.`,
            at: pass.place,
          },
        ];
      }),
  },
  {
    name: 'rule-shadowed',
    fine: 'No ProxyPass stands behind one that takes all of its paths.',
    look: (model) => {
      if (outletsIn(model) === undefined) return undefined;
      return model.servers.flatMap(({ passes }) =>
        passes.flatMap((pass, index): readonly Fault[] => {
          if (pass.isPattern) return [];
          const before = passes.slice(0, index).find((one) => !one.isPattern && prefixLength(pass.from, one.from) > 0);
          if (before === undefined) return [];
          return [
            {
              says: `ProxyPass ${pass.from} is never reached: ProxyPass ${before.from} (line ${before.place.line}) comes first and takes all of it.`,
              remedy: 'Put the longer path first.',
              at: pass.place,
            },
          ];
        }),
      );
    },
  },
  {
    name: 'rewrite-not-passed',
    fine: 'What RewriteRule makes of a path gets to ProxyPass.',
    look: (model) => {
      if (outletsIn(model) === undefined || model.servers.every(({ rewrites }) => rewrites.length === 0))
        return undefined;
      return model.servers.flatMap((server) =>
        server.rewrites
          .filter(
            ({ to, flags }) =>
              to.startsWith('/') &&
              !flags.some((flag) => /^(?:PT|passthrough|P|proxy|R\b.*|redirect.*|F|G)$/i.test(flag)),
          )
          .filter(({ to }) => passOf(to, server)?.to !== undefined)
          .map(({ to, place }) => ({
            says: `RewriteRule makes ${to} a file of httpd's own: without PT no ProxyPass is asked, and the answer is 404.`,
            remedy: 'Add PT to its flags: [PT].',
            at: place,
          })),
      );
    },
  },
  {
    name: 'member-bypassed',
    fine: 'No path leads to one member past the balancer.',
    look: (model) =>
      outletsIn(model)?.flatMap(({ server, outlet: { to, place, pass } }): readonly Fault[] => {
        if (balancerName(to) !== undefined) return [];
        const balancer = server.balancers.find(({ members }) =>
          members.some(({ url }) => originOf(url) === originOf(to).replace(/^ws/, 'http')),
        );
        if (balancer === undefined) return [];
        return [
          {
            says: `${pass?.from ?? 'This rule'} leads to ${originOf(to)} alone: when that node is away, it fails, and its cookies lead nowhere.`,
            remedy: `Lead it to balancer://${balancer.name}.`,
            at: place,
          },
        ];
      }),
  },
  {
    name: 'parameter-unknown',
    fine: 'httpd knows every key=value of its balancers.',
    look: (model) => {
      const places = outletsIn(model);
      if (places === undefined) return undefined;
      const faultsOf = (parameters: Parameters, known: readonly string[], others: readonly string[], what: string) =>
        [...parameters.values()].flatMap(({ key, place }: Parameter): readonly Fault[] => {
          if (known.includes(key) || key === 'mapping') return [];
          const near = nearest(key, known);
          return [
            {
              says: `${key}= is nothing that ${what} has${others.includes(key) ? ', it belongs elsewhere' : ''}: httpd does not start.`,
              remedy: others.includes(key)
                ? `Put ${key}= ${what === 'a balancer' ? 'to the BalancerMember' : 'to ProxyPass or ProxySet of the balancer'}.`
                : near === undefined
                  ? `Take ${key}= away.`
                  : `Write ${near}=.`,
              at: place,
            },
          ];
        });
      const balancers = model.servers.flatMap((one) => one.balancers);
      return [
        ...balancers.flatMap(({ parameters }) => faultsOf(parameters, balancerKeys, memberKeys, 'a balancer')),
        ...balancers.flatMap(({ members }) =>
          members.flatMap(({ parameters }) => faultsOf(parameters, memberKeys, balancerKeys, 'a member')),
        ),
      ];
    },
  },
];
