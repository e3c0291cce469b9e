/** How much guessing is let through before it is slowed, and how much memory counting it may take: options with their defaults. */

export interface ThrottleOptions {
  /** Failures for one account, by whoever is a stranger to it; a browser that signed on before has as many of its own. */
  readonly account?: LadderOptions;
  /** Failures from one address (IPv4) or network (IPv6 /64), by strangers. Default 100 in 10 minutes. Too small: an office behind one address waits for one colleague. */
  readonly source?: RateOptions;
  /** Failures of all strangers at all nodes together; sources from which somebody signed on lately go on. Default 3,000 in 10 minutes. Too small: typing errors of a large site delay newcomers; larger: memory (`maxKeys`). */
  readonly all?: RateOptions;
  /** How long a browser that signed on counts as known, milliseconds. Default 90 days; 0: none is remembered, and strangers can delay everybody. */
  readonly knownBrowserMs?: number;
  /** Accounts and sources that are counted one by one; what comes beyond is counted in shared cells. Default 100,000, of some 400 bytes each. */
  readonly maxKeys?: number;
  /** One name for all names of an account (`XYZ\alice`, `alice@xyz.com`), before it is brought to the form in which it is counted. Default: as it was sent. */
  readonly accountOf?: (name: string) => string;
}

export interface LadderOptions {
  /** So many fail without a wait. Default 5. */
  readonly failures?: number;
  /** The first wait, milliseconds; each failure doubles it. Default 1,000. */
  readonly firstWaitMs?: number;
  /** The longest, milliseconds. Default 300,000: some 300 guesses a day. Larger: a stranger delays a newcomer's own sign-on for longer. */
  readonly longestWaitMs?: number;
  /** After so long (at most twice as long) a failure is forgotten, milliseconds. Default 3,600,000. */
  readonly windowMs?: number;
}

export interface RateOptions {
  readonly failures?: number;
  /** In so many milliseconds. Default 600,000. */
  readonly windowMs?: number;
}

export interface ThrottleLimits {
  readonly account: Required<LadderOptions>;
  readonly source: Required<RateOptions>;
  readonly all: Required<RateOptions>;
  readonly knownBrowserMs: number;
  readonly maxKeys: number;
  readonly accountOf: (name: string) => string;
}

export const throttleDefaults: ThrottleLimits = {
  account: { failures: 5, firstWaitMs: 1_000, longestWaitMs: 300_000, windowMs: 3_600_000 },
  source: { failures: 100, windowMs: 600_000 },
  all: { failures: 3_000, windowMs: 600_000 },
  knownBrowserMs: 90 * 86_400_000,
  maxKeys: 100_000,
  accountOf: (name) => name,
};

export function throttleLimits(options: ThrottleOptions): ThrottleLimits {
  const { account, source, all, ...rest } = options;
  return {
    ...throttleDefaults,
    ...rest,
    account: { ...throttleDefaults.account, ...account },
    source: { ...throttleDefaults.source, ...source },
    all: { ...throttleDefaults.all, ...all },
  };
}

/** An attempt without an outcome for so long counts as a failure: its node died. Longer than any authenticator may take, milliseconds. */
export const attemptMs = 60_000;
/** The longest to wait until the other nodes hold a reservation, milliseconds: a node that hangs must not keep everybody out. */
export const storedMs = 250;
/** The longest that an attempt waits for the outcomes of those before it, milliseconds; then it is refused. */
export const waitMs = 2_000;
/** Attempts of one node that wait so; one more is refused at once. */
export const maxWaiting = 256;
/** Cells that are shared, for each kind of key, once `maxKeys` are held. */
export const sharedCells = 1_024;
/** How long a source from which somebody signed on is not counted with all, milliseconds (at most twice as long). */
export const trustedMs = 86_400_000;
/** Of `maxKeys`, the part that such sources may take. */
export const trustedPart = 0.25;
