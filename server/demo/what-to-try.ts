/** What the starter prints when its nodes are ready: where they are, and what to try, also as lines for a shell. */

import { hosts, type NodePlace } from './messages.ts';

export const readyLine = 'Latchkey demo is ready';

export function whatToTry(nodes: readonly NodePlace[], pids: ReadonlyMap<string, number | undefined>): string {
  const at = (index: number) => nodes[index % nodes.length]!;
  const rows = nodes.map(
    (node) => `  ${node.name}  ${url(hosts.shop, node)}  ${url(hosts.reports, node)}  process ${pids.get(node.name)}`,
  );
  return [
    `${readyLine}: two applications on ${nodes.length === 1 ? 'one node' : `each of ${nodes.length} nodes`}, all on this machine. Ctrl-C ends it.`,
    '',
    ...rows,
    '',
    'People: alice / wonderland (customer), bob / builder (customer and staff).',
    '',
    'In a browser',
    ...browserLines(at, nodes.length).map((line, index) => `  ${index + 1}. ${line}`),
    '',
    'With curl: paste the lines one after the other',
    ...curlLines(at, nodes.length),
    '',
  ].join('\n');
}

type At = (index: number) => NodePlace;

const url = (host: string, { port }: NodePlace, path = '') => `http://${host}:${port}${path}`;

function browserLines(at: At, count: number): readonly string[] {
  const first = `Open ${url(hosts.shop, at(0))} and sign on as alice.`;
  if (count === 1) return [first, `Open ${url(hosts.reports, at(0))}: another application, and it knows you.`];
  return [
    first,
    `Open ${url(hosts.reports, at(1))}: another application on another node, and it knows you.`,
    'Press "Kill this node" there. Another node answers, and nothing else happens.',
    'Sign out: at once you are out. The receipt is pending, and complete within six seconds: from then on no node can accept the sign-on, the dead one included.',
    ...(count === 3
      ? ['Sign on again and kill a second node: within six seconds the last one refuses, and says why.']
      : []),
    'Start a node again: you are signed on. Then kill all of them at once: each comes back from its own data directory. You are signed on; your session may have lost its last moments.',
  ];
}

function curlLines(at: At, count: number): readonly string[] {
  const [first, second, third] = [at(0), at(1), at(2)];
  const curl = 'curl -s -w "\\n" -b $jar -c $jar';
  const step = (what: string, ...lines: readonly string[]) => [`  ${what}`, ...lines.map((line) => `    ${line}`)];
  // A dot a second while it waits: a line that says nothing looks as if it hung.
  const until = (lines: string) => `until found=$(${lines}); do printf .; sleep 1; done; echo " $found"`;
  const signOn = `${curl} -d username=alice -d password=wonderland ${url(hosts.shop, first, '/login')}`;
  const signedOn = `${curl} ${url(hosts.shop, first, '/whoami')}`;
  const signOut = `receipt=$(${curl} -X POST ${url(hosts.shop, first, '/logout')}); echo "$receipt"`;
  const known = step(`Be known in app2, by ${second.name}:`, `${curl} ${url(hosts.reports, second, '/whoami')}`);
  const out = `${curl} ${url(hosts.reports, third, '/whoami')}`;
  if (count === 1) {
    return [
      ...step(`Sign on in app1:`, 'jar=$(mktemp)', signOn),
      ...known,
      ...step('Sign out once, and be out in both:', signOut, out),
    ];
  }
  return [
    ...step(`Sign on in app1, through ${first.name}:`, 'jar=$(mktemp)', signOn),
    ...known,
    ...step(
      `Kill ${second.name}; be known at once by ${third.name}, which goes on counting in the session:`,
      `${curl} -X POST ${url(hosts.reports, second, '/demo/kill')}`,
      out,
    ),
    ...step('Sign out once, and be out; the receipt says that the dead node has not confirmed:', signOut, out),
    ...step(
      `Ask ${third.name} for the receipt until it is complete: no node can accept the sign-on any more, not even the dead one`,
      'id=$(echo "$receipt" | sed \'s/.*"id":"\\([^"]*\\)".*/\\1/\')',
      until(`curl -s -w "\\n" ${url(hosts.shop, third, '/receipts/$id')} | grep '"state":"complete"'`),
    ),
    ...(count === 3 ? cutOff(at, { step, until, curl, signOn, signedOn }) : []),
    ...step(
      'Kill all nodes at once; each starts again from its data directory, and who was signed on still is. A session may have lost its last moments: it is written behind',
      ...(count === 3 ? [] : [signOn]),
      `${curl} -X POST ${url(hosts.shop, first, '/demo/power-cut')}`,
      until(`${signedOn} | grep '"signedIn":true'`),
    ),
  ];
}

interface Words {
  readonly step: (what: string, ...lines: readonly string[]) => readonly string[];
  readonly until: (lines: string) => string;
  readonly curl: string;
  readonly signOn: string;
  readonly signedOn: string;
}

/** Two of three nodes are dead: the one that is left may not know what they know. */
function cutOff(at: At, { step, until, curl, signOn, signedOn }: Words): readonly string[] {
  const [first, second, third] = [at(0), at(1), at(2)];
  return [
    ...step(
      `Sign on again and kill ${third.name}, too: within six seconds ${first.name} reaches no majority and refuses, with 503`,
      signOn,
      `${curl} -X POST ${url(hosts.shop, third, '/demo/kill')}`,
      until(`${signedOn} -i | grep -iE '^HTTP.* 503|^retry-after|unavailable'`),
    ),
    ...step(
      `Start ${second.name} again: the sign-on was kept`,
      `${curl} -X POST ${url(hosts.shop, first, '/demo/start')} -d node=${second.name}`,
      until(`${signedOn} | grep '"signedIn":true'`),
    ),
  ];
}
