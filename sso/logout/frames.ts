/** Closings as frames carry them: with their values, cut so that no frame is large. */

import type { Talk } from '../gossip/talk.ts';
import type { Closing } from './finality.ts';
import type { Maps } from './message.ts';

/** The maps that hold closings, in the order in which they travel: no entry outruns its epoch or its subject. */
const closingMaps = ['epochs', 'subjects', 'entries'] as const;

/** The most that a frame of closings holds, bytes of JSON. */
const frameBytes = 64 * 1024;

export interface Part {
  /** `[[map,[key,data,…]],…]` */
  readonly maps: string;
  /** The number of the last closing in it. */
  readonly to: number;
  readonly isLast: boolean;
}

/** All of these in one text. */
export function mapsOf(talk: Talk, closings: readonly Closing[]): string {
  return written(closings.map((closing) => [closing, told(talk, closing)] as const));
}

/** Numbered closings cut into frames, up to `number`. None is one empty part, too. */
export function* partsOf(
  talk: Talk,
  closings: readonly (readonly [number: number, closing: Closing])[],
  number: number,
): Generator<Part> {
  let part: (readonly [Closing, string])[] = [];
  let bytes = 0;
  for (const [at, closing] of closings) {
    const json = told(talk, closing);
    if (bytes > 0 && bytes + json.length > frameBytes) {
      yield { maps: written(part), to: at - 1, isLast: false };
      part = [];
      bytes = 0;
    }
    part.push([closing, json]);
    bytes += json.length;
  }
  yield { maps: written(part), to: number, isLast: true };
}

/** Merges what a member sent, as far as it may hold closings. */
export function take(talk: Talk, maps: Maps): void {
  for (const [map, items] of maps) if (isClosingMap(map)) talk.take(map, items);
}

/** What was asked about, in its order. */
export function closingsIn(maps: Maps): readonly Closing[] {
  return maps.flatMap(([map, items]) =>
    isClosingMap(map) ? items.flatMap((key, at): Closing[] => (at % 2 === 0 ? [{ map, key: String(key) }] : [])) : [],
  );
}

function told(talk: Talk, { map, key }: Closing): string {
  return talk.told(map, key);
}

function written(part: readonly (readonly [closing: Closing, json: string])[]): string {
  if (part.length === 0) return '[]';
  const sections = closingMaps.flatMap((map) => {
    const items = part.flatMap(([closing, json]) => (closing.map === map && json !== '' ? [json] : []));
    return items.length === 0 ? [] : [`["${map}",[${items.join()}]]`];
  });
  return `[${sections.join()}]`;
}

function isClosingMap(map: string): map is Closing['map'] {
  return (closingMaps as readonly string[]).includes(map);
}
