/** What is written into a session's data: fields of parts, and parts that go. */

/**
 * The text of a field that was removed by its name, which JSON never is: whoever reads finds no such field, and a change that
 * was made earlier, wherever it was, does not bring it back (V93). Some are remembered, for some minutes (state.ts).
 */
export const removedText = '';

export interface FieldChange {
  readonly part: string;
  readonly field: string;
  /** JSON without line breaks between its tokens, or `removedText`; `undefined`: what was seen of the field is taken away. */
  readonly text: string | undefined;
}

export interface Changes {
  /** In the order in which new fields come into being. */
  readonly fields: readonly FieldChange[];
  /** Parts that go as a whole, before any field is written. */
  readonly gone: readonly string[];
}
