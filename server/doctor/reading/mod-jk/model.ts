/** mod_jk's configuration as the checks see it: its workers, and what of httpd leads to them. */

import type { HttpdModel } from '../httpd/model.ts';
import type { Place } from '../place.ts';
import type { MountRule } from './mounts.ts';
import type { Workers } from './workers.ts';

export interface JkModel {
  readonly workers: Workers;
  /** Where the workers are. */
  readonly file: string;
  /** Undefined: only workers.properties was there to be read. */
  readonly httpd: HttpdModel | undefined;
  /** By server, in the order of `httpd.servers`; without httpd one, from uriworkermap.properties beside the workers. */
  readonly servers: readonly JkServer[];
}

export interface JkServer {
  readonly name: string;
  readonly place: Place | undefined;
  readonly rules: readonly MountRule[];
}
