/** Speaks TLS for every host under `xyz.test`, as a reverse proxy does: each has a port of this machine behind it, or answers of the test's own. */

import { createHash, X509Certificate } from 'node:crypto';
import { type RequestListener, request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Authority } from '../../channel/certificates.ts';

export interface TlsFront {
  readonly server: Server;
  /**
   * For Chromium's command line: whatever host a page names is this front, so that a browser that is led astray arrives nowhere else,
   * and is seen; and its certificate is as good as any (nothing is cached where certificate errors are merely ignored).
   */
  readonly words: readonly string[];
  close(): void;
}

/** @param route where a request goes: a port, or an answer */
export async function tlsFront(route: (host: string, path: string) => number | RequestListener): Promise<TlsFront> {
  const authority = new Authority();
  const { cert, key } = authority.issue({ san: 'DNS:*.xyz.test' });
  authority.remove();
  const publicKey = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  const server = createServer({ cert, key }, (req, res) => {
    const to = route(req.headers.host ?? '', req.url!);
    if (typeof to !== 'number') return to(req, res);
    const headers = { ...req.headers, 'x-forwarded-proto': 'https', 'x-forwarded-for': '198.51.100.1' };
    const onward = request({ port: to, host: '127.0.0.1', method: req.method!, path: req.url!, headers }, (answer) => {
      res.writeHead(answer.statusCode!, answer.rawHeaders);
      answer.pipe(res);
    });
    onward.on('error', () => res.destroy());
    req.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    words: [
      `--host-resolver-rules=MAP * 127.0.0.1:${(server.address() as AddressInfo).port}`,
      `--ignore-certificate-errors-spki-list=${createHash('sha256').update(publicKey).digest('base64')}`,
    ],
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
