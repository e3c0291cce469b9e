/** Names inside search filters and beside them: escaped as RFC 4515 says, compared as RFC 4514 writes them. */

/** `text` as a value in a filter (RFC 4515 section 3): nothing in it is read as the filter's own. */
export function escapeFilter(text: string): string {
  return text.replace(/[*()\\\0]/g, (one) => `\\${one.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** The filter with every `{name}` replaced. Not by a pattern of `replace`: a name may hold `$&`. */
export function filterFor(template: string, name: string): string {
  return template.split('{name}').join(escapeFilter(name));
}

/** One spelling of a distinguished name, good enough to compare: without blanks around its parts, in lower case, hex pairs read. */
export function comparableDn(dn: string): string {
  return dn
    .replace(/(?:\\[0-9a-fA-F]{2})+/g, (pairs) => readable(Buffer.from(pairs.replaceAll('\\', ''), 'hex')))
    .replace(/\s*(?<!\\)([,+=;])\s*/g, '$1')
    .trim()
    .toLowerCase();
}

/** Whether `dn` is `base` or below it. Everything is below the empty one. */
export function isBelow(dn: string, base: string): boolean {
  const [one, other] = [partsOf(dn), partsOf(base)];
  if (one.length === 0 || one.length < other.length) return false;
  return other.every((part, at) => part === one[one.length - other.length + at]);
}

/** Between commas that are not escaped. */
function partsOf(dn: string): readonly string[] {
  return comparableDn(dn).match(/(?:\\.|[^\\,])+/gs) ?? [];
}

/** What the pairs stand for; a separator stays one that is escaped. */
function readable(bytes: Buffer): string {
  return bytes.toString('utf8').replace(/[,+=;\\"<>]/g, '\\$&');
}
