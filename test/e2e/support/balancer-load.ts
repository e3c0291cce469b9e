/**
 * People at work behind a balancer while its nodes are restarted one after the other. Nobody asks twice:
 * an answer that is none, another status than 200, a lost sign-on or a session that forgot something is a
 * failure, told with the instant at which it came. Whose WebSocket is closed because its node restarts opens
 * the next one at once, and that has to succeed.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stage } from './balancer-stage.ts';
import type { Visitor } from './visitor.ts';

/** Between two requests of one person, milliseconds. */
const paceMs = 25;

export class Load {
  readonly failures: string[] = [];
  /** Answers, by what was asked. */
  readonly answers = { page: 0, form: 0, signOn: 0, anonymous: 0, webSocket: 0 };
  /** Nodes that answered, by how often. */
  readonly nodes: Record<string, number> = {};
  readonly #staged: Stage;
  readonly #startedAt = performance.now();
  readonly #work: Promise<void>[] = [];
  readonly #visitors: Visitor[] = [];
  #isOver = false;

  constructor(staged: Stage) {
    this.#staged = staged;
  }

  /** Signs people on, and lets them work until `end`: half of them on a connection that they keep, every fourth with a WebSocket. */
  async begin(people = 8): Promise<this> {
    for (let index = 0; index < people; index++) {
      const name = `person${index}`;
      const visitor = this.#staged.visitor({ keepAlive: index % 2 === 0 });
      this.#visitors.push(visitor);
      await visitor.signOn(name);
      this.#work.push(this.#works(name, visitor));
      if (index % 4 === 0) this.#work.push(this.#listens(name, visitor));
    }
    this.#work.push(this.#comes());
    return this;
  }

  /** Ends the work; fails if more failed than `excused` says, given all that failed. */
  async end(excused: (failures: readonly string[]) => number = () => 0): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#work);
    for (const visitor of this.#visitors) visitor.close();
    if (this.failures.length > excused(this.failures))
      assert.fail(`${this.failures.join('\n')}\n\n${this.#staged.balancer.output().slice(-4_000)}`);
  }

  /** Pages and forms of somebody who is signed on. */
  async #works(name: string, visitor: Visitor): Promise<void> {
    let views = 0;
    for (let turn = 0; !this.#isOver; turn++) {
      await this.#does(`${name} opens a page`, async () => {
        const who = await visitor.get('/who');
        this.answers.page++;
        this.nodes[who.node] = (this.nodes[who.node] ?? 0) + 1;
        assert.equal(who.user, name);
        // A page that was asked of two nodes because the first one's answer was lost may count twice.
        assert.ok(who.views! > views, `${who.views} views after ${views}, at ${who.node}`);
        views = who.views!;
      });
      if (turn % 3 === 0)
        await this.#does(`${name} posts a form`, async () => {
          const body = 'x'.repeat(1 + ((turn * 997) % 20_000));
          const answer = await visitor.ask('/echo', { method: 'POST', body });
          assert.equal(answer.status, 200, answer.text);
          const got = JSON.parse(answer.text) as { readonly user: string; readonly bytes: number };
          assert.deepEqual([got.user, got.bytes], [name, body.length]);
          this.answers.form++;
        });
      await new Promise((resolve) => setTimeout(resolve, paceMs));
    }
  }

  /** New people: they look, and sign on. */
  async #comes(): Promise<void> {
    for (let turn = 0; !this.#isOver; turn++) {
      const name = `guest${turn}`;
      await this.#does(`${name} looks and signs on`, async () => {
        const visitor = this.#staged.visitor();
        await visitor.get('/visit');
        this.answers.anonymous++;
        await visitor.signOn(name);
        assert.equal((await visitor.get('/who')).user, name);
        this.answers.signOn++;
      });
      await new Promise((resolve) => setTimeout(resolve, paceMs));
    }
  }

  async #listens(name: string, visitor: Visitor): Promise<void> {
    while (!this.#isOver) {
      await this.#does(`${name} opens a WebSocket`, async () => {
        const { hello, say, closed, socket } = await visitor.webSocket();
        assert.equal(hello.user, name);
        let code: number | undefined;
        void closed.then((value) => (code = value));
        while (code === undefined && !this.#isOver) {
          await Promise.race([
            say('still there?')
              .then(() => this.answers.webSocket++)
              .catch(() => {}),
            closed,
          ]);
          await new Promise((resolve) => setTimeout(resolve, paceMs));
        }
        if (code !== undefined) assert.equal(code, 1012, 'the node restarts');
        socket.terminate();
      });
    }
  }

  async #does(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const at = Math.round(performance.now() - this.#startedAt);
      this.failures.push(`${at} ms: ${what}: ${error instanceof Error ? error.message : error}`);
      await new Promise((resolve) => setTimeout(resolve, paceMs));
    }
  }
}

export interface RollingRestartOptions {
  /** How many of these failures are the balancer's way; default none. */
  readonly excused?: (failures: readonly string[], balancerSaid: string) => number;
}

/** Stops and starts every node under load. */
export function rollingRestart(staged: () => Stage, { excused = () => 0 }: RollingRestartOptions = {}): void {
  test('V118, V48, V88: three nodes are restarted one after the other under load: no request fails, no sign-on and no session is lost', async () => {
    const { world, picks, leaves } = staged();
    const load = await new Load(staged()).begin();
    try {
      for (const { route } of world.nodes) {
        const ended = world.node(route).stop();
        await leaves(route);
        const { lost } = await ended;
        assert.equal(lost, 0, route);
        await world.node(route).start();
        await picks(route);
      }
    } finally {
      await load.end((failures) => excused(failures, staged().balancer.output()));
    }
    const { page, form, signOn, anonymous, webSocket } = load.answers;
    for (const count of [page, form, signOn, anonymous, webSocket]) assert.ok(count > 20, JSON.stringify(load.answers));
    assert.deepEqual(Object.keys(load.nodes).sort(), world.nodes.map(({ route }) => route).sort());
  });
}
