/**
 * Which request is being served, for code that is called without it: express-session's `Store` gets no
 * request, yet has to know the sign-on that a session belongs to. Off until a store asks for it, since
 * AsyncLocalStorage costs every request a little.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';

export class RequestContext {
  #storage: AsyncLocalStorage<IncomingMessage> | undefined;

  /** From now on requests are noted. */
  enable(): void {
    this.#storage ??= new AsyncLocalStorage();
  }

  /** Runs `next` so that `current()` names `req` in it and in all that it starts. */
  run(req: IncomingMessage, next: () => void): void {
    if (this.#storage === undefined) next();
    else this.#storage.run(req, next);
  }

  current(): IncomingMessage | undefined {
    return this.#storage?.getStore();
  }
}
