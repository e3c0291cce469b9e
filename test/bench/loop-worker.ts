/** A variant's middleware in a tight loop, in a process of its own: no network, no Express around it. */

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerCalls, cpuMicros } from './child.ts';
import { exchange } from './exchange.ts';
import { application, type Variant, type VariantName, variants } from './variants.ts';

let variant: Variant;
let cookie = '';

answerCalls({
  async start({ name }: { readonly name: VariantName }) {
    variant = await variants[name](0);
    const app = application(variant);
    const server = await new Promise<Server>((resolve) => {
      const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
    });
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/sign-on`);
    await answer.text();
    cookie = answer.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ');
    server.close();
    server.closeAllConnections();
    const text = await exchange(variant.middleware, cookie, variant.read);
    if (text !== 'alice three books') throw new Error(`the request was not signed on: ${text}`);
  },
  /** Microseconds a request: wall clock and CPU. */
  async round({ requests }: { readonly requests: number }) {
    const cpuBefore = cpuMicros();
    const begun = performance.now();
    for (let i = 0; i < requests; i++) await exchange(variant.middleware, cookie, variant.read);
    return { wall: ((performance.now() - begun) * 1_000) / requests, cpu: (cpuMicros() - cpuBefore) / requests };
  },
});
