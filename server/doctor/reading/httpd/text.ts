/**
 * httpd's configuration as a tree of directives: what is included is in its place, what a condition leaves
 * out is gone, `${NAME}` is replaced by what Define said before. It is read as httpd reads it, from the
 * first line to the last, since Define and LoadModule count only from where they stand.
 */

import { dirname, isAbsolute, join } from 'node:path';
import type { Finding } from '../../finding.ts';
import { filesOf, hasWildcard, textOf } from '../files.ts';
import { type Place, placed } from '../place.ts';
import { conditionHolds, conditions } from './conditions.ts';
import { type Line, linesOf, wordsOf } from './lines.ts';
import { closeOf, linesOfUse, type Macro } from './sections.ts';

export interface Directive {
  /** In lower case. */
  readonly name: string;
  /** All behind the name. */
  readonly text: string;
  readonly words: readonly string[];
  readonly place: Place;
  /** Of a section, what it holds; undefined: it is none. */
  readonly inside: readonly Directive[] | undefined;
}

export interface HttpdText {
  readonly directives: readonly Directive[];
  /** Undefined: this is a part of a configuration, and its modules are loaded elsewhere. */
  readonly modules: ReadonlySet<string> | undefined;
  /** What could not be read, or is read otherwise than it looks. */
  readonly findings: readonly Finding[];
}

const maxDepth = 32;
const maxDirectives = 100_000;

/** What Debian's and most others' httpd has without LoadModule. */
const builtIn = ['core_module', 'so_module', 'http_module', 'log_config_module', 'logio_module', 'unixd_module'];

/** @throws never; what is amiss is among the findings */
export function readHttpd(text: string, file: string): HttpdText {
  const whole = new Reading(undefined).read(text, file);
  // Only a whole configuration names its MPM: then what it does not load is not there.
  const isWhole = whole.modules !== undefined && [...whole.modules].some((name) => name.startsWith('mpm_'));
  return isWhole ? new Reading(new Set(builtIn)).read(text, file) : { ...whole, modules: undefined };
}

class Reading {
  readonly #findings: Finding[] = [];
  readonly #defines = new Map<string, string>();
  readonly #unknown = new Set<string>();
  readonly #macros = new Map<string, Macro>();
  readonly #modules: Set<string>;
  readonly #isStrict: boolean;
  #serverRoot: string | undefined;
  #count = 0;
  #base = '.';

  constructor(modules: Set<string> | undefined) {
    this.#modules = modules ?? new Set();
    this.#isStrict = modules !== undefined;
  }

  read(text: string, file: string): HttpdText {
    this.#base = dirname(file);
    const directives = this.#body(linesOf(text, file), 0, []).directives;
    return { directives, modules: this.#modules, findings: this.#findings };
  }

  /** Up to the end of the section, or of the file; `next` is the line behind it. */
  #body(
    lines: readonly Line[],
    depth: number,
    open: readonly string[],
    from = 0,
  ): { directives: Directive[]; next: number } {
    const directives: Directive[] = [];
    for (let at = from; at < lines.length; at += 1) {
      const line = lines[at]!;
      if (line.text.startsWith('#')) this.#comment(line);
      if (line.text === '' || line.text.startsWith('#')) continue;
      const closing = /^<\/\s*([A-Za-z]+)\s*>$/.exec(line.text)?.[1];
      if (closing !== undefined) {
        const level = open.findLastIndex((one) => one.toLowerCase() === closing.toLowerCase());
        if (level >= 0) {
          const unclosed = open.slice(level + 1).at(-1);
          if (unclosed === undefined) return { directives, next: at };
          this.#note(
            'section-unclosed',
            `<${unclosed}> is still open where </${closing}> stands.`,
            line.place,
            `Put </${unclosed}> before it.`,
          );
          // The section around it sees this line again.
          return { directives, next: at - 1 };
        }
        this.#note('section-unclosed', `</${closing}> closes what was not opened.`, line.place, 'Take it away.');
        continue;
      }
      const opening = /^<([A-Za-z]+)\s*(.*)>$/.exec(line.text);
      if (opening === null) {
        directives.push(...this.#plain(line, depth));
        continue;
      }
      const name = opening[1]!.toLowerCase();
      if (name === 'macro') {
        const end = closeOf(lines, at, name);
        const [macro = '', ...parameters] = wordsOf(opening[2]!);
        this.#macros.set(macro.toLowerCase(), { parameters, lines: lines.slice(at + 1, end) });
        at = end;
        continue;
      }
      const text = this.#resolved(opening[2]!, line.place);
      const counts = this.#counts(name, text);
      // What does not count is passed over without being read: its Define and LoadModule do nothing.
      const { directives: inside, next } = counts
        ? this.#body(lines, depth, [...open, opening[1]!], at + 1)
        : { directives: [], next: closeOf(lines, at, name) };
      if (next >= lines.length)
        this.#note('section-unclosed', `<${opening[1]}> is not closed.`, line.place, `Add </${opening[1]}>.`);
      at = next;
      if (!counts) continue;
      if (conditions.has(name)) directives.push(...inside);
      else directives.push({ name, text, words: wordsOf(text), place: line.place, inside });
    }
    return { directives, next: lines.length };
  }

  #comment({ isContinued, place }: Line) {
    if (isContinued)
      this.#note(
        'comment-continues',
        'This comment ends with a backslash, so the line below it is a comment as well.',
        place,
        'Take the backslash away.',
      );
  }

  #plain(line: Line, depth: number): readonly Directive[] {
    const [, name = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(this.#resolved(line.text, line.place)) ?? [];
    const words = wordsOf(rest);
    const directive: Directive = { name: name.toLowerCase(), text: rest, words, place: line.place, inside: undefined };
    if ((this.#count += 1) > maxDirectives) return [];
    switch (directive.name) {
      case 'define':
        if (words[0] !== undefined) this.#defines.set(words[0], words[1] ?? '');
        return [directive];
      case 'undefine':
        this.#defines.delete(words[0] ?? '');
        return [];
      case 'loadmodule':
        if (words[0] !== undefined) this.#modules.add(words[0]);
        return [directive];
      case 'serverroot':
        this.#serverRoot = words[0];
        return [directive];
      case 'use':
        return this.#use(directive, depth);
      case 'include':
      case 'includeoptional':
        return this.#include(words[0] ?? '', directive, depth);
      default:
        return [directive];
    }
  }

  /** mod_macro: its lines with words in place of its parameters, as text. */
  #use({ words: [name = '', ...values], place }: Directive, depth: number): readonly Directive[] {
    const macro = this.#macros.get(name.toLowerCase());
    if (macro === undefined || depth >= maxDepth) {
      this.#note(
        'include-unread',
        `The macro ${name} is not here, so what it says was not read.`,
        place,
        'Name the whole configuration.',
      );
      return [];
    }
    return this.#body(linesOfUse(macro, values), depth + 1, []).directives;
  }

  #include(path: string, { name, place }: Directive, depth: number): readonly Directive[] {
    const found = isAbsolute(path)
      ? filesOf(path)
      : (this.#bases(place)
          .map((base) => filesOf(join(base, path)))
          .find((all) => all.length > 0) ?? []);
    if (depth >= maxDepth) {
      this.#note('include-unread', `Includes lie more than ${maxDepth} deep.`, place, 'Does a file include itself?');
      return [];
    }
    if (found.length === 0 && name === 'include' && !hasWildcard(path))
      this.#note(
        'include-unread',
        `${path} is not here, so what it says was not read.`,
        place,
        'Run the doctor where httpd runs, or put the file beside.',
      );
    return found.flatMap((file) => {
      const text = textOf(file);
      if (text === undefined) {
        this.#note(
          'include-unread',
          `${file} could not be read.`,
          place,
          'Run the doctor as somebody who may read it.',
        );
        return [];
      }
      return this.#body(linesOf(text, file), depth + 1, []).directives;
    });
  }

  /** httpd takes ServerRoot; a file that was copied lies beside what it includes. */
  #bases({ file }: Place): readonly string[] {
    return [
      ...(this.#serverRoot === undefined ? [] : [this.#serverRoot]),
      this.#base,
      dirname(this.#base),
      dirname(file),
    ];
  }

  #resolved(text: string, place: Place): string {
    return text.replace(/\$\{([^}]{1,200})\}/g, (whole, name: string) => {
      const value = this.#defines.get(name);
      if (value === undefined && !name.startsWith('APACHE_') && !this.#unknown.has(name)) {
        this.#unknown.add(name);
        this.#note(
          'variable-unknown',
          `\${${name}} is defined nowhere that was read; httpd takes it from its environment or its command line.`,
          place,
          `Define ${name} in the configuration.`,
        );
      }
      return value ?? whole;
    });
  }

  #counts(name: string, text: string): boolean {
    return conditionHolds(name, text, this.#defines, this.#isStrict ? this.#modules : undefined);
  }

  #note(check: string, says: string, place: Place, remedy: string) {
    const finding: Finding = {
      check,
      ok: check === 'section-unclosed' || check === 'comment-continues' ? false : 'unknown',
      says,
      remedy,
      where: placed(place),
    };
    if (!this.#findings.some(({ where, check: name }) => where === finding.where && name === check))
      this.#findings.push(finding);
  }
}
