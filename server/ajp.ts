/** The AJP listener of `latchkey serve`: the site, for balancers that speak AJP, and what happened there as a metric. */

import type { RequestListener } from 'node:http';
import { Counter, type Registry } from 'prom-client';
import type { AjpConfig } from '../config/ajp.ts';
import { type AjpServer, ajpServer, type Log, type SsoNode } from '../sso/index.ts';

export interface AjpParts {
  readonly sso: SsoNode;
  readonly log: Log;
  readonly config: AjpConfig;
  /** Where its metric is registered. */
  readonly registry: Registry;
}

/** A request's body must be whole within this, as over HTTP. */
const requestMs = 15_000;

/** Resolves once it listens. @throws SsoError the address cannot be listened on */
export async function listenAjp(site: RequestListener, { sso, log, config, registry }: AjpParts): Promise<AjpServer> {
  const server = await ajpServer(site, { ...config, log, requestMs, isReady: () => sso.ready });
  new Counter({
    name: 'latchkey_ajp_total',
    help: 'What happened on the AJP listener.',
    labelNames: ['event'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [event, count] of Object.entries(server.counters)) this.inc({ event }, count);
    },
  });
  return server;
}
