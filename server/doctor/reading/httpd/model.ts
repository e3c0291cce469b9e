/** An httpd configuration as the checks see it: servers, what they pass on, balancers with their members, who may see what. */

import type { Place } from '../place.ts';
import type { Parameters } from './parameters.ts';
import type { Directive } from './text.ts';

export interface HttpdModel {
  readonly main: HttpdServer;
  /** The main server, then the virtual hosts in their order. */
  readonly servers: readonly HttpdServer[];
  /** Undefined: what is loaded is not known. */
  readonly modules: ReadonlySet<string> | undefined;
  /** `ProxyHCTemplate`, by name. */
  readonly templates: ReadonlyMap<string, Parameters>;
}

export interface HttpdServer {
  /** Undefined: the main server. */
  readonly place: Place | undefined;
  /** Of a virtual host: `*:80`. */
  readonly addresses: readonly string[];
  /** ServerName without its port, and ServerAlias; in lower case. */
  readonly names: readonly string[];
  readonly isTls: boolean;
  /** In the order that httpd tries them in, those of the main server first; those in a Location are with it. */
  readonly passes: readonly Pass[];
  readonly rewrites: readonly Rewrite[];
  /** Its own and those it has from the main server. */
  readonly balancers: readonly Balancer[];
  readonly locations: readonly Location[];
  /** Header and RequestHeader, also those inside sections. */
  readonly headers: readonly Directive[];
  /** All that stands directly in it; the last of a name counts. */
  readonly directives: readonly Directive[];
  /** Those of mod_jk, also inside sections. */
  readonly mounts: readonly Mount[];
  /** What counts for it of a directive, in lower case: its own, else the main server's. */
  readonly setting: (name: string) => Directive | undefined;
}

/** ProxyPass and ProxyPassMatch. */
export interface Pass {
  readonly from: string;
  readonly isPattern: boolean;
  /** `!`: not passed on. */
  readonly to: string;
  readonly parameters: Parameters;
  readonly place: Place;
  /** It stands in a Location. */
  readonly isInLocation: boolean;
}

export interface Rewrite {
  readonly pattern: string;
  readonly to: string;
  readonly flags: readonly string[];
  readonly conditions: readonly {
    readonly test: string;
    readonly pattern: string;
    readonly flags: readonly string[];
  }[];
  readonly place: Place;
}

export interface Balancer {
  /** In lower case, without `balancer://`. */
  readonly name: string;
  readonly members: readonly Member[];
  readonly parameters: Parameters;
  /** Named again, or in a virtual host beside those of the main server: httpd does not look at them. */
  readonly ignored: readonly Member[];
  /** Where it is first named. */
  readonly place: Place;
}

export interface Member {
  readonly url: string;
  /** `http`, `https`, `ajp`, … in lower case. */
  readonly scheme: string;
  readonly parameters: Parameters;
  readonly place: Place;
}

export interface Location {
  /** As it stands; a pattern if `isPattern`. */
  readonly path: string;
  readonly isPattern: boolean;
  readonly handler: string | undefined;
  readonly pass: Pass | undefined;
  readonly access: Access;
  readonly inside: readonly Directive[];
  readonly place: Place;
}

/** Who gets in, as far as it can be told from what stands there. */
export type Access = 'unsaid' | 'everybody' | 'some';

export interface Mount {
  /** `JkUnMount`. */
  readonly isUnmount: boolean;
  readonly path: string;
  readonly worker: string;
  readonly location: Location | undefined;
  readonly place: Place;
}
