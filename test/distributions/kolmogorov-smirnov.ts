/**
 * The two-sample Kolmogorov-Smirnov test: how far apart two samples' distribution functions are at most, and how often chance
 * alone would put two samples of one distribution so far apart. Asymptotic, with Stephens' correction (Numerical
 * Recipes, 3rd ed., 14.3.3): good from about twenty values each. Equal values count as they are.
 */

export interface Comparison {
  /** The largest distance between the two distribution functions, 0 to 1. */
  readonly distance: number;
  /** How probable a distance as large is if both are of one distribution. */
  readonly p: number;
}

export function kolmogorovSmirnov(one: readonly number[], other: readonly number[]): Comparison {
  const a = one.toSorted((x, y) => x - y);
  const b = other.toSorted((x, y) => x - y);
  let distance = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const value = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i] === value) i++;
    while (j < b.length && b[j] === value) j++;
    distance = Math.max(distance, Math.abs(i / a.length - j / b.length));
  }
  const size = Math.sqrt((a.length * b.length) / (a.length + b.length));
  return { distance, p: tail((size + 0.12 + 0.11 / size) * distance) };
}

/** The probability that the Kolmogorov distribution exceeds this. */
function tail(lambda: number): number {
  if (lambda < 0.2) return 1; // beyond a billionth
  let sum = 0;
  for (let k = 1; k <= 100; k++) {
    const term = 2 * (-1) ** (k - 1) * Math.exp(-2 * k * k * lambda * lambda);
    sum += term;
    if (Math.abs(term) < 1e-12) break;
  }
  return Math.min(1, Math.max(0, sum));
}
