/** What of httpd leads to mod_jk: JkMount, uriworkermap.properties, mod-jk.conf. */

import { nearest } from '../../../../sso/nearest.ts';
import type { Check, Fault } from '../check.ts';
import type { Location } from '../httpd/model.ts';
import type { JkModel } from './model.ts';
import { fits, mountOf } from './mounts.ts';

/** Undefined: nothing is mounted, or it was not read. */
function rulesIn({ servers }: JkModel) {
  const rules = servers.flatMap((server) => server.rules);
  return rules.length === 0 ? undefined : [...new Set(rules)];
}

export const mountChecks: readonly Check<JkModel>[] = [
  {
    name: 'mount-unknown-worker',
    fine: 'Every mounted worker is one of worker.list.',
    look: (model) =>
      rulesIn(model)?.flatMap(({ worker, path, isUnmount, place }): readonly Fault[] => {
        if (isUnmount || model.workers.listed.includes(worker)) return [];
        const near = nearest(worker, model.workers.listed);
        const isDefined = model.workers.names.includes(worker);
        return [
          {
            of: path,
            says: `given to ${worker}, which worker.list does not name: every request is answered 500.`,
            remedy: isDefined || near === undefined ? `Add ${worker} to worker.list.` : `Write ${near}.`,
            at: place,
          },
        ];
      }),
  },
  {
    name: 'mount-incomplete',
    fine: 'Where all below a path is mounted, the path itself is.',
    look: (model) => {
      if (rulesIn(model) === undefined) return undefined;
      return model.servers.flatMap(({ rules }) =>
        rules
          .filter(({ path, isUnmount, isDisabled }) => !isUnmount && !isDisabled && /^\/[^*?]+\/\*$/.test(path))
          .filter(({ path }) => mountOf(path.slice(0, -2), rules) === undefined)
          .map(({ path, place, worker }) => ({
            says: `${path} takes everything below ${path.slice(0, -2)}, but not ${path.slice(0, -2)} itself: that is answered 404.`,
            remedy: `Write ${path.slice(0, -2)}|/* for ${worker}.`,
            at: place,
          })),
      );
    },
  },
  {
    name: 'mount-not-inherited',
    fine: 'What is mounted counts in every virtual host that should have it.',
    look: (model) => {
      const { httpd, servers } = model;
      const main = servers[0];
      if (httpd === undefined || main === undefined || main.rules.length === 0 || servers.length === 1)
        return undefined;
      return servers
        .slice(1)
        .filter(({ rules }) => rules.length === 0)
        .map(({ name, place }) => ({
          says: `${name} has nothing of what is mounted outside of it: mod_jk gives the mounts of the main server to no virtual host.`,
          remedy: 'Add JkMountCopy On to the virtual host, or JkMountCopy All to the main server.',
          at: place,
        }));
    },
  },
  {
    name: 'status-open',
    fine: 'The status worker is for some only.',
    look: (model) => {
      const { workers, httpd, servers } = model;
      const status = workers.names.filter((name) => workers.typeOf(name) === 'status');
      const rules = rulesIn(model)?.filter(({ worker, isUnmount }) => status.includes(worker) && !isUnmount) ?? [];
      if (status.length === 0 || rules.length === 0) return undefined;
      return rules.flatMap(({ path, worker, place }): readonly Fault[] => {
        const locations =
          httpd?.servers
            .filter((_, index) => servers[index]?.rules.some((one) => one.path === path))
            .flatMap((server) => server.locations) ?? [];
        const own = locations.filter((location) => covers(location, path));
        if (own.some(({ access }) => access === 'some')) return [];
        const isRead = /^(?:t|y|on|1$)/i.test(workers.of(worker, 'read_only')?.value ?? '');
        return [
          {
            says: `${path} shows the status worker to everybody${isRead ? '' : ', and whoever asks can switch nodes off and change routes'}.`,
            remedy: `Put it into <Location ${path.replace(/\*+$/, '')}> with Require local${isRead ? '' : `, and add worker.${worker}.read_only=true if nobody is to change anything`}.`,
            at: place,
          },
        ];
      });
    },
  },
  {
    name: 'shared-memory',
    fine: "httpd's processes share what they know of the nodes.",
    look: ({ httpd, workers }) => {
      if (httpd === undefined || workers.balancers.length === 0) return undefined;
      if (httpd.main.setting('jkshmfile') !== undefined) return [];
      return [
        {
          says: 'JkShmFile is missing: mod_jk takes a file below its ServerRoot, where it may not be allowed to write; then every process balances by itself.',
          remedy: 'Add JkShmFile with a file that httpd may write.',
          at: httpd.main.setting('jkworkersfile')?.place,
        },
      ];
    },
  },
  {
    name: 'uri-forwarding',
    fine: 'Paths get to the nodes as mod_jk decided about them.',
    look: ({ httpd, servers }) => {
      if (httpd === undefined) return undefined;
      return httpd.servers.flatMap(({ directives }, index) =>
        directives
          .filter(({ name }) => name === 'jkoptions')
          .flatMap(({ words, place }): readonly Fault[] => {
            const option = words.find((word) => /^\+?ForwardURICompat(?:Unparsed)?$/i.test(word))?.replace('+', '');
            // Where all is mounted, nothing was decided by the path.
            const isAll = servers[index]!.rules.some(({ path, isUnmount }) => path === '/*' && !isUnmount);
            const isDecoded = option?.toLowerCase() === 'forwarduricompat';
            if (option === undefined || (!isDecoded && isAll)) return [];
            return [
              {
                says: isDecoded
                  ? '+ForwardURICompat sends the path decoded: an encoded "?" or "%" in it becomes another address.'
                  : '+ForwardURICompatUnparsed sends the path as it came: what was decided about /a/../b is not what the node gets.',
                remedy: `Take ${option} away (+ForwardURIProxy is the default).`,
                at: place,
              },
            ];
          }),
      );
    },
  },
  {
    name: 'access-module',
    fine: 'Who may see what is said in words that this httpd knows.',
    look: ({ httpd }) => {
      if (httpd?.modules === undefined || httpd.modules.has('access_compat_module')) return undefined;
      return httpd.servers.flatMap(({ locations }) =>
        locations.flatMap(({ inside }) =>
          inside
            .filter(({ name }) => ['order', 'allow', 'deny'].includes(name))
            .slice(0, 1)
            .map(({ place }) => ({
              says: 'Order, Allow and Deny are of httpd 2.2; without mod_access_compat httpd does not start.',
              remedy: 'Write Require ip 127.0.0.1 (or Require local) in their place.',
              at: place,
            })),
        ),
      );
    },
  },
];

/** Whether what it says of access counts for the path. */
function covers({ path: wanted, isPattern }: Location, path: string): boolean {
  const plain = path.replace(/[*?].*$/, '');
  if (isPattern) return fits(plain, wanted.replace(/^\^|\$$/g, ''));
  return plain === wanted || plain.startsWith(wanted.endsWith('/') ? wanted : `${wanted}/`) || `${plain}/` === wanted;
}
