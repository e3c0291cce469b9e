/**
 * The faults, each a short story told to a stage: what is done, to whom, for how long, and what that
 * allows. Whatever a story does not excuse is forbidden: a minority's fault excuses nobody else.
 */

import type { Weather } from './fault-proxy.ts';
import type { Refusal } from './records.ts';
import type { Stage } from './stage.ts';

export type Fault = (stage: Stage) => Promise<void>;

/** A node that is away, or back without its leases. What it knows it may not call unknown, so it never challenges. */
const away: readonly Refusal[] = ['failed', 'hung', 'unavailable', 'sign-on', 'logout'];
/** A node that is cut off: until its leases run out it can ask nobody about a sign-on that it has not heard of. */
const cutOff: readonly Refusal[] = ['challenged', 'unavailable', 'sign-on', 'logout'];

const minorityOf = (stage: Stage) => stage.some(stage.minority);

export const calm: Fault = (stage) => stage.wait(4_000);

export function killed(count: 'one' | 'minority' | 'all', downMs: number): Fault {
  return async (stage) => {
    const victims = count === 'all' ? stage.names : count === 'one' ? stage.some(1) : minorityOf(stage);
    const over = stage.excuse(victims, away);
    await stage.kill(victims);
    await stage.wait(downMs);
    await stage.start(victims);
    over();
  };
}

/** A minority dies and stays dead: the others go on as if nothing were. */
export const killedForGood: Fault = async (stage) => {
  const victims = minorityOf(stage);
  stage.excuse(victims, away);
  await stage.kill(victims);
  await stage.wait(6_000);
};

export function paused(count: 'one' | 'minority', ms: number): Fault {
  return async (stage) => {
    const victims = count === 'one' ? stage.some(1) : minorityOf(stage);
    const over = stage.excuse(victims, away);
    stage.pause(victims);
    await stage.wait(ms);
    stage.resume(victims);
    over();
  };
}

/** One node stands still and misses what happens, and wakes while another is dead. */
export const pausedThenOtherKilled: Fault = async (stage) => {
  const [sleeper, victim] = stage.some(2) as [string, string];
  const over = stage.excuse([sleeper, victim], away);
  stage.pause([sleeper]);
  await stage.wait(4_000);
  const overForAll = stage.excuse(stage.names, cutOff);
  stage.resume([sleeper]);
  await stage.kill([victim]);
  await stage.wait(1_000);
  await stage.start([victim]);
  over();
  overForAll();
};

/** A minority is cut off: packets wait (`hold`), connections end (`cut`), or bytes vanish (`swallow`). */
export function partitioned(how: 'hold' | 'cut' | 'swallow', ms: number): Fault {
  return async (stage) => {
    const minority = minorityOf(stage);
    const rest = stage.others(minority);
    const over = stage.excuse(minority, cutOff);
    stage.note(`${minority} cut off (${how})`);
    if (how === 'cut') stage.network.cut(minority, rest);
    else stage.network.between(minority, rest, { passage: how });
    await stage.wait(ms);
    stage.network.mend(minority, rest);
    stage.network.between(minority, rest, { passage: 'open' });
    stage.note('healed');
    over();
  };
}

/** A minority can only speak, or only hear. */
export function oneWay(direction: 'deaf' | 'dumb', ms: number): Fault {
  return async (stage) => {
    const minority = minorityOf(stage);
    const rest = stage.others(minority);
    const over = stage.excuse(minority, cutOff);
    stage.note(`${minority} ${direction}`);
    const [from, to] = direction === 'dumb' ? [minority, rest] : [rest, minority];
    stage.network.set(from, to, { passage: 'hold' });
    await stage.wait(ms);
    stage.network.set(from, to, { passage: 'open' });
    stage.note('healed');
    over();
  };
}

/** A minority is cut off and back, several times. */
export const flapping: Fault = async (stage) => {
  const minority = minorityOf(stage);
  const rest = stage.others(minority);
  const over = stage.excuse(minority, cutOff);
  for (let i = 0; i < 5; i++) {
    stage.note(`${minority} cut off`);
    stage.network.between(minority, rest, { passage: 'hold' });
    await stage.wait(200 + stage.options.fraction() * 1_000);
    stage.network.between(minority, rest, { passage: 'open' });
    stage.note('healed');
    await stage.wait(100 + stage.options.fraction() * 500);
  }
  over();
};

/** Two nodes do not reach each other, and both reach the others: nobody has an excuse. */
export function oneLinkCut(ms: number): Fault {
  return async (stage) => {
    const [one, other] = stage.some(2) as [string, string];
    stage.note(`${one} and ${other} cut apart`);
    stage.network.between([one], [other], { passage: 'hold' });
    await stage.wait(ms);
    stage.network.between([one], [other], { passage: 'open' });
    stage.note('healed');
    await stage.wait(1_000);
  };
}

/** The connections of a minority are forgotten on the way: no end hears of it, and new ones are well. Silence tells, after 5 s. */
export const halfOpen: Fault = async (stage) => {
  const minority = minorityOf(stage);
  const over = stage.excuse(minority, cutOff);
  stage.note(`${minority} half-open`);
  stage.network.forget(minority, stage.others(minority));
  await stage.wait(6_500);
  over();
};

/** Connections between two nodes end, again and again: nobody has an excuse. */
export const losingOne: Fault = async (stage) => {
  const [one, other] = stage.some(2) as [string, string];
  stage.note(`${one} and ${other} lose connections`);
  for (let i = 0; i < 12; i++) {
    stage.network.lose([one], [other]);
    await stage.wait(stage.options.fraction() * 800);
  }
};

/** All connections end, again and again; the redials wait longer each time. */
export const losingAll: Fault = async (stage) => {
  const over = stage.excuse(stage.names, cutOff);
  stage.note('all lose connections');
  for (let i = 0; i < 5; i++) {
    stage.network.lose(stage.names, stage.names);
    await stage.wait(300 + stage.options.fraction() * 900);
  }
  over();
};

/** The weather of every link, which nobody may notice but by the time it takes. */
export function weather(name: string, what: Partial<Weather>): Fault {
  return async (stage) => {
    stage.note(name);
    stage.network.everywhere(what);
    await stage.wait(5_000);
    stage.network.everywhere({ delayMs: 0, jitterMs: 0, bytesPerSecond: 0, piecemeal: false });
    await stage.wait(1_000);
  };
}

/** Each node in turn drains, ends and starts again. It may close its port, and takes no sign-ons meanwhile; it challenges nobody. */
export const rollingRestart: Fault = async (stage) => {
  for (const name of stage.names) {
    const over = stage.excuse([name], ['failed', 'unavailable', 'sign-on', 'logout']);
    await stage.terminate([name]);
    await stage.start([name]);
    over();
    await stage.wait(500);
  }
};
