/**
 * What the balancer said about a request beyond HTTP. It is told, never acted on here: `remoteUser` is no
 * sign-on, and `jvmRoute` no truth, for on the first request after a failover mod_jk names the node that
 * is gone.
 */

import type { IncomingMessage } from 'node:http';
import type { ForwardRequest } from './forward-request.ts';

export interface AjpRequest {
  /** What the browser speaks with the balancer: `HTTP/2.0`. */
  readonly protocol: string;
  /** Whom the balancer took the browser's user for, if it asked. */
  readonly remoteUser?: string;
  readonly authType?: string;
  readonly queryString?: string;
  /** The route by which the balancer chose, if it did. Not this node's after a failover. */
  readonly jvmRoute?: string;
  /** The client's certificate, PEM; several if the balancer passes on the chain. */
  readonly sslCert?: string;
  readonly sslCipher?: string;
  readonly sslSession?: string;
  /** Bits. */
  readonly sslKeySize?: number;
  readonly remoteAddress: string;
  readonly remoteHost?: string;
  readonly serverName: string;
  readonly serverPort: number;
  /** Whether the browser's connection to the balancer was TLS. */
  readonly isSsl: boolean;
  /** Request attributes by name, `JK_LB_ACTIVATION` among them. */
  readonly attributes: ReadonlyMap<string, string>;
}

const requests = new WeakMap<object, ForwardRequest>();

/** `undefined`: the request did not come by AJP. */
export function ajpOf(req: IncomingMessage): AjpRequest | undefined {
  const request = req.socket && requests.get(req.socket);
  return request && viewOf(request);
}

/** Remembers, for as long as the socket lives, what the balancer said. */
export function remember(socket: object, request: ForwardRequest): void {
  requests.set(socket, request);
}

/** All but what HTTP says as well, and the secret. */
function viewOf(request: ForwardRequest): AjpRequest {
  const { protocol, remoteAddress, serverName, serverPort, isSsl, attributes } = request;
  const { remoteUser, authType, queryString, jvmRoute, sslCert, sslCipher, sslSession, sslKeySize, remoteHost } =
    request;
  return {
    ...{ protocol, remoteAddress, serverName, serverPort, isSsl, attributes },
    ...(remoteUser !== undefined && { remoteUser }),
    ...(authType !== undefined && { authType }),
    ...(queryString !== undefined && { queryString }),
    ...(jvmRoute !== undefined && { jvmRoute }),
    ...(sslCert !== undefined && { sslCert }),
    ...(sslCipher !== undefined && { sslCipher }),
    ...(sslSession !== undefined && { sslSession }),
    ...(sslKeySize !== undefined && { sslKeySize }),
    ...(remoteHost !== undefined && { remoteHost }),
  };
}
