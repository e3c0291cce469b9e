/** One variant of the application in a process of its own, which tells what CPU it has used. */

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerCalls, cpuMicros } from './child.ts';
import { application, type VariantName, variants } from './variants.ts';

answerCalls({
  /** Starts it, signs the user on, and gives the cookies as a browser would send them. */
  async start({ variant, redisPort }: { readonly variant: VariantName; readonly redisPort: number }) {
    const app = application(await variants[variant](redisPort));
    const server = await new Promise<Server>((resolve) => {
      const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
    });
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/sign-on`);
    await answer.text();
    const cookie = answer.headers.getSetCookie().map((line) => line.split(';')[0]);
    return { port, cookie: cookie.join('; ') };
  },
  cpu: () => cpuMicros(),
});
