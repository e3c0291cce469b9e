/**
 * What RewriteRule does to an address before ProxyPass sees it, as far as it can be told from the text: conditions
 * on the request itself are tried, others (files, look-ups, the environment) are not, and are said.
 */

import type { HttpdServer, Rewrite } from './model.ts';
import { patternOf, substituted } from './path.ts';

export interface AskedRequest {
  readonly host: string | undefined;
  readonly isTls: boolean;
  readonly path: string;
  /** Without its "?". */
  readonly query: string;
  readonly cookie: string | undefined;
}

export type Rewritten =
  /** Goes on to ProxyPass with this path and query. */
  | { readonly kind: 'path'; readonly path: string; readonly query: string; readonly by: readonly Rewrite[] }
  | { readonly kind: 'passed'; readonly to: string; readonly by: Rewrite }
  /** Without PT what a rule makes of the path is a file of httpd's own, and ProxyPass is not asked. */
  | { readonly kind: 'file'; readonly by: Rewrite }
  /** Redirected, forbidden or gone. */
  | { readonly kind: 'answered'; readonly says: string; readonly by: Rewrite }
  | { readonly kind: 'unknown'; readonly by: Rewrite };

export function rewritten(asked: AskedRequest, { rewrites }: HttpdServer): Rewritten {
  let { path, query } = asked;
  const by: Rewrite[] = [];
  for (let at = 0; at < rewrites.length; at += 1) {
    const rule = rewrites[at]!;
    const flag = (...names: string[]) => rule.flags.some((one) => names.includes(one.split('=', 1)[0]!.toUpperCase()));
    const match = matched(rule, { ...asked, path, query });
    if (match === 'unknown') return { kind: 'unknown', by: rule };
    if (match === undefined) {
      // A chain ends where one of it does not fit.
      while (flagged(rewrites[at], 'C', 'CHAIN')) at += 1;
      continue;
    }
    if (flag('F', 'FORBIDDEN')) return { kind: 'answered', says: '403', by: rule };
    if (flag('G', 'GONE')) return { kind: 'answered', says: '410', by: rule };
    const text =
      rule.to === '-' ? path : expanded(substituted(rule.to, match.path), match.condition, { ...asked, path, query });
    if (text === undefined) return { kind: 'unknown', by: rule };
    const [newPath = '', newQuery] = splitOnce(text, '?');
    if (flag('R', 'REDIRECT') || (/^https?:/i.test(text) && !flag('P', 'PROXY')))
      return { kind: 'answered', says: `a redirect to ${text}`, by: rule };
    const kept =
      newQuery === undefined ? query : flag('QSA', 'QSAPPEND') ? [newQuery, query].filter(Boolean).join('&') : newQuery;
    if (flag('P', 'PROXY')) return { kind: 'passed', to: kept === '' ? newPath : `${newPath}?${kept}`, by: rule };
    if (rule.to !== '-') by.push(rule);
    path = newPath;
    query = kept;
    if (flag('PT', 'PASSTHROUGH')) return { kind: 'path', path, query, by };
    if (flag('L', 'LAST', 'END')) break;
    const skips = rule.flags.find((one) => /^s(?:kip)?=/i.test(one));
    if (skips !== undefined) at += Number(skips.split('=')[1]) || 0;
  }
  const last = by.at(-1);
  return last === undefined ? { kind: 'path', path, query, by } : { kind: 'file', by: last };
}

function flagged(rule: Rewrite | undefined, ...names: string[]): boolean {
  return rule?.flags.some((one) => names.includes(one.toUpperCase())) === true;
}

interface Match {
  readonly path: RegExpExecArray;
  /** `%1` is from the condition that fitted last. */
  readonly condition: RegExpExecArray | undefined;
}

function matched(rule: Rewrite, asked: AskedRequest): Match | undefined | 'unknown' {
  const ignoresCase = flagged(rule, 'NC', 'NOCASE');
  const isNot = rule.pattern.startsWith('!');
  const pattern = patternOf(isNot ? rule.pattern.slice(1) : rule.pattern, ignoresCase ? 'i' : '');
  if (pattern === undefined) return 'unknown';
  const found = pattern.exec(asked.path);
  if ((found === null) !== isNot) return undefined;
  const path = found ?? (Object.assign([''], { index: 0, input: asked.path }) as RegExpExecArray);
  let condition: RegExpExecArray | undefined;
  let isUnsure = false;
  for (let at = 0; at < rule.conditions.length; at += 1) {
    const results = [holds(rule.conditions[at]!, asked)];
    while (rule.conditions[at]!.flags.some((one) => /^(?:or|ornext)$/i.test(one)) && at + 1 < rule.conditions.length)
      results.push(holds(rule.conditions[(at += 1)]!, asked));
    const fits = results.find((one) => typeof one === 'object');
    if (fits !== undefined) condition = fits;
    else if (results.includes('unknown')) isUnsure = true;
    else return undefined;
  }
  return isUnsure ? 'unknown' : { path, condition };
}

function holds(condition: Rewrite['conditions'][number], asked: AskedRequest): RegExpExecArray | 'unknown' | 'no' {
  const text = expanded(condition.test, undefined, asked);
  const isNot = condition.pattern.startsWith('!');
  const wanted = isNot ? condition.pattern.slice(1) : condition.pattern;
  if (text === undefined || /^-[a-z]/i.test(wanted) || /^[<>]/.test(wanted)) return 'unknown';
  const ignoresCase = condition.flags.some((one) => /^(?:nc|nocase)$/i.test(one));
  const pattern = wanted.startsWith('=')
    ? patternOf(
        `^${wanted
          .slice(1)
          .replace(/^"(.*)"$/, '$1')
          .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`,
        ignoresCase ? 'i' : '',
      )
    : patternOf(wanted, ignoresCase ? 'i' : '');
  if (pattern === undefined) return 'unknown';
  const found = pattern.exec(text);
  if (isNot) return found === null ? (Object.assign([''], { index: 0, input: text }) as RegExpExecArray) : 'no';
  return found ?? 'no';
}

/** Undefined: it holds something that only the running server knows. */
function expanded(text: string, condition: RegExpExecArray | undefined, asked: AskedRequest): string | undefined {
  const known: Readonly<Record<string, string>> = {
    REQUEST_URI: asked.path,
    QUERY_STRING: asked.query,
    HTTP_HOST: asked.host ?? '',
    SERVER_NAME: (asked.host ?? '').replace(/:\d+$/, ''),
    HTTP_COOKIE: asked.cookie ?? '',
    'HTTP:Cookie': asked.cookie ?? '',
    HTTPS: asked.isTls ? 'on' : 'off',
    REQUEST_SCHEME: asked.isTls ? 'https' : 'http',
    REQUEST_METHOD: 'GET',
    'HTTP:Upgrade': '',
    'HTTP:Connection': '',
  };
  let isKnown = true;
  const result = text.replace(/%\{([^}]+)\}|%(\d)/g, (_, name: string | undefined, number: string | undefined) => {
    if (number !== undefined) return condition?.[Number(number)] ?? '';
    const value = known[name!];
    if (value === undefined) isKnown = false;
    return value ?? '';
  });
  return isKnown ? result : undefined;
}

function splitOnce(text: string, mark: string): readonly [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
