/** What an operator does to a cluster of the stories: starts and stops, of one node after the other or of all. */

import type { NodeOptionsForTests } from '../../sso/testing/index.ts';
import type { Story } from '../support/story.ts';

const namesOf = ({ cluster }: Story) => cluster.nodes.map(({ name }) => name);

/** Ends each node and starts it again before the next one. */
export async function oneByOne(
  it: Story,
  end: (name: string) => Promise<void>,
  changes?: NodeOptionsForTests,
): Promise<void> {
  for (const name of namesOf(it)) {
    await end(name);
    await it.cluster.restart(name, changes);
  }
}

export async function stopAll(it: Story, names: readonly string[] = namesOf(it)): Promise<void> {
  await Promise.all(names.map((name) => it.cluster.stopNode(name)));
}

export async function killAll(it: Story, names: readonly string[] = namesOf(it)): Promise<void> {
  await Promise.all(names.map((name) => it.cluster.kill(name)));
}

/** At the same time. */
export async function restartAll(
  it: Story,
  names: readonly string[] = namesOf(it),
  changes?: NodeOptionsForTests,
): Promise<void> {
  await Promise.all(names.map((name) => it.cluster.restart(name, changes)));
}
