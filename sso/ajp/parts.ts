/** What all connections of a listener share, put together. */

import { createServer, type RequestListener, type Server } from 'node:http';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { Complaints } from './complaints.ts';
import type { ConnectionParts } from './connection.ts';
import { newCounters } from './counters.ts';
import type { AjpOptions, CheckedOptions, Limits } from './options.ts';
import { checkSecret } from './secret.ts';

export function connectionParts(
  handler: RequestListener,
  options: AjpOptions,
  { limits }: CheckedOptions,
): ConnectionParts {
  const { secret, log = silentLog, clock = systemClock, isReady = () => true } = options;
  return {
    ...{ clock, limits, isReady },
    counters: newCounters(),
    complaints: new Complaints(clock, log),
    rules: {
      isSecret: checkSecret(secret),
      attributes: new Set(options.attributes),
      headersAtMost: limits.headersAtMost,
      keepsForwarded: options.forwardedHeaders === 'kept',
    },
    server: innerServer(handler, limits),
  };
}

/** Parses what `exchange.ts` hands it. It listens nowhere; what it would limit was limited before. */
function innerServer(handler: RequestListener, { maxPacketSize }: Limits): Server {
  const server = createServer({ maxHeaderSize: 2 * maxPacketSize }, handler);
  server.maxHeadersCount = 0;
  server.timeout = 0;
  return server;
}
