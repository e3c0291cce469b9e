/** Where something stands: a finding that names no line sends its reader searching. */

export interface Place {
  /** As it was opened. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export function placed({ file, line }: Place): string {
  return `${file}:${line}`;
}
