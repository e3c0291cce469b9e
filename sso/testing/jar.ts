/**
 * A browser's cookies, kept by the rules of RFC 6265bis: Domain, Path, Secure, host-only, the
 * `__Host-` and `__Secure-` prefixes, public suffixes. What breaks a rule is dropped in silence, as a
 * browser does it. Cookies run out by the cluster's virtual time.
 */

import { Cookie, CookieJar } from 'tough-cookie';

export class Jar {
  readonly #jar = new CookieJar(undefined, { prefixSecurity: 'strict', allowSpecialUseDomain: true });
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes the `Set-Cookie` headers of an answer from this address. */
  take(url: URL, headers: readonly string[]): void {
    for (const header of headers) {
      const cookie = Cookie.parse(header);
      if (cookie === undefined) continue;
      const { maxAge } = cookie;
      // Max-Age counts from the test's own now, and goes before Expires (RFC 6265 5.3, step 3).
      if (typeof maxAge === 'number') cookie.expires = new Date(maxAge <= 0 ? 0 : this.#now() + maxAge * 1000);
      cookie.maxAge = null;
      this.#jar.setCookieSync(cookie, url.href, { ignoreError: true });
    }
  }

  /** The `Cookie` header for this address; `undefined` without a cookie. */
  header(url: URL): string | undefined {
    return (
      this.all(url)
        .map((cookie) => cookie.cookieString())
        .join('; ') || undefined
    );
  }

  /** The cookies that would be sent to this address, those with longer paths first. */
  all(url: URL): readonly Cookie[] {
    const now = this.#now();
    return this.#jar
      .getCookiesSync(url.href, { expire: false, sort: true })
      .filter(({ expires }) => !(expires instanceof Date) || expires.getTime() > now);
  }

  /** Empties it, as closing a private window does. */
  clear(): void {
    this.#jar.removeAllCookiesSync();
  }
}
