/** What an operator is told of a node that starts: what works and is probably not meant, and what it waits for. Once each. */

import { hostname } from 'node:os';
import { isWildcardAddress } from '../channel/address.ts';
import type { Log } from '../log.ts';
import type { Finality } from '../logout/finality.ts';
import type { Settings } from '../options.ts';

/** Before it starts. */
export function adviseAtStart(settings: Settings, log: Log): void {
  const { allowInsecureCookie, cookieName, advice, cluster, voters } = settings;
  if (allowInsecureCookie)
    log.warn({}, 'allowInsecureCookie: sign-ons travel over plain HTTP, for demonstrations only');
  if (!allowInsecureCookie && !/^__(Secure|Host)-/.test(cookieName)) {
    log.warn(
      { cookieName },
      'cookieName has no __Secure- prefix: sibling hosts and plain HTTP can set such a cookie too',
    );
  }
  for (const line of advice) log.warn({}, line);
  for (const line of voteAdvice(settings)) log.warn({ listen: cluster?.listen, voters: voters?.list }, line);
}

/** Once it is up: says what a node that accepts nobody waits for, and when it accepts. */
export function tellOfWaiting(finality: Pick<Finality, 'mayAccept' | 'view' | 'onChange'>, log: Log): void {
  if (finality.mayAccept()) return;
  const { waitsFor = 'a quorum of leases', voters, quorum } = finality.view();
  log.warn({ waitsFor, voters, quorum }, `this node accepts nobody yet: it waits for ${waitsFor}`);
  let told = false;
  finality.onChange(() => {
    if (told || !finality.mayAccept()) return;
    told = true;
    log.warn({}, 'this node accepts sign-ons now');
  });
}

/**
 * A node that listens on all interfaces cannot tell which of `nodes` it is where these are host names, and would never get a
 * vote that it should have: what an operator should add, if it is one of them; at most one line.
 */
export function voteAdvice({ route, voters, cluster }: Settings): readonly string[] {
  const { listen = '', advertise } = cluster ?? {};
  if (voters === undefined || voters.own !== undefined || advertise !== undefined || !isWildcardAddress(listen))
    return [];
  const names = new Set([route, hostname()].flatMap((name) => [name.toLowerCase(), firstLabel(name.toLowerCase())]));
  const port = listen.slice(listen.lastIndexOf(':'));
  const samePort = voters.list.filter((one) => one.endsWith(port));
  const alike = samePort.filter((one) => names.has(hostOf(one)) || names.has(firstLabel(hostOf(one))));
  const [likely, ...others] = alike.length === 1 ? alike : samePort.length > 0 ? samePort : voters.list;
  const lines = `"advertise: ${likely}"${others.length > 0 ? ' (or another of cluster.nodes)' : ''}`;
  return [
    `this node has no vote: it listens on ${listen}, and none of cluster.nodes is an address of this machine; if it is one of them, add to cluster the line ${lines}`,
  ];
}

const hostOf = (address: string) => address.slice(0, address.lastIndexOf(':')).toLowerCase();
const firstLabel = (name: string) => name.split('.', 1)[0]!;
