/** `ajp` of a configuration file: where mod_jk and mod_proxy_ajp reach this node, its secret fetched from where it is kept. */

import { z } from 'zod';
import { type AjpOptions, checkAjpOptions, SsoError } from '../sso/index.ts';
import { ConfigError, fields, must } from './document.ts';
import { oneSecretSchema, type ReadSecret, type SecretSource } from './secrets.ts';

/** What `ajpServer` takes of a file. */
export type AjpConfig = Pick<AjpOptions, 'listen' | 'secret' | 'maxPacketSize' | 'attributes'>;

const bytes = must('a whole number of bytes, 8192 to 65536');

export const ajpSchema = fields({
  listen: z.string(must('address:port, as in 10.0.0.1:8009')),
  /** The same as in the balancer; may be left out on a loopback address only. */
  secret: oneSecretSchema.exactOptional(),
  maxPacketSize: z.number(bytes).exactOptional(),
  attributes: z
    .array(z.string(must('the name of a request attribute')), must('a list of names of request attributes'))
    .max(64)
    .exactOptional(),
});

/** @throws ConfigError what the listener would refuse, its secret among it */
export function readAjp(
  { secret, ...rest }: z.output<typeof ajpSchema>,
  read: (source: SecretSource) => ReadSecret,
): { readonly ajp: AjpConfig; readonly warnings: readonly string[] } {
  const found = secret && read(secret);
  const ajp: AjpConfig = { ...rest, ...(found && { secret: found.value }) };
  try {
    checkAjpOptions(ajp);
  } catch (error) {
    if (error instanceof SsoError) throw new ConfigError([error.message]);
    throw error;
  }
  return { ajp, warnings: found?.warning === undefined ? [] : [found.warning] };
}
