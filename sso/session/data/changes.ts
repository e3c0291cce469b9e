/** What is written into a session's data: fields of parts, and parts that go. */

export interface FieldChange {
  readonly part: string;
  readonly field: string;
  /** JSON without line breaks between its tokens; `undefined`: the field is taken away. */
  readonly text: string | undefined;
}

export interface Changes {
  /** In the order in which new fields come into being. */
  readonly fields: readonly FieldChange[];
  /** Parts that go as a whole, before any field is written. */
  readonly gone: readonly string[];
}
