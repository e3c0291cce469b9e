/** What a node sees of a request, and a browser of its answer. */

import type { Check, Fault } from '../check.ts';
import { balancerName } from './build.ts';
import { nameOf } from './journey.ts';
import type { HttpdModel, HttpdServer } from './model.ts';
import type { Parameters } from './parameters.ts';
import { isHttp, outletsIn, outletsOf } from './use.ts';

/** Those that pass something on by HTTP; undefined: none does. */
function httpServers(model: HttpdModel): readonly HttpdServer[] | undefined {
  const found = model.servers.filter((server) => outletsOf(server, model).some(({ to }) => isHttp(to, server)));
  return found.length === 0 ? undefined : found;
}
export const seenChecks: readonly Check<HttpdModel>[] = [
  {
    name: 'zope-path',
    fine: 'Nodes get the paths that browsers ask for.',
    look: (model) =>
      outletsIn(model)?.flatMap(({ outlet: { to, place, pass } }): readonly Fault[] =>
        /\/(?:VirtualHostBase|VirtualHostRoot)(?:\/|$)/.test(to)
          ? [
              {
                of: pass?.from ?? 'RewriteRule',
                says: 'the node sees /VirtualHostBase/…/VirtualHostRoot/ before every path; only Zope takes that for the host and the port that browsers use.',
                remedy:
                  'For a Node application pass the path as it is (ProxyPass / balancer://NAME/) with ProxyPreserveHost On.',
                at: place,
              },
            ]
          : [],
      ),
  },
  {
    name: 'host-not-passed',
    fine: 'Nodes see the host that browsers ask for.',
    look: (model) =>
      httpServers(model)?.flatMap((server): readonly Fault[] => {
        const said = server.setting('proxypreservehost');
        if (said?.words[0]?.toLowerCase() === 'on') return [];
        const at = said?.place ?? outletsOf(server, model).find(({ to }) => isHttp(to, server))?.place;
        return [
          {
            says: `${nameOf(server)} tells the nodes their own address in place of the host that was asked for: forms are refused as foreign, and redirects lead to the wrong host.`,
            remedy: 'Add ProxyPreserveHost On.',
            at,
          },
        ];
      }),
  },
  {
    name: 'websocket-upgrade',
    fine: 'WebSockets are passed on.',
    look: (model) => {
      const busy = model.servers.filter((server) =>
        outletsOf(server, model).some(({ to }) => isHttp(to, server) || balancerName(to) !== undefined),
      );
      if (busy.length === 0) return undefined;
      return busy.flatMap((server): readonly Fault[] => {
        const outlets = outletsOf(server, model);
        const targets = outlets.flatMap(({ to }) => server.balancers.filter(({ name }) => name === balancerName(to)));
        const members = targets.flatMap((one) => one.members);
        const isUpgraded = (parameters: Parameters) => !/^(?:none)?$/i.test(parameters.get('upgrade')?.value ?? '');
        if (outlets.some((one) => one.isForUpgrades) || members.some((one) => isUpgraded(one.parameters))) return [];
        const at = members[0]?.place ?? outlets[0]?.place;
        if (members.length > 0 && members.every(({ scheme }) => scheme === 'ajp'))
          return [
            {
              says: 'AJP carries no WebSockets: whether an application needs them is not to be seen here.',
              remedy: 'If one does, lead its paths to a balancer of http:// members with upgrade=websocket.',
              at,
              isUnsure: true,
            },
          ];
        if (members.length === 0 && !outlets.some(({ to }) => isHttp(to, server))) return [];
        return [
          {
            says: `${nameOf(server)} passes no WebSocket on: the Upgrade header is dropped, and the node answers as if it were an ordinary request.`,
            remedy:
              'Add upgrade=websocket to each BalancerMember (httpd 2.4.47 or later), if an application uses WebSockets.',
            at,
          },
        ];
      });
    },
  },
  {
    name: 'error-override',
    fine: "The nodes' own answers get through, also those that say no.",
    look: (model) =>
      httpServers(model)?.flatMap((server): readonly Fault[] => {
        const said = server.setting('proxyerroroverride');
        // With codes behind it, only those are replaced.
        if (said?.words[0]?.toLowerCase() !== 'on' || said.words.length > 1) return [];
        return [
          {
            says: 'ProxyErrorOverride On puts pages of httpd in place of 401, 403 and 503: a challenge, a form that was refused and "please try again" do not get through.',
            remedy: 'Take it away, or name the codes: ProxyErrorOverride On 500 502.',
            at: said.place,
          },
        ];
      }),
  },
];
