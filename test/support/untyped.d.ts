/** What the tests use of packages without types of their own. */

declare module 'express4' {
  import express from 'express';
  // biome-ignore lint/style/noDefaultExport: it is that package's
  export default express;
}

declare module 'express-session' {
  import type { RequestHandler } from 'express';

  interface Options {
    readonly secret: string;
    readonly store?: object;
    readonly resave?: boolean;
    readonly saveUninitialized?: boolean;
    readonly unset?: 'keep' | 'destroy';
    readonly name?: string;
    readonly cookie?: object;
    readonly genid?: () => string;
  }
  // biome-ignore lint/style/noDefaultExport: it is that package's
  export default function session(options: Options): RequestHandler;
}

declare module 'passport' {
  import type { RequestHandler } from 'express';

  type Done = (error: unknown, value?: unknown) => void;
  export class Passport {
    use(strategy: object): this;
    serializeUser(serialize: (user: never, done: Done) => void): void;
    deserializeUser(find: (id: never, done: Done) => void): void;
    session(): RequestHandler;
    authenticate(strategy: string, options?: object): RequestHandler;
  }
}

declare module 'passport-local' {
  export class Strategy {
    constructor(
      verify: (username: string, password: string, done: (error: unknown, user?: object | false) => void) => void,
    );
  }
}
