/** What the starter prints when its nodes are ready: where they are, and what to try, also as lines for a shell. */

import { hosts, type NodePlace } from './messages.ts';

export const readyLine = 'Latchkey demo is ready';

export function whatToTry(nodes: readonly NodePlace[], pids: ReadonlyMap<string, number | undefined>): string {
  const at = (index: number) => nodes[index % nodes.length]!;
  const [first, second, third] = [at(0), at(1), at(2)];
  const url = (host: string, { port }: NodePlace, path = '') => `http://${host}:${port}${path}`;
  const rows = nodes.map(
    (node) => `  ${node.name}  ${url(hosts.shop, node)}  ${url(hosts.reports, node)}  process ${pids.get(node.name)}`,
  );
  const browser = [
    `Open ${url(hosts.shop, first)} and sign on as alice.`,
    `Open ${url(hosts.reports, second)}: another application on another node, and it knows you.`,
    ...(nodes.length > 1 ? [`Press "Kill this node" there. Another node answers, and nothing else happens.`] : []),
    'Sign out once: you are out everywhere, and the receipt says which nodes confirmed it.',
  ];
  return [
    `${readyLine}: two applications on ${nodes.length === 1 ? 'one node' : `each of ${nodes.length} nodes`}, all on this machine. Ctrl-C ends it.`,
    '',
    ...rows,
    '',
    'People: alice / wonderland (customer), bob / builder (customer and staff).',
    '',
    'In a browser',
    ...browser.map((line, index) => `  ${index + 1}. ${line}`),
    '',
    'With curl: paste the lines one after the other',
    ...curlLines(url, first, second, third, nodes.length > 1),
    '',
  ].join('\n');
}

type Url = (host: string, node: NodePlace, path?: string) => string;

function curlLines(
  url: Url,
  first: NodePlace,
  second: NodePlace,
  third: NodePlace,
  several: boolean,
): readonly string[] {
  const curl = 'curl -s -w "\\n" -b $jar -c $jar';
  const step = (what: string, ...lines: readonly string[]) => [`  ${what}`, ...lines.map((line) => `    ${line}`)];
  return [
    ...step(
      `Sign on in app1, through ${first.name}:`,
      'jar=$(mktemp)',
      `${curl} -d username=alice -d password=wonderland ${url(hosts.shop, first, '/login')}`,
    ),
    ...step(`Be known in app2, by ${second.name}:`, `${curl} ${url(hosts.reports, second, '/whoami')}`),
    ...(several
      ? step(
          `Kill ${second.name}; be known at once by ${third.name}, which goes on counting in the session:`,
          `${curl} -X POST ${url(hosts.reports, second, '/demo/kill')}`,
          `${curl} ${url(hosts.reports, third, '/whoami')}`,
        )
      : []),
    ...step(
      'Sign out once, and be out everywhere:',
      `${curl} -X POST ${url(hosts.shop, first, '/logout')}`,
      `${curl} ${url(hosts.reports, third, '/whoami')}`,
    ),
  ];
}
