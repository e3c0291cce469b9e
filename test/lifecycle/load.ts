/**
 * People at work while the cluster changes under them, and the balancer in between: it sends nothing to
 * a node that is not ready, a sticky browser stays with its node while that is, and what a node does not
 * answer, or answers with 503, is asked of another one. Nothing else is forgiven: a challenge, a lost
 * session or a wrong name is a failure, and is told with the instant at which it came.
 */

import assert from 'node:assert/strict';
import type { Browser, TestNode } from '../../sso/testing/index.ts';
import { A, type Story } from '../support/story.ts';

/** Between two requests of a browser, milliseconds of virtual time. */
const paceMs = 100;
/** How often a balancer goes round before it gives up, and how long it waits in between. */
const rounds = 40;
const waitMs = 50;

interface Person {
  readonly name: string;
  readonly browser: Browser;
  readonly sticky: boolean;
  node: string;
  /** Answers with 200. */
  answered: number;
  attempts: number;
}

export class Load {
  /** What was asked of a second node. */
  retried = 0;
  /** Requests for which no node was ready at once. */
  waited = 0;
  readonly failures: string[] = [];
  readonly #it: Story;
  readonly #people: Person[] = [];
  #next = 0;
  #ended = false;
  #running: Promise<void> = Promise.resolve();

  constructor(it: Story) {
    this.#it = it;
  }

  /** How many answers there were. */
  get answers(): number {
    return this.#people.reduce((sum, { answered }) => sum + answered, 0);
  }

  /** Signs people on, half of them with sticky routes, and lets them work until `end`. */
  async begin(browsers = 8): Promise<this> {
    const names = ['alice', 'bob', 'carol'];
    for (let i = 0; i < browsers; i++) {
      const name = names[i % names.length]!;
      const node = this.#ready[i % this.#ready.length]!;
      const browser = await this.#it.signedOn(name, node);
      this.#people.push({ name, browser, sticky: i % 2 === 0, node, answered: 0, attempts: 0 });
    }
    this.#running = this.#work();
    return this;
  }

  /** Ends the work, and fails if anybody was turned away or has lost anything. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#running;
    assert.deepEqual(this.failures, []);
    for (const person of this.#people) {
      await this.#ask(person);
      assert.ok(person.answered > 1, 'everybody was answered');
    }
    assert.deepEqual(this.failures, []);
  }

  async #work(): Promise<void> {
    while (!this.#ended && this.failures.length === 0) {
      await Promise.all(this.#people.map((person) => this.#ask(person)));
      await this.#it.cluster.advance(paceMs);
    }
  }

  /** The nodes that say that they are ready. */
  get #ready(): readonly string[] {
    return this.#it.cluster.nodes.filter(isReady).map(({ name }) => name);
  }

  async #ask(person: Person): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      for (const node of this.#order(person)) {
        person.attempts++;
        const response = await this.#answer(person, node);
        if (response === undefined || response.status === 503) {
          this.retried++;
          continue;
        }
        person.node = node;
        this.#judge(person, node, response);
        return;
      }
      this.waited++;
      await this.#it.cluster.advance(waitMs);
    }
    this.#fail(person, 'no node', 'nobody answered');
  }

  #judge(person: Person, node: string, { status, body }: { status: number; body: unknown }): void {
    if (status !== 200) {
      this.#fail(person, node, `answered ${status}`);
      return;
    }
    person.answered++;
    const { user, visits = 0 } = body as { user?: string; visits?: number };
    if (user !== person.name) this.#fail(person, node, `was for ${user}`);
    // What was asked twice because an answer was lost may have counted twice.
    if (visits < person.answered || visits > person.attempts)
      this.#fail(person, node, `${visits} visits of ${person.answered}`);
  }

  /** `undefined`: the connection ended before there was an answer. */
  async #answer({ browser }: Person, at: string): Promise<{ status: number; body: unknown } | undefined> {
    if (!this.#it.cluster.at(at).isUp) return undefined;
    try {
      return await browser.get(`${A}/protected/visits`, { at });
    } catch {
      return undefined;
    }
  }

  /** The node to ask first, then the others. */
  #order({ sticky, node }: Person): readonly string[] {
    const ready = this.#ready;
    const first = sticky && ready.includes(node) ? ready.indexOf(node) : this.#next++ % Math.max(1, ready.length);
    return [...ready.slice(first), ...ready.slice(0, first)];
  }

  #fail({ name, sticky }: Person, node: string, what: string): void {
    this.failures.push(`${this.#it.cluster.now()} ${name}${sticky ? ', sticky' : ''}: ${node} ${what}`);
  }
}

/** What `readyz` tells a balancer. */
const isReady = (node: TestNode) => node.isUp && node.sso.state === 'up';
