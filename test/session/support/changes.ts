/** What a request writes, in few words: attributes as `ATTRIBUTE` keeps them. */

import type { Changes } from '../../../sso/session/data/changes.ts';

/** Sets these attributes; `undefined` takes one away. */
export function setting(attributes: Readonly<Record<string, unknown>>): Changes {
  return {
    fields: Object.entries(attributes).map(([name, value]) => ({
      part: '0',
      field: `.${name}`,
      text: value === undefined ? undefined : JSON.stringify(value),
    })),
    gone: [],
  };
}
