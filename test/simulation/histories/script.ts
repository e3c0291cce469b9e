/**
 * A history by hand: the same cluster and the same checkers as in a seed, on machines with exact clocks
 * and a network that takes 1 ms a frame, where only what the script says happens. Whatever a rule of
 * FINAL-LOGOUT.md is there for is such a script, which breaks a promise without the rule.
 */

import assert from 'node:assert/strict';
import type { Peer } from '../../../sso/channel/channel.ts';
import type { Random } from '../../../sso/random.ts';
import type { Receipt } from '../../../sso/receipt.ts';
import type { SsoId } from '../../../sso/token.ts';
import { type Climate, fairClimate } from '../climate.ts';
import { accepts, chanceOf, type FrameFate, type SimulatedNode } from '../cluster.ts';
import type { Loss } from '../machine.ts';
import type { Final } from '../model.ts';
import { World } from '../world.ts';

/** The type bytes of frames that scripts meddle with (gossip/message.ts, logout/message.ts, session/buddies/frames.ts). */
export const frames = {
  batch: 0,
  compare: 3,
  differs: 4,
  keys: 5,
  page: 6,
  question: 7,
  answer: 8,
  lease: 32,
  grant: 33,
  seal: 34,
  sealed: 35,
  carry: 64,
  carried: 65,
  fetch: 66,
  fetched: 67,
  offer: 68,
  offered: 69,
  digest: 70,
} as const;
export type FrameType = keyof typeof frames;

/** What the script does with frames. Left out: of anybody, to anybody, of any type. */
export interface Meddling {
  readonly from?: string;
  readonly to?: string;
  readonly types?: readonly FrameType[];
}

/** An end that was asked for. */
export interface Ending {
  /** What was answered; `undefined`: nothing yet. */
  readonly receipt: Receipt | undefined;
  /** Some node has said so, then or since. */
  readonly isComplete: boolean;
}

/** Machines whose clocks are right, and whose disks take 11 ms. */
const middling: Random = { fraction: () => 0.5, bytes: (count) => new Uint8Array(count) };

export class Script {
  readonly world: World;
  readonly #rules: { readonly what: Meddling; readonly fate: FrameFate }[] = [];

  /** Three voters with disks, T = 6 s, unless the climate says otherwise. */
  constructor(climate: Partial<Climate> = {}, seed = 1) {
    const chance = chanceOf(seed);
    this.world = new World({
      // Frames may be lost at any time: nothing is promised about how long things take.
      climate: { ...fairClimate, delay: { min: 1, max: 100 }, ...climate },
      chance: (purpose) => (purpose === 'machines' ? middling : chance(purpose)),
      fate: (from, to, frame) => this.#fate(from, to, frame),
    });
    this.world.cluster.network.delay(1);
    this.world.onLook = () => this.world.workload.askForReceipts();
  }

  /** Starts every node of the climate, or these, and waits until they accept. */
  async begin(...names: readonly string[]): Promise<void> {
    const started = names.length > 0 ? names : this.world.cluster.names;
    for (const name of started) this.world.cluster.start(name);
    for (const name of started) await this.until(`${name} accepts`, () => this.mayAccept(name));
  }

  start(name: string, options: { readonly restored?: boolean } = {}): void {
    this.world.cluster.start(name, options);
  }

  /** Its peers go on believing in it for `unnoticedMs`: a channel may yet hand over what it has sent. */
  crash(name: string, disk: Loss = 'kept', unnoticedMs = 0): void {
    this.world.cluster.crash(name, disk, unnoticedMs);
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await this.world.run(this.world.schedule.now + ms);
    this.hold();
  }

  /** Lets time pass until something is so. Fails if it is not within `ms`. */
  async until(what: string, isSo: () => boolean, ms = 15_000): Promise<void> {
    await this.world.run(this.world.schedule.now + ms, isSo);
    this.hold();
    assert.ok(isSo(), `not within ${ms} ms: ${what}\n${this.told()}`);
  }

  node(name: string): SimulatedNode {
    const node = this.world.cluster.at(name);
    assert.ok(node, `${name} was never started`);
    return node;
  }

  mayAccept(name: string): boolean {
    const { up, host, heart } = this.node(name);
    return up && !host.paused && heart.finality.mayAccept();
  }

  standing(name: string): string {
    return this.node(name).heart.finality.view().standing;
  }

  /** Whether a request with this sign-on would be accepted by this node at this instant. */
  accepts(name: string, id: SsoId): boolean {
    return accepts(this.node(name), id);
  }

  /** The check of a user's credentials begins, as it does when a form is posted. */
  check(name: string): { readonly mark: number; readonly at: number } {
    return { mark: this.node(name).heart.registry.mark(), at: this.world.schedule.now };
  }

  /** Opens a sign-on on this node alone: others learn of it as frames travel. `undefined`: the check is void. */
  open(name: string, user = 'ada', checked = this.check(name)): SsoId | undefined {
    const { model, history, schedule } = this.world;
    model.checkBeganAt = checked.at;
    const opened = this.node(name).heart.registry.openNow({
      principal: { name: user, roles: ['reader'] },
      how: 'form',
      mark: checked.mark,
    });
    if (opened === undefined) return undefined;
    history.note(schedule.now, opened.id, () => `${name} opened ${opened.id.slice(0, 8)} for ${user}`);
    return opened.id;
  }

  /** Opens a sign-on, and lets it travel. */
  async signOn(name: string, user = 'ada'): Promise<SsoId> {
    const id = this.open(name, user);
    assert.ok(id);
    await this.pass(100);
    return id;
  }

  /** Ends a sign-on, and follows its receipt. */
  logOut(name: string, id: SsoId): Ending {
    const signOn = this.world.model.signOns.get(id);
    assert.ok(signOn);
    return ending(this.world.workload.logOut(this.node(name), signOn), () => signOn.final);
  }

  /** Ends all sign-ons of a user, and follows the receipt. */
  endSubject(name: string, user = 'ada'): Ending {
    const answer = this.world.workload.endSubject(this.node(name), user);
    const end = this.world.model.subjectEnds.at(-1)!;
    return ending(answer, () => end.final);
  }

  /** From now on these frames are lost, or kept until `release`. Returns what ends that. */
  meddle(fate: 'lose' | 'hold', what: Meddling): () => void {
    const rule = { what, fate };
    this.#rules.push(rule);
    return () => {
      this.#rules.splice(this.#rules.indexOf(rule), 1);
    };
  }

  /** Delivers what was kept; `present`: also to a later life than it was sent to, which no channel does. */
  release(to: 'sent' | 'present' = 'sent'): void {
    this.world.cluster.release(to);
  }

  /** Nothing goes either way between two nodes. */
  cut(a: string, b: string): void {
    this.world.cluster.cut(a, b);
    this.world.cluster.cut(b, a);
  }

  /** No rule has been broken so far. */
  hold(): void {
    const { breach } = this.world.checkers;
    assert.equal(breach, undefined, breach && `${breach.rule}: ${breach.message}\n${this.told()}`);
  }

  /** What has happened, for a failure. */
  told(): string {
    const { history, model, checkers } = this.world;
    return history.about(checkers.breach?.about ?? model.ids, 60, 60).join('\n');
  }

  #fate({ node }: Peer, to: string, frame: Uint8Array): FrameFate {
    const rule = this.#rules.find(
      ({ what }) =>
        (what.from ?? node) === node &&
        (what.to ?? to) === to &&
        (what.types?.some((type) => frames[type] === frame[1]) ?? true),
    );
    return rule?.fate ?? 'deliver';
  }
}

function ending(answer: Promise<Receipt | undefined>, final: () => Final | undefined): Ending {
  let receipt: Receipt | undefined;
  void answer.then((answered) => {
    receipt = answered;
  });
  return {
    get receipt() {
      return receipt;
    },
    get isComplete() {
      return final()?.isComplete === true;
    },
  };
}
