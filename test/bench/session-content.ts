/** What the measured sessions hold, by size, and the one small thing that a request does with them. Plain data: express-session can keep it too. */

/** A shop's session: who it is, a cart, the pages that were seen. */
export interface Content {
  visits: number;
  user: object;
  cart: { items: { id: string; title: string; quantity: number; cents: number }[] };
  seen: { path: string; at: number; title: string }[];
  /** Fills up what is missing to the size. */
  note: string;
}

/** Bytes of JSON. */
export const sizes = [512, 4_096, 40_960] as const;

export const sizeName = (bytes: number) => `${bytes / 1_024} KiB`;

/** As many bytes of JSON as asked for, at least 400: half of what grows is the cart, half the pages. */
export function content(bytes: number): Content {
  const made: Content = {
    visits: 100,
    user: {
      name: 'alice',
      email: 'alice@xyz.com',
      roles: ['customer', 'reviewer'],
      address: { street: 'Long Road 17', city: 'Springfield', zip: '12345' },
    },
    cart: { items: [] },
    seen: [],
    note: '',
  };
  for (let i = 0; JSON.stringify(made).length < bytes - 220; i++) {
    made.cart.items.push({
      id: `book-${1_000 + i}`,
      title: `Volume ${i} of the collected works`,
      quantity: 1,
      cents: 1_990,
    });
    made.seen.push({
      path: `/books/${1_000 + i}`,
      at: 1_767_225_600_000 + i,
      title: `Volume ${i} of the collected works`,
    });
  }
  made.note = 'x'.repeat(Math.max(0, bytes - JSON.stringify(made).length));
  return made;
}

/** What a request does with its session, and the page's text. `turn` differs from request to request. */
export const works = {
  'reads a number': (session: Content) => `visits: ${session.visits}`,
  'counts a number': (session: Content) => `visits: ${++session.visits}`,
  'changes a number deep inside': (session: Content, turn: number) => {
    const { items } = session.cart;
    const item = items[turn % items.length]!;
    return `quantity: ${++item.quantity}`;
  },
} satisfies Readonly<Record<string, (session: Content, turn: number) => string>>;
export type Work = keyof typeof works;

/** Where each is found, over HTTP. */
export const paths: Readonly<Record<Work, string>> = {
  'reads a number': '/read',
  'counts a number': '/count',
  'changes a number deep inside': '/change',
};
