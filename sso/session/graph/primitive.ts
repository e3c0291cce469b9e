/** Values that are no objects, as text: JSON where JSON has them, else an object of one key that begins with `$`. */

export type Primitive = string | number | boolean | null | undefined | bigint;

export function isPrimitive(value: unknown): value is Primitive {
  return (typeof value !== 'object' || value === null) && typeof value !== 'function' && typeof value !== 'symbol';
}

export function primitiveText(value: Primitive): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return isJsonNumber(value) ? String(value) : `{"$number":"${Object.is(value, -0) ? '-0' : value}"}`;
    case 'bigint':
      return `{"$bigint":"${value}"}`;
    case 'undefined':
      return '{"$undefined":0}';
    default:
      return String(value);
  }
}

/** JSON has neither NaN nor an infinity, and writes −0 as 0. */
export function isJsonNumber(value: number): boolean {
  return value === 0 ? 1 / value > 0 : value - value === 0;
}

/** What `primitiveText` wrote, quicker than `JSON.parse` where that is easy. Throws at what is no JSON. */
export function parsePrimitive(text: string): Primitive {
  const first = text.charCodeAt(0);
  if (first === 0x22 && isPlainText(text)) return text.slice(1, -1);
  const whole = wholeNumber(text, first);
  if (whole !== undefined) return whole;
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) return value as Primitive;
  const [[tag, content] = ['', undefined]] = Object.entries(value);
  return parseTagged(tag, content);
}

/** Whether a text that begins with a quote is that of a string without anything escaped. A control character is none of ours. */
function isPlainText(text: string): boolean {
  const last = text.length - 1;
  return last > 0 && text.indexOf('"', 1) === last && !text.includes('\\');
}

/** Digits that are exact in any case: most numbers are short and whole. */
const exactDigits = 15;

function wholeNumber(text: string, first: number): number | undefined {
  const { length } = text;
  if (length > exactDigits || (first === 0x30 && length > 1)) return undefined;
  let number = 0;
  for (let at = 0; at < length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return length === 0 ? undefined : number;
}

/** The primitive that an object of this one key stands for; `undefined` for what stands for none as well. */
export function parseTagged(tag: string, content: unknown): Primitive {
  if (tag === '$number') return Number(content);
  if (tag === '$bigint') return BigInt(String(content));
  return undefined;
}
