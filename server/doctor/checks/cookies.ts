/** Whether a browser at this address keeps the nodes' cookies, and whether they arrive as they were sent. */

import { parse } from 'tldts';
import type { ProbeAnswer } from '../../../sso/index.ts';
import { type Ask, answerOf, cameBack, type Reply, seen } from '../asking.ts';
import { listed, those } from '../cluster.ts';
import { askAny, type Exam } from '../exam.ts';
import type { Finding } from '../finding.ts';

export async function checkCookies(exam: Exam): Promise<readonly Finding[]> {
  const answers = [...exam.cluster.latest.values()];
  return [
    judgeDomain(answers, exam.url.hostname),
    judgeSecure(answers, exam.url),
    await checkUnchanged(exam.ask),
    ...(await checkLarge(exam.ask)),
  ];
}

/** RFC 6265 5.1.3 and 5.3: which Domain attributes a browser takes from this host. */
export function judgeDomain(answers: readonly ProbeAnswer[], hostname: string): Finding {
  const domains = answers.map(({ cookies }) => cookies.sso.domain).filter((one) => one !== undefined);
  return judgeDomainOf([...new Set(domains)], hostname);
}

/** `domains`: Domain attributes, without a dot before them. */
export function judgeDomainOf(domains: readonly string[], hostname: string): Finding {
  const check = 'cookie-domain';
  const problem = domains.map((domain) => domainProblem(domain, hostname)).find((one) => one !== undefined);
  if (problem !== undefined) return { check, ok: false, ...problem };
  if (domains.length === 0) return { check, ok: true, says: `cookies belong to ${hostname} alone` };
  return { check, ok: true, says: `cookies are for all of ${listed(domains)}, and ${hostname} belongs to it` };
}

function domainProblem(domain: string, hostname: string): { says: string; remedy: string } | undefined {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  const { domain: registered, isIp } = parse(domain, { allowPrivateDomains: true });
  if (isIp === true || registered === null)
    return {
      says: `cookieDomain ${domain} is an address or a public suffix: browsers drop the cookie`,
      remedy: 'name your own domain below it',
    };
  if (host === domain.toLowerCase() || host.endsWith(`.${domain.toLowerCase()}`)) return undefined;
  return {
    says: `a cookie is for ${domain}, and this address is ${hostname}: browsers drop it, and nobody can sign on here`,
    remedy: `use an address below ${domain}, or set cookieDomain to the domain that all your applications share`,
  };
}

/** The scheme as the browser sees it, and as the nodes believe it to be (V11, checks 1 and 12). */
export function judgeSecure(answers: readonly ProbeAnswer[], { protocol, hostname }: URL): Finding {
  const check = 'secure';
  const isTls = protocol === 'https:';
  const wrong = answers.filter(({ saw }) => saw.secure !== isTls);
  const [first] = wrong;
  if (first !== undefined) {
    const nodes = wrong.map(({ node }) => node);
    const told = seen(first, 'x-forwarded-proto');
    if (!isTls)
      return {
        check,
        ok: false,
        says: `this is plain http, and ${listed(nodes)} took it for https`,
        remedy:
          'the balancer says https of every request: let it say the scheme that the browser used (X-Forwarded-Proto)',
      };
    if (told.some((value) => value.toLowerCase().includes('https')))
      return {
        check,
        ok: false,
        says: `the balancer says that this is https, and ${those(nodes, 'does', 'do')} not believe it: no Secure cookie can be set`,
        remedy: `tell Express whom to believe: host.set('trust proxy', …) with the balancer’s address${first.saw.remoteAddress === undefined ? '' : `, here ${first.saw.remoteAddress}`} (latchkey serve: web.trustProxy)`,
      };
    return {
      check,
      ok: false,
      says: `this is https, and ${those(nodes, 'was', 'were')} ${told.length === 0 ? 'not told so' : `told ${told.join(', ')}`}: no Secure cookie can be set`,
      remedy:
        'httpd: RequestHeader set X-Forwarded-Proto "https" in the TLS virtual host; HAProxy: http-request set-header X-Forwarded-Proto https if { ssl_fc }; nginx: proxy_set_header X-Forwarded-Proto $scheme',
    };
  }
  const secure = answers.filter(({ cookies }) => cookies.sso.secure);
  if (!isTls && secure.length > 0)
    return {
      check,
      ok: false,
      says: 'this is plain http, and the sign-on cookie is Secure: browsers neither keep nor send it here',
      remedy: 'name the https address; plain http should only redirect there',
    };
  if (!isTls && !isLoopback(hostname))
    return {
      check,
      ok: false,
      says: 'this is plain http, and the sign-on cookie is not Secure: whoever is on the way can take it',
      remedy: 'serve it by https, and leave out allowInsecureCookie',
    };
  if (isTls && secure.length < answers.length)
    return {
      check,
      ok: false,
      says: 'this is https, and the sign-on cookie is not Secure: a browser also sends it over plain http',
      remedy: 'leave out allowInsecureCookie',
    };
  return { check, ok: true, says: isTls ? 'the nodes know that this is https' : 'plain http on this machine alone' };
}

export const isLoopback = (hostname: string): boolean =>
  /^(?:.+\.)?localhost\.?$/i.test(hostname) ||
  /^127(?:\.\d{1,3}){3}$/.test(hostname) ||
  hostname === '[::1]' ||
  hostname === '::1';

/** Quotes, dots, percent signs and an equals sign: what balancers and filters like to touch. */
const fragile = 'latchkey-doctor=a.b%2Ec=d; latchkey-doctor-quoted="e.f"; latchkey-doctor=g.h';

async function checkUnchanged(ask: Ask): Promise<Finding> {
  return judgeUnchanged(await askAny(ask, { cookies: [fragile] }), fragile);
}

export function judgeUnchanged(reply: Reply, sent: string): Finding {
  const check = 'cookies-unchanged';
  const answer = answerOf(reply);
  if (answer === undefined)
    return { check, ok: 'unknown', says: `a request with cookies was answered ${cameBack(reply)}` };
  const arrived = seen(answer, 'cookie').flatMap((line) => line.split(/;\s*/));
  const lost = sent.split('; ').filter((pair) => !arrived.includes(pair));
  if (lost.length === 0) return { check, ok: true, says: 'cookies arrive as they were sent' };
  return {
    check,
    ok: false,
    says: `of the cookies that were sent, ${listed(lost)} did not arrive like that; what arrived: ${arrived.slice(0, 4).join('; ') || 'none'}`,
    remedy:
      'something on the way removes or rewrites cookies (RequestHeader edit Cookie, a cache, a filter): let the nodes’ cookies pass as they are',
  };
}

/** What a browser with many cookies sends, in bytes. */
const usualBytes = 4_096;
const largerBytes = [7_500, 14_000];

async function checkLarge(ask: Ask): Promise<readonly Finding[]> {
  const reached = [];
  let failed: Reply | undefined;
  for (const bytes of [usualBytes, ...largerBytes]) {
    const reply = await askAny(ask, { cookies: [`latchkey-doctor=${'x'.repeat(bytes)}`] });
    if (answerOf(reply) === undefined) {
      failed = reply;
      break;
    }
    reached.push(bytes);
  }
  return [judgeLarge(reached, failed)];
}

export function judgeLarge(reached: readonly number[], failed: Reply | undefined): Finding {
  const check = 'large-headers';
  const most = reached.at(-1);
  if (most !== undefined && most >= usualBytes)
    return {
      check,
      ok: true,
      says: `${most} bytes of cookies pass${failed === undefined ? '' : `; more is answered ${cameBack(failed)}`}`,
    };
  return {
    check,
    ok: false,
    says: `${usualBytes} bytes of cookies were answered ${failed === undefined ? 'nothing' : cameBack(failed)}`,
    remedy:
      'browsers send as much: raise LimitRequestFieldSize (httpd), large_client_header_buffers (nginx), tune.bufsize (HAProxy), max_packet_size (mod_jk, the same at the nodes’ AJP listener)',
  };
}
