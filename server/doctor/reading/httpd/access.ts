/** Who may see a place, by Require or by the Order, Allow and Deny of before 2.4. */

import type { Access } from './model.ts';
import type { Directive } from './text.ts';

export function accessOf(inside: readonly Directive[]): Access {
  const all = inside.flatMap((one) => [one, ...(one.inside ?? [])]);
  const words = (name: string) =>
    all.filter((one) => one.name === name).map((one) => one.words.map((w) => w.toLowerCase()));
  const requires = words('require');
  if (requires.length > 0) return requires.some(isForAll) ? 'everybody' : 'some';
  const order = words('order')[0]?.join('').replace(/\s/g, '');
  const denies = words('deny').some((one) => one.includes('all'));
  const allows = words('allow').some((one) => one.includes('all'));
  if (order === undefined && !denies && !allows) return words('authtype').length > 0 ? 'some' : 'unsaid';
  if (allows) return 'everybody';
  // "deny,allow" lets in whoever is not denied; the other order, whoever is allowed.
  if (order === 'allow,deny') return 'some';
  return denies ? 'some' : 'everybody';
}

/** `all granted`, and networks that hold everybody. */
function isForAll(words: readonly string[]): boolean {
  const text = words.join(' ');
  return text === 'all granted' || text.startsWith('not ') || /^ip (?:.* )?(?:0\.0\.0\.0\/0|::\/0)(?: |$)/.test(text);
}
