/**
 * The pages by which an operator takes a node out of httpd's balancers while they run, asked as curl would ask them:
 * mod_proxy_balancer's manager wants a form with the nonce and the Referer of its own page, mod_jk's status page neither.
 */

import { request } from 'node:https';

/** N: drain; D: disabled; H: hot standby; S: stopped. */
export type MemberFlag = 'N' | 'D' | 'H' | 'S';

export interface Page {
  readonly status: number;
  readonly text: string;
}

/** A page of httpd's own, under the name of this machine unless another is said; a form is posted from that page. */
export function page(port: number, path: string, host = 'localhost', form?: URLSearchParams): Promise<Page> {
  return new Promise((resolve, reject) => {
    request(
      {
        ...{ host: '127.0.0.1', port, path, agent: false, rejectUnauthorized: false, servername: host },
        method: form === undefined ? 'GET' : 'POST',
        headers: {
          Host: `${host}:${port}`,
          ...(form !== undefined && {
            Referer: `https://${host}:${port}${path}`,
            'Content-Type': 'application/x-www-form-urlencoded',
            'Content-Length': form.toString().length,
          }),
        },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk) => void (text += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode!, text }));
      },
    )
      .on('error', reject)
      .end(form?.toString());
  });
}

/** Sets or clears a flag of a member; `node`: as in `http://10.0.0.1:8080`. @throws Error the manager says no */
export async function flag(port: number, node: string, letter: MemberFlag, on: boolean): Promise<void> {
  const { text } = await page(port, '/balancer-manager');
  // Each balancer has one of its own.
  const nonce = /[?;&]b=latchkey&(?:amp;)?(?:w=[^&]*&(?:amp;)?)?nonce=([0-9a-f-]+)/.exec(text)?.[1];
  if (nonce === undefined) throw new Error(`the manager shows no nonce:\n${text}`);
  const form = new URLSearchParams({ b: 'latchkey', w: node, nonce, [`w_status_${letter}`]: on ? '1' : '0' });
  const { status } = await page(port, '/balancer-manager', 'localhost', form);
  if (status !== 200) throw new Error(`the manager answered ${status}`);
}

/** Changes a member of mod_jk's balancer: `vwa` its activation (a, d, s), `vwr` its redirect. @throws Error it says no */
export async function update(port: number, worker: string, changes: Readonly<Record<string, string>>): Promise<void> {
  const words = new URLSearchParams({
    cmd: 'update',
    from: 'list',
    mime: 'prop',
    w: 'latchkey',
    sw: worker,
    ...changes,
  });
  const { status, text } = await page(port, `/jk-status?${words}`);
  if (status !== 200 || !/result.type=OK/.test(text)) throw new Error(`the status page answered ${status}:\n${text}`);
}
