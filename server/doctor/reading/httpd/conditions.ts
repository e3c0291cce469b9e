/** Which parts of a configuration count: IfModule, IfDefine, IfFile, IfVersion. */

import { exists } from '../files.ts';

/** Sections that are there or not; what they hold stands where they stand. */
export const conditions = new Set(['ifmodule', 'ifdefine', 'iffile', 'ifversion', 'ifdirective', 'ifsection']);

/**
 * @param modules what was loaded so far; undefined: that is not known, and every module is taken to be there
 * @returns true also for sections that are no conditions
 */
export function conditionHolds(
  name: string,
  text: string,
  defines: ReadonlyMap<string, string>,
  modules: ReadonlySet<string> | undefined,
): boolean {
  const [, not = '', what = ''] = /^(!?)\s*(.*)$/s.exec(text.trim().replace(/^"(.*)"$/s, '$1')) ?? [];
  const tests: Readonly<Record<string, () => boolean>> = {
    ifmodule: () => modules?.has(moduleOf(what)) ?? true,
    ifdefine: () => defines.has(what),
    iffile: () => exists(what),
    ifversion: () => versionHolds(what),
  };
  const holds = Object.hasOwn(tests, name) ? tests[name] : undefined;
  return holds === undefined || holds() === (not === '');
}

/** `mod_proxy.c` and `proxy_module` are one module. */
function moduleOf(name: string): string {
  const [, stem] = /^(?:mod_)?(.+)\.c$/.exec(name) ?? [];
  if (stem === undefined) return name;
  return ['event', 'worker', 'prefork'].includes(stem) ? `mpm_${stem}_module` : `${stem}_module`;
}

/** Of 2.4, which is the only one that is still cared for. */
function versionHolds(text: string): boolean {
  const [, operator = '=', version = ''] = /^([<>=!]*)\s*"?([\d.]+)/.exec(text) ?? [];
  const [major = 0, minor = 4] = version.split('.').map(Number);
  const difference = 2 * 100 + 4 - (major * 100 + minor);
  if (operator.startsWith('>')) return difference > 0 || (difference === 0 && operator.includes('='));
  if (operator.startsWith('<')) return difference < 0;
  return operator.startsWith('!') ? difference !== 0 : difference === 0;
}
