/**
 * In a flood of log-ins the excess costs next to nothing (T13, check 77). Some that find the queue of
 * passwords full are answered with the form, and what was typed; where so many come that saying no takes the
 * time of everybody else's pages, the rest is told in a sentence that was made before, and nothing of the
 * request is read: neither its body nor its cookies. Their browser still has the form one step back. By
 * `node:http` alone, since Express costs ten times what the answer does.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Language, SiteConfig } from '../../config/site.ts';
import { html } from '../html.ts';
import { pageText } from '../page.ts';
import { dictionaries, languageOf } from '../words/language.ts';

export interface FloodGateParts {
  /** Whether so many passwords are being verified that the next would be refused. */
  readonly isBusy: () => boolean;
  /** How many more could be verified now. Default: as many as come, unless it is busy. */
  readonly room?: () => number;
  readonly site: Pick<SiteConfig, 'name' | 'languages'>;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds, by a clock that only goes on. */
  readonly now?: () => number;
}

/** So many in a second get the form again; more are a flood. */
export const politelyRefused = 20;
const secondMs = 1_000;
/** How long somebody who was let through counts as on the way to the queue, milliseconds: longer only who sends slowly, and those keep nobody out. */
const onTheWayMs = 250;

export interface FloodGate {
  /** `app` with the gate before it. */
  before(app: RequestListener): RequestListener;
  /** A log-in that was let through asks for its password to be verified now: from here on it is seen in `room`. */
  arrived(req: IncomingMessage): void;
}

/** `headers`: what every page tells the browser. */
export function floodGate({
  isBusy,
  room = () => Number.POSITIVE_INFINITY,
  site,
  headers,
  now = () => performance.now(),
}: FloodGateParts): FloodGate {
  const texts = new Map(site.languages.map((language) => [language, textIn(language, site.name)]));
  let [begun, count] = [Number.NEGATIVE_INFINITY, 0];
  /** Let through and not arrived, since when. A place that gets free is not for all who come until one takes it. */
  const onTheWay = new Map<IncomingMessage, number>();
  const isFull = (at: number) => {
    for (const [one, since] of onTheWay) {
      if (at - since < onTheWayMs) break;
      onTheWay.delete(one);
    }
    return isBusy() || onTheWay.size >= room();
  };
  const isFlood = (at: number) => {
    if (at - begun >= secondMs) [begun, count] = [at, 0];
    return ++count > politelyRefused;
  };
  return {
    before: (app) => (req, res) => {
      if (req.method !== 'POST' || !isLogin.test(req.url ?? '')) return app(req, res);
      const at = now();
      if (isFull(at) && isFlood(at)) return refuse(req, res, { texts, headers, languages: site.languages });
      onTheWay.set(req, at);
      res.once('close', () => onTheWay.delete(req));
      app(req, res);
    },
    arrived: (req) => void onTheWay.delete(req),
  };
}

/** As Express reads it: in any case, with a slash behind it or none. */
const isLogin = /^\/login\/?(?:\?|$)/i;

interface Texts {
  readonly page: string;
  readonly json: string;
}

interface Said {
  readonly texts: ReadonlyMap<Language, Texts>;
  readonly headers: Readonly<Record<string, string>>;
  readonly languages: SiteConfig['languages'];
}

function refuse({ headers: asked }: IncomingMessage, res: ServerResponse, { texts, headers, languages }: Said): void {
  const isPerson = asked.accept?.includes('text/html') === true;
  const { page, json } = texts.get(languageOf(languages, { accepted: asked['accept-language'] }))!;
  const text = isPerson ? page : json;
  res.writeHead(503, {
    ...headers,
    'Content-Type': isPerson ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'Retry-After': '1',
  });
  res.end(text);
}

function textIn(language: Language, name: string): Texts {
  const words = dictionaries[language];
  const { title, text } = words.signIn.problems.busy;
  const main = html`<section class="card"><h1>${title}</h1><p role="alert">${text}</p><p><a href="/login">${words.signIn.title}</a></p></section>`;
  return {
    page: pageText({ site: name, words, scriptless: true, title, main, narrow: true }),
    json: `${JSON.stringify({ error: 'busy', message: text })}\n`,
  };
}
