/** What a browser gets that comes by plain http to an installation that is meant for https (check 12). */

import type { Finding } from '../finding.ts';

/** What one plain request brought. */
export type Plain =
  | { readonly kind: 'none'; readonly why: string }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly location: string | undefined;
      readonly setsCookies: boolean;
    };

/** `asked`: the path and query of the request. */
export function judgeRedirect(plain: Plain, url: URL, asked: string): Finding {
  const check = 'https-redirect';
  if (plain.kind === 'none') return { check, ok: true, says: `nothing answers over plain http (${plain.why})` };
  const { status, location, setsCookies } = plain;
  if (setsCookies)
    return {
      check,
      ok: false,
      says: 'an answer over plain http sets cookies, which whoever is on the way can read and replace',
      remedy: 'let plain http do nothing but redirect',
    };
  const to = location === undefined ? undefined : resolved(location, url, asked);
  if (status < 300 || status > 399 || to === undefined) {
    // Refusing is as good as redirecting, if less friendly.
    if (status >= 400) return { check, ok: true, says: `plain http is answered ${status}` };
    return {
      check,
      ok: false,
      says: `plain http is answered ${status}, not with a redirect to https`,
      remedy:
        'redirect every request of port 80: httpd: Redirect permanent / https://your-host/; nginx: return 308 https://$host$request_uri',
    };
  }
  if (to.protocol !== 'https:' || to.hostname !== url.hostname)
    return {
      check,
      ok: false,
      says: `plain http redirects to ${to.origin}, not to ${url.origin}`,
      remedy: 'redirect to the same host by https',
    };
  if (`${to.pathname}${to.search}` !== asked)
    return {
      check,
      ok: false,
      says: `plain http redirects ${asked} to ${to.pathname}${to.search}: links lose their place`,
      remedy: 'keep path and query in the redirect (nginx: $request_uri; httpd: Redirect keeps them)',
    };
  return { check, ok: true, says: 'plain http redirects to the same page by https' };
}

function resolved(location: string, { hostname }: URL, asked: string): URL | undefined {
  try {
    return new URL(location, `http://${hostname}${asked}`);
  } catch {
    return undefined;
  }
}
