/** What the person at the terminal can put right (wrong use, a port in use): told in one line, without a stack. */

export class UsageError extends Error {
  override readonly name = 'UsageError';
}
