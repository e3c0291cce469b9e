/** A listener on loopback for one test, with what it logged. */

import type { RequestListener } from 'node:http';
import type { TestContext } from 'node:test';
import { type AjpOptions, type AjpServer, ajpServer } from '../../../sso/ajp/index.ts';
import { LogLines } from '../../../sso/testing/log-lines.ts';
import { AjpClient } from './client.ts';
import type { Forwarded } from './packets.ts';

export const secret = 'a secret of these tests';

export interface Listening {
  readonly server: AjpServer;
  readonly log: LogLines;
  /** A connection of a balancer; closed at the end of the test. */
  connect(): AjpClient;
}

/** With a secret, unless the options say that there is none. */
export async function listening(
  test: TestContext,
  handler: RequestListener,
  options: Partial<AjpOptions> = {},
): Promise<Listening> {
  const log = new LogLines();
  const server = await ajpServer(handler, { listen: '127.0.0.1:0', secret, log, ...options });
  const clients: AjpClient[] = [];
  test.after(async () => {
    for (const client of clients) client.end();
    await server.close(0);
  });
  const connect = () => {
    const client = new AjpClient(server.address.port);
    clients.push(client);
    return client;
  };
  return { server, log, connect };
}

/** A request with the secret. */
export const known = (given: Forwarded = {}): Forwarded => ({ secret, ...given });

/** Resolves once a counter has this value. @throws Error it never had */
export async function counted(server: AjpServer, counter: string, value = 1): Promise<void> {
  for (let looked = 0; looked < 2_000; looked++) {
    if (server.counters[counter] === value) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`${counter} is ${server.counters[counter]}, and never was ${value}`);
}
