/** What `latchkey serve` does where its configuration says nothing. The library's own defaults stand beside its options. */

export const serverDefaults = {
  web: {
    /** `address:port`. Loopback: a node speaks plain HTTP and belongs behind a balancer that speaks TLS. */
    listen: '127.0.0.1:8080',
    /** Addresses of proxies whose X-Forwarded-* are believed. None: whoever connects is the client. */
    trustProxy: [] as readonly string[],
  },
  hashing: {
    /** Passwords being verified or waiting, in all. More: longer queues in a flood. Less: a Monday morning is refused. */
    maxPending: 64,
  },
  log: {
    /** `debug` tells every decision, `warn` only what somebody should look at. */
    level: 'info' as const,
  },
} as const;
