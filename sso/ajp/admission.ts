/**
 * Whether a request that came by AJP is handed on, and as what. The secret comes first: who does not have
 * it learns nothing about the rest. Pure: a table could be made of it.
 */

import { METHODS } from 'node:http';
import { admitFields, type Body } from './fields.ts';
import type { ForwardRequest } from './forward-request.ts';
import { strangeAttribute } from './known-attributes.ts';
import type { CheckSecret } from './secret.ts';

export interface AdmissionRules {
  readonly isSecret: CheckSecret;
  /** Names of attributes besides those that balancers send by themselves. */
  readonly attributes: ReadonlySet<string>;
  readonly headersAtMost: number;
  readonly keepsForwarded: boolean;
}

/** A request as HTTP has it. */
export interface Message {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Body;
}

/** What refusals are counted under. */
export type Reason = 'secret' | 'attribute' | 'method' | 'upgrade' | 'request';

export type Admission =
  | { readonly kind: 'admitted'; readonly message: Message }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: Reason; readonly why: string };

/**
 * RFC 3986, 3.3, as loosely as browsers have it; a query or fragment in here would be a second one. Bytes that no browser leaves
 * unescaped are refused here: Node's parser would, without an answer, and a balancer would take the node for broken.
 */
const path = /^\/[\x21\x22\x24-\x3e\x40-\x7e]*$/;
const query = /^[\x21\x22\x24-\x7e]*$/;

const understood: ReadonlySet<string> = new Set(METHODS.filter((method) => method !== 'CONNECT'));

export function admit(request: ForwardRequest, rules: AdmissionRules): Admission {
  if (!rules.isSecret(request.secret)) {
    const why = request.secret === undefined ? 'no secret' : 'another secret';
    return { kind: 'refused', status: 403, reason: 'secret', why };
  }
  const strange = strangeAttribute(request.attributes, rules.attributes);
  if (strange !== undefined) {
    const why = `the attribute ${strange.slice(0, 64).replace(/[^\w.:-]/g, '?')} is not among those allowed`;
    return { kind: 'refused', status: 403, reason: 'attribute', why };
  }
  const { method, uri, queryString, serverName, serverPort } = request;
  if (!understood.has(method))
    return { kind: 'refused', status: 501, reason: 'method', why: 'a method that is not known here' };
  const isTarget = path.test(uri) || (uri === '*' && method === 'OPTIONS' && queryString === undefined);
  if (!isTarget || (queryString !== undefined && !query.test(queryString)))
    return { kind: 'refused', status: 400, reason: 'request', why: 'a path or query that is none' };
  const fields = admitFields(
    { method, headers: request.headers, host: formatHost(serverName, serverPort) },
    { headersAtMost: rules.headersAtMost, keepsForwarded: rules.keepsForwarded },
  );
  if (fields.kind === 'refused') {
    const { status, why } = fields;
    return { kind: 'refused', status, reason: why === 'upgrade' ? 'upgrade' : 'request', why };
  }
  const { headers, body } = fields;
  const target = queryString === undefined ? uri : `${uri}?${queryString}`;
  return { kind: 'admitted', message: { method, target, headers, body } };
}

function formatHost(name: string, port: number): string {
  const host = name.includes(':') && !name.startsWith('[') ? `[${name}]` : name;
  return port === 80 || port === 443 || port === 0 ? host : `${host}:${port}`;
}
