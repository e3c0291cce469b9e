/** What the balancer tells the nodes about the browser, and whether a browser can tell it in its place (checks 47 and 51). */

import type { ProbeAnswer } from '../../../sso/index.ts';
import { answerOf, type Header, seen } from '../asking.ts';
import { listed, those } from '../cluster.ts';
import { askEach, type Exam, looksDirect } from '../exam.ts';
import type { Finding } from '../finding.ts';
import { isLoopback } from './cookies.ts';

/** Documentation addresses (RFC 5737) and a name that cannot exist (RFC 6761): nobody's. */
export const lies = { first: '198.51.100.77', second: '203.0.113.9', host: 'latchkey-doctor.invalid' } as const;

/** What a client would write to be taken for somebody else; the scheme is the one that it does not use. */
export function lyingHeaders({ protocol }: Pick<URL, 'protocol'>): readonly Header[] {
  const scheme = protocol === 'https:' ? 'http' : 'https';
  return [
    ['X-Forwarded-For', `${lies.first}, ${lies.second}`],
    ['X-Forwarded-Proto', scheme],
    ['X-Forwarded-Host', lies.host],
    ['X-Forwarded-Ssl', scheme === 'https' ? 'on' : 'off'],
    ['X-Real-IP', lies.first],
    ['Forwarded', `for=${lies.first};proto=${scheme};host=${lies.host}`],
  ];
}

export async function checkForwarded(exam: Exam): Promise<readonly Finding[]> {
  const { cluster, url } = exam;
  const plain = [...cluster.latest.values()];
  const direct = looksDirect(exam);
  const replies = await askEach(exam, { headers: lyingHeaders(url) });
  const lied = [...replies.values()].map(answerOf).filter((answer) => answer !== undefined);
  return [
    judgeHost(plain, url),
    judgePath(plain, exam.path),
    judgeAddress(plain, direct),
    judgeAddressSpoof(lied, direct),
    judgeSchemeSpoof(lied, plain, url, direct),
    judgeHostSpoof(lied, direct),
  ];
}

export function judgeHost(answers: readonly ProbeAnswer[], { host, hostname }: URL): Finding {
  const check = 'host';
  const wrong = answers.find(({ saw }) => saw.host?.toLowerCase() !== host.toLowerCase());
  if (wrong === undefined) return { check, ok: true, says: `nodes see the host that browsers ask for, ${host}` };
  const saw = wrong.saw.host ?? 'none';
  const isPortOnly = saw.toLowerCase().replace(/:\d+$/, '') === hostname.toLowerCase();
  return {
    check,
    ok: false,
    says: `browsers ask for ${host}, and ${wrong.node} sees ${saw}`,
    remedy: isPortOnly
      ? 'the port is lost on the way, so that forms look as if they came from elsewhere: nginx: proxy_set_header Host $http_host'
      : 'host names decide about applications, cookies and where forms may come from: httpd: ProxyPreserveHost On; nginx: proxy_set_header Host $http_host; HAProxy and mod_jk pass it by themselves',
  };
}

export function judgePath(answers: readonly ProbeAnswer[], path: string): Finding {
  const check = 'path';
  const wrong = answers.find(({ saw }) => saw.url.split('?', 1)[0] !== path);
  if (wrong === undefined) return { check, ok: true, says: 'nodes see the path that browsers ask for' };
  return {
    check,
    ok: false,
    says: `browsers ask for ${path}, and ${wrong.node} sees ${wrong.saw.url}`,
    remedy:
      'cookie paths, redirects and return addresses are those of the browser’s side: let the balancer pass paths as they are (ProxyPass / balancer://lb/ without a path behind it, no VirtualHostBase rewriting)',
  };
}

export function judgeAddress(answers: readonly ProbeAnswer[], isDirect: boolean): Finding {
  const check = 'client-address';
  if (isDirect) return { check, ok: true, says: 'nothing is between the browser and the node' };
  for (const { node, saw, ...answer } of answers) {
    if (saw.ajp !== undefined) continue; // the protocol says it
    const told = seen({ ...answer, node, saw }, 'x-forwarded-for');
    const last = told.join(', ').split(',').at(-1)?.trim();
    if (!last)
      return {
        check,
        ok: false,
        says: `${node} is not told who the browser is: everybody is ${saw.ip ?? 'unknown'}`,
        remedy:
          'guessing of passwords is slowed by address, so one visitor slows all: let the balancer set X-Forwarded-For (nginx: $remote_addr; HAProxy: option forwardfor)',
      };
    if (saw.ip === saw.remoteAddress && saw.ip !== last)
      return {
        check,
        ok: false,
        says: `the balancer says who the browser is (${last}), and ${node} does not believe it: everybody is ${saw.ip}`,
        remedy: `host.set('trust proxy', …) with the balancer’s address, here ${saw.remoteAddress} (latchkey serve: web.trustProxy)`,
      };
  }
  return {
    check,
    ok: true,
    says: `nodes know the browser’s address (here ${listed([...new Set(answers.map(({ saw }) => saw.ip ?? 'none'))])})`,
  };
}

const replacing =
  'httpd: RequestHeader unset early for X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto and Forwarded, then set them; nginx: proxy_set_header … $remote_addr; HAProxy: http-request del-header before option forwardfor';

/** Without a balancer: the node takes this machine for one, which it may be. */
const trusted = (check: string): Finding => ({
  check,
  ok: 'unknown',
  says: 'the node believes what this machine says of browsers, as it believes a proxy',
  remedy: 'that is right if this machine is the balancer; otherwise believe the balancer’s address alone (trust proxy)',
});

/** We claimed to be `first`, who came by `second`. */
export function judgeAddressSpoof(answers: readonly ProbeAnswer[], isDirect: boolean): Finding {
  const check = 'address-spoofing';
  const believed = (who: string) => answers.filter(({ saw }) => saw.ip === who).map(({ node }) => node);
  if (answers.length === 0) return { check, ok: 'unknown', says: 'no node answered a request with forged headers' };
  const anything = believed(lies.first);
  const says = (nodes: readonly string[]) =>
    `a browser can say in X-Forwarded-For that it is somebody else, and ${those(nodes, 'believes', 'believe')} it`;
  if (isDirect && answers.some(({ saw }) => saw.ip === lies.first || saw.ip === lies.second)) return trusted(check);
  if (anything.length > 0)
    return {
      check,
      ok: false,
      says: says(anything),
      remedy: `let the balancer replace the header, and let nodes believe the balancer’s address alone (not trust proxy: true). ${replacing}`,
    };
  const next = answers.filter(({ saw }) => saw.ip === lies.second);
  const [one] = next;
  if (one !== undefined) {
    const last = seen(one, 'x-forwarded-for').join(', ').split(',').at(-1)?.trim();
    const isAppended = last !== undefined && last !== lies.second;
    if (isAppended && (isLoopback(last) || last === one.saw.remoteAddress))
      return {
        check,
        ok: 'unknown',
        says: `the balancer adds our address (${last}) to what we claim, and nodes take that address for a proxy’s, so that they believe us`,
        remedy:
          'ask from a machine that is no proxy; or let the balancer replace X-Forwarded-For, then nothing depends on this',
      };
    return {
      check,
      ok: false,
      says: says(next.map(({ node }) => node)),
      remedy: `let the balancer replace the header. ${replacing}`,
    };
  }
  return { check, ok: true, says: 'what a browser writes into X-Forwarded-For is not believed' };
}

/** `honest`: the same nodes without the lie; where they have the scheme wrong already, that is the check `secure`. */
export function judgeSchemeSpoof(
  answers: readonly ProbeAnswer[],
  honest: readonly ProbeAnswer[],
  { protocol }: Pick<URL, 'protocol'>,
  isDirect: boolean,
): Finding {
  const check = 'scheme-spoofing';
  const isTls = protocol === 'https:';
  if (answers.length === 0) return { check, ok: 'unknown', says: 'no node answered a request with forged headers' };
  const lied = isTls ? 'http' : 'https';
  const wasRight = (node: string) => honest.some((one) => one.node === node && one.saw.secure === isTls);
  const fooled = answers
    .filter(({ node, saw }) => wasRight(node) && saw.secure !== isTls && isTold(saw.headers, lied))
    .map(({ node }) => node);
  if (fooled.length > 0 && isDirect) return trusted(check);
  if (fooled.length === 0)
    return { check, ok: true, says: 'what a browser writes into X-Forwarded-Proto is not believed' };
  return {
    check,
    ok: false,
    says: `a browser can say in X-Forwarded-Proto that it came by ${lied}, and ${those(fooled, 'believes', 'believe')} it`,
    remedy: `let the balancer set the header itself, in every virtual host. ${replacing}`,
  };
}

/** The lie stands first in what arrived: where it does not, a wrong scheme has another reason (the check `secure`). */
function isTold(headers: readonly Header[], scheme: string): boolean {
  const told = headers.find(([name]) => name.toLowerCase() === 'x-forwarded-proto')?.[1];
  return (told ?? '').split(',', 1)[0]!.trim().toLowerCase() === scheme;
}

export function judgeHostSpoof(answers: readonly ProbeAnswer[], isDirect: boolean): Finding {
  const check = 'host-spoofing';
  if (answers.length === 0) return { check, ok: 'unknown', says: 'no node answered a request with forged headers' };
  const [passed] = answers.filter((answer) =>
    seen(answer, 'x-forwarded-host').some((value) => value.includes(lies.host)),
  );
  if (passed === undefined || isDirect)
    return {
      check,
      ok: true,
      says: isDirect
        ? 'no balancer passes on X-Forwarded-Host'
        : 'what a browser writes into X-Forwarded-Host does not arrive',
    };
  return {
    check,
    ok: false,
    says: `a browser’s X-Forwarded-Host arrives at ${passed.node} (${seen(passed, 'x-forwarded-host').join(', ')}): applications that believe the balancer take it for their own name`,
    remedy: `let the balancer replace or remove it. ${replacing}`,
  };
}
