/** `stickyRoute` of a configuration file: the cookie by which a balancer keeps whoever is signed on at this node. The library's options of the same names, and its checks. */

import { z } from 'zod';
import { type SignOnHook, SsoError, stickyRoute } from '../sso/index.ts';
import { fields, must } from './document.ts';

const text = (be: string) => z.string(must(be)).min(1, `must be ${be}`);

export const stickyRouteSchema = fields({
  cookieName: text('the name of a cookie').exactOptional(),
  path: text('a path, as in /').exactOptional(),
  domain: text('a domain, as in xyz.com').exactOptional(),
  maxAgeMs: z.number(must('a whole number of milliseconds')).exactOptional(),
  routeFrom: z.enum(['node', 'host'], must('node or host')).exactOptional(),
  routeHosts: z.array(text('a host, as in 192.168.1.10'), must('a list of hosts')).exactOptional(),
  quoted: z.union([z.literal(false), z.literal('zope')], must('false or zope')).exactOptional(),
}).transform((options, context): SignOnHook => {
  try {
    return stickyRoute(options);
  } catch (error) {
    if (!(error instanceof SsoError)) throw error;
    // `stickyRoute.maxAgeMs: must be …`; the document's own error names the place.
    const [, field, message] = /^stickyRoute(?:\.(\w+))?: (.*)$/s.exec(error.message) ?? [];
    context.addIssue({ code: 'custom', path: field === undefined ? [] : [field], message: message ?? error.message });
    return z.NEVER;
  }
});
