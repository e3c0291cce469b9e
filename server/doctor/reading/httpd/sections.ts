/** Sections that are taken as lines, before anything in them is read: those that do not count, and macros. */

import type { Line } from './lines.ts';

/** The line that closes the section which opens at `from`. */
export function closeOf(lines: readonly Line[], from: number, name: string): number {
  let open = 0;
  for (let at = from; at < lines.length; at += 1) {
    const text = lines[at]!.text.toLowerCase();
    if (text.startsWith('#')) continue;
    if (new RegExp(`^<${name}[\\s>]`).test(text)) open += 1;
    if (new RegExp(`^</\\s*${name}\\s*>`).test(text) && (open -= 1) === 0) return at;
  }
  return lines.length;
}

/** `<Macro NAME PARAMETER …>` of mod_macro. */
export interface Macro {
  readonly parameters: readonly string[];
  readonly lines: readonly Line[];
}

/** What `Use NAME VALUE …` stands for: the values in place of the parameters, as text. */
export function linesOfUse({ parameters, lines }: Macro, values: readonly string[]): readonly Line[] {
  // Longer names first: one may begin another.
  const order = [...parameters.keys()].sort((a, b) => parameters[b]!.length - parameters[a]!.length);
  return lines.map((line) => ({
    ...line,
    text: order.reduce((text, index) => text.replaceAll(parameters[index]!, () => values[index] ?? ''), line.text),
  }));
}
