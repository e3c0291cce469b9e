/** What an application of the demonstration is made of, and what its pages are given. */

import type { Express, Request, Response } from 'express';
import type { EntryView, Log, Principal, SsoNode } from '../../sso/index.ts';
import type { Html } from '../html.ts';
import type { Link } from '../page.ts';
import type { NodeControl } from './controls.ts';
import type { NodePlace } from './messages.ts';
import type { Here } from './views.ts';

declare module '../../sso/session/index.ts' {
  interface SessionData {
    /** Requests that this application answered in this session. */
    demoRequests: number;
  }
}

/** What the applications are made of on one node. */
export interface DemoParts {
  readonly sso: SsoNode;
  readonly self: NodePlace;
  readonly nodes: readonly NodePlace[];
  readonly control: NodeControl;
  readonly log: Log;
  /** `undefined`: nobody with this name and password. */
  readonly authenticate: (name: string, password: string) => Promise<Principal | undefined>;
  /** Whether so many passwords are being verified that the next would be refused. */
  readonly isBusy: () => boolean;
}

/** One application's own. */
export interface Face {
  /** Its name among the sessions. */
  readonly app: string;
  readonly site: string;
  readonly theme: string;
  readonly host: string;
  /** Where one may go on to. */
  readonly other: { readonly site: string; readonly host: string };
  readonly links: readonly Link[];
  readonly pages: (site: Site) => void;
}

/** What an application's pages need. */
export interface Site {
  readonly app: Express;
  readonly parts: DemoParts;
  readonly face: Face;
  /** Answers with a page of this application. */
  readonly send: (req: Request, res: Response, title: string, main: Html, status?: number) => void;
  readonly here: (req: Request) => Here;
}

/** The sign-on of this request among those of its user, by the instant at which it was opened. */
export function signOnOf(sso: SsoNode, req: Request): EntryView | undefined {
  const { principal, openedAt } = req.sso;
  return principal && sso.entries(principal.name).find((entry) => entry.openedAt === openedAt);
}
