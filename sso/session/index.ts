/**
 * `import 'latchkey/session'` gives Express' requests the types of `req.session`, `req.sessionID` and
 * `req.sessionStore`. Apart from `latchkey` itself, so that they do not clash where an application has
 * `@types/express-session`. What an application keeps is declared by merging:
 *
 *     declare module 'latchkey/session' { interface SessionData { cart: string[] } }
 */

import type { Session } from './session.ts';
import type { SessionStore } from './store.ts';

export { type CookieData, type CookieOptions, SessionCookie } from './cookie.ts';
export type { NoticeCause, NoticeKind, NoticePolicy, SessionListener, SessionNotice } from './notices/notice.ts';
export { Session, type SessionCallback } from './session.ts';
export type { SessionOptions } from './settings.ts';
export { SessionStore, type StoreOptions } from './store.ts';
export type { StoredSession } from './store-forms.ts';

/** What applications keep in a session; open for merging. */
// biome-ignore lint/suspicious/noEmptyInterface: it is filled by merging
export interface SessionData {}

declare global {
  namespace Express {
    interface Request {
      /** The session; made when it is first used, `undefined` after `destroy()`. */
      session: Session & Partial<SessionData>;
      sessionID: string;
      sessionStore: SessionStore;
    }
  }
}
