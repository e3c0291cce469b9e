/**
 * Part 3 of VALVE-BEHAVIOUR.md as a table: how httpd and mod_jk read a cookie and a URL. Two nodes; where
 * "node2" is wanted the load is biased against it, so that a balancer that does not read the route sends
 * every request to node1.
 */

export interface Reading {
  /** The Cookie header; `undefined`: none. */
  readonly cookie?: string;
  readonly path?: string;
  readonly httpd: Went;
  readonly modJk: Went;
}

/** `balanced`: the route was not read. */
export type Went = 'node1' | 'node2' | 'balanced';

const both = (went: Went) => ({ httpd: went, modJk: went });
const sticky = both('node2');
const balanced = both('balanced');
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** The name is JSESSIONID, the path parameter jsessionid. */
export const readings: readonly Reading[] = [
  { cookie: 'JSESSIONID=abc.node2', ...sticky },
  { cookie: 'JSESSIONID=.node2', ...sticky },
  { cookie: 'a=b; JSESSIONID=abc.node2', ...sticky },
  { cookie: 'XJSESSIONID=abc.node1; JSESSIONID=abc.node2', ...sticky },
  { cookie: 'JSESSIONID="abc.node2"', httpd: 'balanced', modJk: 'node2' },
  { cookie: 'JSESSIONID=s:abc.SIG.node2', ...balanced },
  { cookie: 'JSESSIONID=s%3Aabc.SIG.node2', ...balanced },
  { cookie: 'JSESSIONID=abc%2Enode2', ...balanced },
  { cookie: `JSESSIONID=${base64('abc.node2')}`, ...balanced },
  { cookie: 'JSESSIONID=abc.NODE2', ...balanced },
  { cookie: 'JSESSIONID=abc.node2.', ...balanced },
  { cookie: 'JSESSIONID=abc.node2 ; a=b', ...balanced },
  { cookie: 'JSESSIONID=abc.node9', ...balanced },
  { cookie: 'JSESSIONID=abc.node2,x', ...sticky },
  { cookie: 'JSESSIONID=xyz; JSESSIONID=abc.node2', httpd: 'balanced', modJk: 'node2' },
  { cookie: 'JSESSIONID=xyz.node9; JSESSIONID=abc.node2', httpd: 'balanced', modJk: 'node2' },
  { cookie: 'JSESSIONID=x.node1; JSESSIONID=x.node2', ...both('node1') },
  { cookie: 'JSESSIONID=x.node2; JSESSIONID=x.node1', ...sticky },
  { cookie: 'jsessionid=abc.node2', ...balanced },
  { path: '/k/o;jsessionid=abc.node2', ...sticky },
  { path: '/k/o;jsessionid=abc.node1', cookie: 'JSESSIONID=abc.node2', ...both('node1') },
  { path: '/k/o;jsessionid=abc.node2', cookie: 'JSESSIONID=abc.node1', ...sticky },
];

/** Ten of this reading, after more than ten others to the node that is wanted: a balancer by requests owes the other one all ten. */
export async function whereTo(
  send: (cookie: string | undefined, path: string) => Promise<string>,
  { cookie, path = '/' }: Reading,
  wanted: 'node1' | 'node2',
): Promise<Went> {
  for (let sent = 0; sent < 14; sent++) {
    const node = await send(`JSESSIONID=bias.${wanted}`, '/');
    if (node !== wanted) throw new Error(`the load could not be biased: ${wanted} was asked, ${node} answered`);
  }
  const nodes = new Set<string>();
  for (let sent = 0; sent < 10; sent++) nodes.add(await send(cookie, path));
  if (nodes.size !== 1) throw new Error(`${cookie} ${path} went to ${[...nodes].join(' and ')}`);
  const [node] = nodes;
  return node === wanted ? wanted : 'balanced';
}

/** The node that a reading is to be biased against: the one it names where it is read, else the one it would have named. */
export const wantedOf = (went: Went): 'node1' | 'node2' => (went === 'balanced' ? 'node2' : went);

export const says = ({ cookie, path }: Reading): string =>
  [path, cookie === undefined ? undefined : `Cookie: ${cookie}`].filter((part) => part !== undefined).join(', ');
