/**
 * Metrics in Prometheus' text format, by prom-client with a registry of this node's own: two nodes in one
 * process do not mix, and an application's own metrics are left alone. What happens is counted when it
 * happens; what is, is read off one picture of the node for each scrape.
 */

import type { RequestHandler } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { RefusalReason } from '../audit/events.ts';
import { type Cause, causes } from '../entry.ts';
import { requireKnown } from '../errors.ts';
import { asLabels, counterMetrics } from './counter-names.ts';
import { counterRow, type MetricRow, snapshotRows } from './gauges.ts';
import { isReading } from './pages.ts';
import type { HealthSnapshot, HealthSource } from './snapshot.ts';

/** Every reason that there is, so that each has a series from the start. */
const refusals: Readonly<Record<RefusalReason, 0>> = {
  credentials: 0,
  throttled: 0,
  busy: 0,
  'cross-site': 0,
  'form-expired': 0,
  'insecure-connection': 0,
  'foreign-host': 0,
  unavailable: 0,
  limit: 0,
  'authenticator-failed': 0,
  'subject-ended': 0,
};

export interface MetricsOptions {
  /** Adds prom-client's metrics of the process: memory, event loop, garbage collection. For one page of a process only. Default false. */
  readonly processMetrics?: boolean;
  /** Further metrics that the page shows behind the node's: a registry of prom-client's, or anything alike. Their names must be others. Default none. */
  readonly also?: { metrics(): Promise<string> };
}

/** Seconds. Around what a logout takes on a healthy network, and around T, which it takes with a silent minority. */
const logoutBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 6, 7, 10, 30, 60, 300];

export class Metrics {
  readonly #source: HealthSource;
  readonly #registry = new Registry();
  readonly #read: readonly ((snapshot: HealthSnapshot) => void)[];
  readonly #opened: Counter<'through'>;
  readonly #ended: Counter<'cause' | 'through'>;
  readonly #refused: Counter<'reason'>;
  readonly #answered: Counter<'state'>;
  readonly #logouts: Histogram;
  #hasProcessMetrics = false;

  constructor(source: HealthSource) {
    const registers = [this.#registry];
    this.#source = source;
    this.#opened = new Counter({
      name: 'latchkey_sign_ons_opened_total',
      help: 'Sign-ons that were opened: through this node, or through another and heard of here, those found at the start included.',
      labelNames: ['through'],
      registers,
    });
    this.#ended = new Counter({
      name: 'latchkey_sign_ons_ended_total',
      help: 'Sign-ons that ended, by cause: through this node, or heard of or concluded here. Every node counts every end once.',
      labelNames: ['cause', 'through'],
      registers,
    });
    this.#refused = new Counter({
      name: 'latchkey_sign_ons_refused_total',
      help: 'Attempts to sign on at this node that were refused, by reason.',
      labelNames: ['reason'],
      registers,
    });
    this.#answered = new Counter({
      name: 'latchkey_logouts_total',
      help: 'Receipts that this node answered, by the state they had then.',
      labelNames: ['state'],
      registers,
    });
    this.#logouts = new Histogram({
      name: 'latchkey_logout_duration_seconds',
      help: 'From the close of a sign-on at this node until no node accepts it any more.',
      buckets: logoutBuckets,
      registers,
    });
    this.#zero();
    const counted = Object.entries(counterMetrics).map(([name, metric]) =>
      counterRow(name as keyof typeof counterMetrics, metric),
    );
    this.#read = [...snapshotRows, ...counted].map((row) => reader(row, registers));
  }

  /** A sign-on was opened. `own`: through this node. */
  opened(own: boolean): void {
    this.#opened.inc({ through: through(own) });
  }

  ended(cause: Cause, own: boolean): void {
    this.#ended.inc({ cause, through: through(own) });
  }

  /** Somebody was not signed on: whatever the audit has a line for. */
  refused(reason: RefusalReason): void {
    this.#refused.inc({ reason });
  }

  /** A logout was answered with a receipt in this state. */
  answered(state: 'complete' | 'pending'): void {
    this.#answered.inc({ state });
  }

  /** A logout through this node is complete, so long after the close, milliseconds. */
  completed(ms: number): void {
    this.#logouts.observe(Math.max(0, ms) / 1000);
  }

  /** What a scrape gets. */
  async text(): Promise<string> {
    const snapshot = this.#source.snapshot();
    for (const read of this.#read) read(snapshot);
    return this.#registry.metrics();
  }

  /** The page for a scraper. It names nobody, but says how much goes on: mount it where only the scraper comes. */
  handler(options: MetricsOptions = {}): RequestHandler {
    requireKnown('metrics', options, ['processMetrics', 'also']);
    if (options.processMetrics === true && !this.#hasProcessMetrics) {
      this.#hasProcessMetrics = true;
      collectDefaultMetrics({ register: this.#registry });
    }
    const { also } = options;
    return (req, res, next) => {
      if (!isReading(req, res)) return;
      Promise.all([this.text(), also?.metrics()]).then((texts) => {
        const text = texts.filter((one) => one !== undefined).join('\n');
        res.removeHeader('X-Powered-By');
        res.setHeader('Content-Type', this.#registry.contentType);
        res.setHeader('Cache-Control', 'no-store');
        res.end(text);
      }, next);
    };
  }

  /** A series that has counted nothing yet shows 0, so that its first increase is seen as one. */
  #zero(): void {
    for (const own of [true, false]) {
      this.#opened.inc({ through: through(own) }, 0);
      for (const cause of causes) this.#ended.inc({ cause, through: through(own) }, 0);
    }
    for (const reason of Object.keys(refusals)) this.#refused.inc({ reason }, 0);
    for (const state of ['complete', 'pending']) this.#answered.inc({ state }, 0);
  }
}

const through = (own: boolean): string => (own ? 'this-node' : 'another');

/** Registers the metric of a row; what is returned sets it from a picture. */
function reader({ name, help, type, label, of }: MetricRow, registers: Registry[]): (snapshot: HealthSnapshot) => void {
  const labelNames = label === undefined ? [] : [label];
  const config = { name, help, labelNames, registers };
  const metric = type === 'gauge' ? new Gauge(config) : new Counter(config);
  const set = (labels: Record<string, string>, value: number) =>
    metric instanceof Gauge ? metric.set(labels, value) : metric.inc(labels, value);
  return (snapshot) => {
    const value = of(snapshot);
    metric.reset();
    if (typeof value === 'number') set({}, value);
    else if (label !== undefined) for (const [one, count] of asLabels(value)) set({ [label]: one }, count);
  };
}
