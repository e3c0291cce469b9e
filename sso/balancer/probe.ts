/**
 * The probe: a page for whoever has the cluster's secret, by which a program outside learns how requests
 * arrive through a balancer, and can let a node rest. For everybody else there is no such page: a request
 * without a genuine pass goes on to whatever stands behind, which answers 404 as for any other address.
 */

import type { KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { Passes } from './passes.ts';
import {
  type ProbeAnswer,
  type ProbedCookies,
  type ProbedMember,
  type ProbeRefusal,
  probeHeader,
  restMsAtMost,
} from './probe-answer.ts';
import { type ProbeAsk, readPass } from './probe-pass.ts';
import { type AjpView, requestSeen } from './saw.ts';

export interface ProbeParts {
  readonly keys: readonly KeyObject[];
  readonly clock: Clock;
  readonly node: string;
  /** How the node stands now, as `readyz` says it. */
  readonly standing: () => Pick<ProbeAnswer, 'state' | 'ready' | 'why'>;
  readonly members: () => readonly ProbedMember[];
  readonly cookies: () => ProbedCookies;
  /** Balancers are told for so long to send nothing here, milliseconds; 0 ends it. */
  readonly rest: (forMs: number) => void;
  readonly ajpOf?: AjpView | undefined;
}

/** What a pass opened: an answer, or why there is none. `undefined`: it was no pass of ours. */
export type Probed =
  | { readonly status: 200; readonly body: ProbeAnswer }
  | { readonly status: 409 | 429; readonly body: ProbeRefusal };

export class Probe {
  readonly #parts: ProbeParts;
  readonly #passes: Passes;

  constructor(parts: ProbeParts) {
    this.#parts = parts;
    this.#passes = new Passes(parts.clock);
  }

  /** Carries out what is asked for, if the pass is right. */
  ask(req: IncomingMessage): Probed | undefined {
    const { keys, node, clock, rest } = this.#parts;
    const ask = askOf(req);
    const pass = ask && readPass(keys, req.headers[probeHeader], ask);
    if (ask === undefined || pass === undefined) return undefined;
    const refused = (status: 409 | 429, error: ProbeRefusal['error']): Probed => ({
      status,
      body: { error, node, now: clock.now() },
    });
    // Before the pass is used up: who is told so asks again, until the balancer brings it to the right node.
    if (ask.act !== '' && ask.node !== node) return refused(409, 'other-node');
    const judged = this.#passes.show(pass);
    if (judged !== 'fresh') return refused(judged === 'too-many' ? 429 : 409, judged);
    if (ask.act === 'rest') rest(Number(ask.ms));
    return { status: 200, body: this.#answer(req, pass.nonce) };
  }

  handle(req: IncomingMessage, res: ServerResponse, next: () => void): void {
    const probed = this.ask(req);
    if (probed === undefined) {
      next();
      return;
    }
    const text = `${JSON.stringify(probed.body)}\n`;
    res.statusCode = probed.status;
    res.removeHeader('X-Powered-By');
    res.setHeader('Content-Type', 'application/json; charset=utf-8');
    res.setHeader('Content-Length', Buffer.byteLength(text));
    res.setHeader('Cache-Control', 'no-store');
    res.end(text);
  }

  #answer(req: IncomingMessage, nonce: string): ProbeAnswer {
    const { node, clock, standing, members, cookies, ajpOf } = this.#parts;
    return {
      version: 1,
      nonce,
      node,
      ...standing(),
      now: clock.now(),
      members: members(),
      cookies: cookies(),
      saw: requestSeen(req, ajpOf),
    };
  }
}

/** What a request asks for; `undefined`: nothing that the probe knows. */
function askOf({ method = '', url = '' }: IncomingMessage): ProbeAsk | undefined {
  const at = url.indexOf('?');
  const query = new URLSearchParams(at === -1 ? '' : url.slice(at + 1));
  const one = (name: string) => {
    const values = query.getAll(name);
    return values.length > 1 ? undefined : (values[0] ?? '');
  };
  const [act, node, ms] = [one('act'), one('node'), one('ms')];
  if (act === undefined || node === undefined || ms === undefined) return undefined;
  const isReading = method === 'GET' && act === '' && node === '' && ms === '';
  const isRest = method === 'POST' && act === 'rest' && /^\d{1,5}$/.test(ms) && Number(ms) <= restMsAtMost;
  return isReading || isRest ? { method, act, node, ms } : undefined;
}
