/**
 * A look at JSON before it is parsed: half a megabyte of brackets would become tens of megabytes of
 * arrays. What our messages look like is known, so depth and density of containers have narrow limits,
 * and whatever JSON.parse allocates stays in proportion to the bytes received (T15, check 69).
 */

/** Containers within containers. Ours go to eight. */
const maxDepth = 24;
/** Bytes for each container. Ours take eleven at least. */
const minBytesPerContainer = 8;
const containersAnyway = 256;

const quote = 0x22;
const backslash = 0x5c;
const openArray = 0x5b;
const closeArray = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;

/** Whether parsing these bytes is safe to try. Says nothing about their being JSON. */
export function isFlat(bytes: Uint8Array): boolean {
  const { length } = bytes;
  const most = containersAnyway + length / minBytesPerContainer;
  let depth = 0;
  let containers = 0;
  let inString = false;
  for (let index = 0; index < length; index++) {
    const byte = bytes[index]!;
    if (byte === quote) inString = !inString;
    else if (byte < openArray) continue;
    else if (byte === backslash) index++;
    else if (inString) continue;
    else if (byte === openArray || byte === openObject) {
      if (++depth > maxDepth || ++containers > most) return false;
    } else if (byte === closeArray || byte === closeObject) depth--;
  }
  return true;
}
