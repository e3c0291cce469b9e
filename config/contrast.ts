/**
 * Contrast of two colours as WCAG 2.2 defines it (1.4.3, with relative luminance), so that an operator's
 * colour that somebody could not read is refused at start rather than seen in production. The papers are
 * those of the style sheet; a test holds them together.
 */

/** What an accent colour stands on, as links, or under, as buttons: the darkest light paper and the lightest dark one. */
export const papers = {
  light: ['#f6f5f1', '#ffffff'],
  dark: ['#14171d', '#1d222b'],
} as const;

export type Scheme = keyof typeof papers;

/** WCAG 2.2, 1.4.3: for text of ordinary size. */
export const leastContrast = 4.5;

/** Between 1 (the same) and 21 (black and white). Colours as `#rrggbb`. */
export function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** The least contrast of an accent in this scheme. */
export function accentContrast(accent: string, scheme: Scheme): number {
  return Math.min(...papers[scheme].map((paper) => contrast(accent, paper)));
}

/** The same hue, mixed with white until it can be read on the dark papers. */
export function lightened(accent: string): string {
  const steps = 20;
  for (let step = 0; step < steps; step++) {
    const mixed = mixedWithWhite(accent, step / steps);
    if (accentContrast(mixed, 'dark') >= leastContrast + 1) return mixed;
  }
  return '#ffffff';
}

function mixedWithWhite(colour: string, share: number): string {
  const mix = (channel: number) => Math.round(channel + (255 - channel) * share);
  return `#${channels(colour)
    .map((channel) => mix(channel).toString(16).padStart(2, '0'))
    .join('')}`;
}

function luminance(colour: string): number {
  const [r, g, b] = channels(colour).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function channels(colour: string): readonly number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}
