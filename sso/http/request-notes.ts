/**
 * What the rooms of this library note about one request. Express gives every request another prototype, so no engine can
 * remember what a property more on it looks like, and each costs microseconds: whatever has to be known of a request
 * lies on the one object that is there anyway, `req.sso`. Its fields are private, since applications may print
 * `req.sso`; the rooms keep their own types, and this file knows none of them.
 */

export class RequestNotes {
  readonly #host: object | undefined;
  #session: object | undefined;

  /** @param host the application that the valve stands in */
  constructor(host: object | undefined) {
    this.#host = host;
  }

  /** `undefined`: no valve stands before, or the request came by none. */
  static hostOf(req: object): object | undefined {
    const notes = notesOf(req);
    return notes === undefined ? undefined : notes.#host;
  }

  static sessionOf(req: object): object | undefined {
    const notes = notesOf(req);
    return notes === undefined ? undefined : notes.#session;
  }

  /** `false`: there is nothing to note it on. */
  static noteSession(req: object, session: object): boolean {
    const notes = notesOf(req);
    if (notes === undefined) return false;
    notes.#session = session;
    return true;
  }
}

function notesOf(req: object): RequestNotes | undefined {
  const { sso } = req as { readonly sso?: unknown };
  return sso instanceof RequestNotes ? sso : undefined;
}
