/** The cookie that httpd itself sets with the route of the node that answered (`Header add Set-Cookie … BALANCER_WORKER_ROUTE`). */

import type { Check, Fault } from '../check.ts';
import type { HttpdModel } from './model.ts';
import { stickyBalancers } from './use.ts';

export const routeCookieCheck: Check<HttpdModel> = {
  name: 'route-cookie',
  fine: 'The cookie that httpd sets is the one that it looks for.',
  look: (model) => {
    const set = model.servers.flatMap(({ headers }) =>
      headers.filter(
        ({ name, text }) => name === 'header' && /set-cookie/i.test(text) && text.includes('BALANCER_WORKER_ROUTE'),
      ),
    );
    if (set.length === 0) return undefined;
    const sticky = (stickyBalancers(model) ?? []).map(({ balancer }) => balancer.parameters);
    return [...new Set(set)].flatMap(({ words, place }): readonly Fault[] => {
      const [, name = '', before = '', after = ''] =
        /(?:^|\s)([^\s=]+)=(.*?)%\{BALANCER_WORKER_ROUTE\}e(.*)$/.exec(words.join(' ')) ?? [];
      const found = sticky.find((one) => one.get('stickysession')!.value.split('|', 1)[0] === name);
      if (found === undefined)
        return [
          {
            says: `The cookie ${name} is set with the route, but no balancer has stickysession=${name}.`,
            remedy: `Write stickysession=${name}.`,
            at: place,
          },
        ];
      const separator = found.get('stickysessionsep')?.value ?? '.';
      const faults: Fault[] = [];
      if (separator.toLowerCase() !== 'off' && !before.includes(separator))
        faults.push({
          says: `The cookie ${name} has no "${separator}" before the route, so no route is found in it.`,
          remedy: `Write ${name}=${separator}%{BALANCER_WORKER_ROUTE}e; path=/.`,
          at: place,
        });
      if (before.includes('"'))
        faults.push({
          says: `The value of the cookie ${name} is quoted, and httpd takes the quote for a part of the route.`,
          remedy: 'Take the quotes away.',
          at: place,
        });
      if (!/;\s*path=\//i.test(after))
        faults.push({
          says: `The cookie ${name} has no path, so it is only good for the directory of the address that set it.`,
          remedy: 'Add "; path=/".',
          at: place,
        });
      return faults;
    });
  },
};
