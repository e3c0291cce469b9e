/** Reads what `latchkey proxy` prints from: one node's configuration, which it neither starts nor changes. */

import { ConfigError } from '../../../config/document.ts';
import { loadConfig } from '../../../config/load.ts';
import type { NodeOptions } from '../../../sso/index.ts';
import { type PrintOptions, printProxy } from './print.ts';

/** @throws ConfigError, UsageError */
export function printProxyOf(kind: string, file: string, env: NodeJS.ProcessEnv, options: PrintOptions): string {
  const { node, nats, web, forwardAuth } = loadConfig(file, env);
  if (forwardAuth === undefined)
    throw new ConfigError([`${file}: forwardAuth is missing: it says who may be let through, and proxies ask by it`]);
  return printProxy(
    kind,
    {
      web: web.listen,
      asked: forwardAuth.listen,
      voters: nats === undefined ? (node.cluster?.nodes ?? []) : [],
      login: forwardAuth.login,
      hosts: forwardAuth.rules.flatMap(({ host }) => host),
      basicHosts: forwardAuth.rules.flatMap(({ host, basic }) => (basic === true ? host : [])),
      headers: forwardAuth.headers,
      cookies: [cookieName(node)],
      isInsecure: node.allowInsecureCookie === true,
    },
    options,
  );
}

/** As the library names it. */
function cookieName({ cookieName: given, allowInsecureCookie, cookieDomain }: NodeOptions): string {
  if (given !== undefined) return given;
  if (allowInsecureCookie === true) return 'latchkey';
  return cookieDomain === undefined ? '__Host-latchkey' : '__Secure-latchkey';
}
