/** `cluster.nats` of a configuration file: how the NATS server is reached, its secrets fetched from where they are kept. */

import { z } from 'zod';
import { fields, must } from './document.ts';
import { oneSecretSchema, type ReadSecret, type SecretSource } from './secrets.ts';

/** What `natsChannel` takes. */
export interface NatsConfig {
  readonly servers: readonly string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

const text = (be: string) => z.string(must(be)).min(1, `must be ${be}`);
const file = text('the path of a file');

export const natsSchema = fields({
  servers: z.array(text('a server, as in nats://10.0.0.9:4222'), must('a list of servers')).min(1).max(64),
  user: text('a user of the NATS server').exactOptional(),
  password: oneSecretSchema.exactOptional(),
  token: oneSecretSchema.exactOptional(),
  /** PEM files. If it is there TLS is required; `{}`: by the system's authorities. */
  tls: fields({ ca: file.exactOptional(), cert: file.exactOptional(), key: file.exactOptional() }).exactOptional(),
});

export interface NatsReaders {
  readonly secret: (source: SecretSource) => ReadSecret;
  readonly pem: (file: string) => string;
}

/** Fetches what the fields point to. @throws ConfigError */
export function readNats(
  { servers, user, password, token, tls }: z.output<typeof natsSchema>,
  { secret, pem }: NatsReaders,
): { readonly nats: NatsConfig; readonly warnings: readonly string[] } {
  const secrets = { pass: password && secret(password), token: token && secret(token) };
  return {
    nats: {
      servers,
      ...(user !== undefined && { user }),
      ...(secrets.pass && { pass: secrets.pass.value }),
      ...(secrets.token && { token: secrets.token.value }),
      ...(tls && { tls: Object.fromEntries(Object.entries(tls).map(([name, path]) => [name, pem(path)])) }),
    },
    warnings: Object.values(secrets).flatMap((one) => one?.warning ?? []),
  };
}
