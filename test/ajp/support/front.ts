/**
 * As small a balancer as can be, in front of one application: HTTP in, AJP out, as httpd would. The
 * connections stay in the process, the application's end of them is the listener's own.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Connection } from '../../../sso/ajp/connection.ts';
import { checkAjpOptions } from '../../../sso/ajp/options.ts';
import { End } from '../../../sso/ajp/pair.ts';
import { connectionParts } from '../../../sso/ajp/parts.ts';
import { AjpClient } from './client.ts';
import { bodyPacket, type Forwarded, forward } from './packets.ts';

const secret = 'of the front and its node';
const pieceBytes = 8_186;
const fronts = new WeakMap<RequestListener, RequestListener>();

let carried = 0;

/** Requests that were answered whole. */
export const carriedByAjp = (): number => carried;

/** What a server listens with, so that `listener` gets its requests by AJP. One for each listener, with connections that are used again. */
export function byAjp(listener: RequestListener): RequestListener {
  const known = fronts.get(listener);
  if (known !== undefined) return known;
  const options = { listen: '127.0.0.1:0', secret, forwardedHeaders: 'kept', maxPacketSize: 65_536 } as const;
  const parts = connectionParts(listener, options, checkAjpOptions(options));
  const idle: AjpClient[] = [];
  const open = () => {
    const [near, far] = [new End(), new End()];
    End.join(near, far);
    new Connection(far, parts);
    return new AjpClient(near);
  };
  const front: RequestListener = (req, res) => {
    const client = idle.pop() ?? open();
    carry(client, req, res).then(
      (reuse) => (reuse ? idle.push(client) : client.end()),
      () => {
        client.end();
        res.destroy();
      },
    );
  };
  fronts.set(listener, front);
  return front;
}

/** Resolves with whether the connection takes another request. */
async function carry(client: AjpClient, req: IncomingMessage, res: ServerResponse): Promise<boolean> {
  const left = () => res.writableFinished || client.end();
  res.once('close', left);
  client.write(forward(forwarded(req)));
  const pieces = piecesOf(req);
  const give = async () => client.write(bodyPacket(await pieces()));
  if (Number(req.headers['content-length'] ?? 0) > 0) await give();
  for (;;) {
    const sent = await client.next();
    if (sent.kind === 'headers') res.writeHead(sent.status, sent.message, sent.headers.flat());
    else if (sent.kind === 'chunk') sent.data.length > 0 ? res.write(sent.data) : res.flushHeaders();
    else if (sent.kind === 'get-body') await give();
    else if (sent.kind === 'end') {
      carried++;
      res.off('close', left);
      res.end();
      return sent.reuse;
    }
  }
}

function forwarded(req: IncomingMessage): Forwarded {
  const [uri = '', ...query] = req.url!.split('?');
  const { rawHeaders, socket } = req;
  return {
    secret,
    method: req.method!,
    protocol: `HTTP/${req.httpVersion}`,
    uri,
    remoteAddress: socket.remoteAddress ?? '',
    serverName: '127.0.0.1',
    serverPort: socket.localPort ?? 0,
    isSsl: (socket as { readonly encrypted?: boolean }).encrypted === true,
    headers: Array.from({ length: rawHeaders.length / 2 }, (_, i) => [rawHeaders[2 * i]!, rawHeaders[2 * i + 1]!]),
    named: [['AJP_REMOTE_PORT', String(socket.remotePort ?? 0)]],
    ...(query.length > 0 && { query: query.join('?') }),
  };
}

/** Gives the next piece of a body each time it is called, and nothing at its end. */
function piecesOf(req: IncomingMessage): () => Promise<Buffer> {
  const chunks: AsyncIterator<Buffer> = req[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  return async () => {
    if (rest.length === 0) {
      const next = await chunks.next();
      rest = next.done === true ? Buffer.alloc(0) : next.value;
    }
    const piece = rest.subarray(0, pieceBytes);
    rest = rest.subarray(pieceBytes);
    return piece;
  };
}
