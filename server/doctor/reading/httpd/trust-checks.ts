/** What others can do here: headers that are believed, pages that change the balancer, connections without a secret. */

import type { Check, Fault } from '../check.ts';
import { nameOf } from './journey.ts';
import type { HttpdModel, HttpdServer, Location } from './model.ts';
import { passOf } from './path.ts';
import { isHttp, membersIn, outletsOf } from './use.ts';

/** Once each: a server has those of the main server as well. */
function locationsIn(model: HttpdModel): readonly { readonly location: Location; readonly server: HttpdServer }[] {
  return model.servers.flatMap((server) => server.locations.map((location) => ({ location, server })));
}

export const trustChecks: readonly Check<HttpdModel>[] = [
  {
    name: 'forwarded-proto',
    fine: 'What nodes are told of https is the word of httpd, not of the browser.',
    look: (model) => {
      const servers = model.servers.filter((server) => outletsOf(server, model).some(({ to }) => isHttp(to, server)));
      if (servers.length === 0) return undefined;
      return servers.flatMap((server): readonly Fault[] => {
        const said = server.headers.filter(
          ({ name, words }) => name === 'requestheader' && words.some((word) => /^x-forwarded-proto:?$/i.test(word)),
        );
        const actions = said.map(({ words }) =>
          words.find((word) => /^(?:set|unset|add|append|merge|setifempty|edit\*?)$/i.test(word))?.toLowerCase(),
        );
        const at = said[0]?.place ?? outletsOf(server, model)[0]?.place;
        if (actions.includes('set') || (actions.includes('unset') && !server.isTls)) return [];
        if (server.isTls)
          return [
            {
              says: `${nameOf(server)} ends TLS and does not tell the nodes: they see http, set no Secure cookie and redirect to http.`,
              remedy:
                'Add RequestHeader set X-Forwarded-Proto https, and name httpd in trust proxy (latchkey serve: web.trustProxy).',
              at,
            },
          ];
        return [
          {
            says: `${nameOf(server)} passes X-Forwarded-Proto on as the browser sent it: whoever likes is taken to have come by https.`,
            remedy: 'Add RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}.',
            at,
          },
        ];
      });
    },
  },
  {
    name: 'manager-open',
    fine: 'Pages that show and change the balancer are for some only.',
    look: (model) => {
      const found = locationsIn(model).filter(({ location }) => /^balancer-manager$/i.test(location.handler ?? ''));
      if (found.length === 0) return undefined;
      return found.flatMap(({ location }): readonly Fault[] =>
        location.access === 'some'
          ? []
          : [
              {
                says: `${location.path} is open to everybody: whoever asks can switch nodes off and change the routes.`,
                remedy: 'Add Require local (or Require ip with the addresses of administrators).',
                at: location.place,
              },
            ],
      );
    },
  },
  {
    name: 'manager-shadowed',
    fine: 'The pages of the manager are not passed on to the nodes.',
    look: (model) => {
      const found = locationsIn(model).filter(
        ({ location }) => /^balancer-manager$/i.test(location.handler ?? '') && !location.isPattern,
      );
      if (found.length === 0) return undefined;
      return found.flatMap(({ location, server }): readonly Fault[] => {
        const passed = passOf(location.path, server);
        if (passed?.to === undefined) return [];
        return [
          {
            says: `${location.path} is passed on to the nodes by ProxyPass ${passed.pass.from} (line ${passed.pass.place.line}) before the manager sees it.`,
            remedy: `Put ProxyPass ${location.path} ! before it.`,
            at: location.place,
          },
        ];
      });
    },
  },
  {
    name: 'open-proxy',
    fine: 'httpd passes on nothing but what stands here.',
    look: (model) => {
      if (!model.servers.some((server) => outletsOf(server, model).length > 0)) return undefined;
      const said = model.servers.flatMap(({ setting }) => setting('proxyrequests') ?? []);
      return said
        .filter(({ words }) => words[0]?.toLowerCase() === 'on')
        .map(({ place }) => ({
          says: 'ProxyRequests On makes httpd a proxy for everybody, to everywhere: a balancer does not need it.',
          remedy: 'Write ProxyRequests Off.',
          at: place,
        }));
    },
  },
  {
    name: 'ajp-secret',
    fine: 'Nodes are reached over AJP with a secret.',
    look: (model) => {
      const members = membersIn(model)?.filter(({ member }) => member.scheme === 'ajp') ?? [];
      if (members.length === 0) return undefined;
      return members
        .filter(({ member }) => !member.parameters.get('secret')?.value)
        .map(({ member }) => ({
          of: member.url,
          says: `no secret=: whoever reaches that port can say who he is and where he comes from, and a node that wants a secret refuses.`,
          remedy: "Add secret=…, the one of the node's ajp.secret.",
          at: member.place,
        }));
    },
  },
  {
    name: 'balancer-persist',
    fine: 'What stands here is what counts.',
    look: (model) => {
      const said = model.servers.flatMap(({ setting }) => setting('balancerpersist') ?? []);
      if (said.length === 0) return undefined;
      return said
        .filter(({ words }) => words[0]?.toLowerCase() === 'on')
        .map(({ place }) => ({
          says: 'BalancerPersist On: what was changed in the balancer-manager outlives restarts, and may count in place of what stands here.',
          remedy: 'Look into the manager, or take it away.',
          at: place,
          isUnsure: true as const,
        }));
    },
  },
];
