/**
 * An address, or nothing. By trying, since `URL.canParse` before `new URL` parses twice. The library has the
 * same for itself (`sso/http/url.ts`): it shows the program nothing that is not of single sign-on.
 */

export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
