/**
 * An address, or nothing. By trying, since `URL.canParse` before `new URL` parses twice, and if the two ever
 * disagree, what a browser sent throws.
 */

export function parseUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
