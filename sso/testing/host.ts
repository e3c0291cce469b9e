/**
 * The two doors of a node in a test, on loopback: `plain`, and `secure`, which the applications take
 * for TLS that ended in this process (`req.secure` holds), so cookies are the ones of production. Every
 * request lets virtual time pass while it is served.
 */

import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Host {
  /** `http://127.0.0.1:port`: what an application takes for plain HTTP. */
  readonly plain: string;
  /** `http://127.0.0.1:port`: what an application takes for HTTPS. */
  readonly secure: string;
  /** Cuts every connection and stops to listen. */
  close(): Promise<void>;
}

/** @param enter called for each request; what it returns is called when the request is over */
export async function openHost(listener: RequestListener, enter: () => () => void): Promise<Host> {
  const serve: RequestListener = (req, res) => {
    res.once('close', enter());
    listener(req, res);
  };
  const plain = createServer(serve);
  const secure = createServer(serve);
  secure.on('connection', (socket: Socket & { encrypted?: boolean }) => {
    socket.encrypted = true;
  });
  const [plainAddress, secureAddress] = await Promise.all([listen(plain), listen(secure)]);
  return {
    plain: plainAddress,
    secure: secureAddress,
    close: async () => void (await Promise.all([close(plain), close(secure)])),
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // A test that forgets to stop its cluster ends all the same.
    server.listen(0, '127.0.0.1', resolve).unref();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
