import assert from 'node:assert/strict';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { answerInstead, appendCookie, beforeEnd, beforeHeaders, noStore, vary } from '../../sso/http/answer.ts';

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

interface Reply {
  readonly head: string;
  readonly status: number;
  /** As on the wire, chunk sizes included. */
  readonly raw: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** One request over a plain socket, so that the test sees what has arrived at any moment. */
async function exchange(
  handler: Handler,
  method = 'GET',
  watch?: (arrived: () => string) => Promise<void>,
  options: http.ServerOptions = {},
): Promise<Reply> {
  const server = http.createServer(options, handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part;
  });
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.write(`${method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await watch?.(() => text);
  await closed;
  server.close();
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const raw = rest.join('\r\n\r\n');
  const headers: Record<string, string | string[]> = {};
  for (const line of head.split('\r\n').slice(1)) {
    const [name = '', value = ''] = line.split(/:\s*/, 2).map((part) => part.toLowerCase());
    if (name === 'set-cookie') headers[name] = [...((headers[name] as string[]) ?? []), line.slice(12)];
    else headers[name] = value;
  }
  const body =
    headers['transfer-encoding'] === 'chunked'
      ? raw
          .split('\r\n')
          .filter((_, i) => i % 2 === 1)
          .join('')
      : raw;
  return { head, status: Number(head.split(' ')[1]), raw, headers, body };
}

function gate(): { readonly promise: Promise<void>; open(): void } {
  let open = () => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

async function until(is: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000 && !is(); i++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(is());
}

/** Some turns of the event loop, over which nothing must have happened. */
async function turns(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}

test('a response that nobody hooks keeps the methods it has', async () => {
  await exchange((_req, res) => {
    vary(res, 'Cookie');
    noStore(res);
    assert.deepEqual(
      ['writeHead', 'write', 'end'].filter((name) => Object.hasOwn(res, name)),
      [],
    );
    res.end();
  });
});

test('what runs before the headers may set headers, however the headers come to be written', async () => {
  const ways: Record<string, Handler> = {
    end: (_req, res) => res.end('ok'),
    write: (_req, res) => {
      res.write('o');
      res.end('k');
    },
    flushHeaders: (_req, res) => {
      res.flushHeaders();
      res.end('ok');
    },
    'writeHead alone': (_req, res) => res.writeHead(200).end('ok'),
    'writeHead with a reason': (_req, res) => res.writeHead(200, 'Fine', { 'X-Own': '1' }).end('ok'),
    'writeHead with an object': (_req, res) => res.writeHead(200, { 'Set-Cookie': ['own=1', 'two=2'] }).end('ok'),
    'writeHead with a flat list': (_req, res) =>
      res.writeHead(200, ['Set-Cookie', 'own=1', 'Set-Cookie', 'two=2', 'X-Own', '1']).end('ok'),
    'writeHead with pairs': (_req, res) =>
      res
        .writeHead(200, [
          ['Set-Cookie', 'own=1'],
          ['Set-Cookie', 'two=2'],
        ] as never)
        .end('ok'),
  };
  for (const [way, handler] of Object.entries(ways)) {
    let runs = 0;
    const reply = await exchange((req, res) => {
      beforeHeaders(res, () => {
        runs++;
        res.setHeader('X-Hook', String(res.statusCode));
        appendCookie(res, 'hook=1; Path=/');
      });
      handler(req, res);
    });
    assert.equal(runs, 1, way);
    assert.equal(reply.headers['x-hook'], '200', way);
    assert.equal(reply.body, 'ok', way);
    const own = way.includes('object') || way.includes('list') || way.includes('pairs') ? ['own=1', 'two=2'] : [];
    assert.deepEqual(reply.headers['set-cookie'], [...own, 'hook=1; Path=/'], way);
    if (way.includes('reason')) assert.match(reply.head, /^HTTP\/1.1 200 Fine\r\n/);
  }
});

test('callbacks run in their order, one that is added by another as well, and none after the headers are sent', async () => {
  const order: number[] = [];
  await exchange((_req, res) => {
    beforeHeaders(res, () => {
      order.push(1);
      beforeHeaders(res, () => order.push(3));
    });
    beforeHeaders(res, () => order.push(2));
    res.write('x');
    beforeHeaders(res, () => order.push(4));
    assert.equal(appendCookie(res, 'late=1'), false);
    vary(res, 'Cookie');
    noStore(res);
    res.end();
  });
  assert.deepEqual(order, [1, 2, 3]);
});

test('an error before the headers or at the end is told, and the answer goes out all the same', async () => {
  const errors: unknown[] = [];
  const failed = (error: unknown) => errors.push(error);
  const reply = await exchange((_req, res) => {
    beforeHeaders(res, () => { throw 'headers'; }, failed); // biome-ignore format: one line a hook
    beforeEnd(res, () => { throw 'end'; }, failed); // biome-ignore format: one line a hook
    beforeEnd(res, () => Promise.reject('promise'), failed);
    beforeEnd(res, () => Promise.reject('nobody listens'));
    beforeHeaders(res, () => res.setHeader('X-Hook', '1'));
    res.end('ok');
  });
  assert.deepEqual(errors.sort(), ['end', 'headers', 'promise']);
  assert.equal(reply.headers['x-hook'], '1');
  assert.equal(reply.body, 'ok');
});

test('when Node refuses a status or a header, another answer can still be given, with the hooks', async () => {
  let runs = 0;
  const reply = await exchange((_req, res) => {
    beforeHeaders(res, () => void runs++);
    beforeEnd(res, () => undefined);
    assert.throws(() => res.writeHead(9), /status/i);
    assert.equal(runs, 0);
    assert.throws(() => res.end(42 as never), /chunk/);
    res.statusCode = 500;
    res.end('sorry');
  });
  assert.equal(runs, 1);
  assert.equal(reply.status, 500);
});

/** Longer than what waits as a whole. */
const long = (text: string) => text.padStart(20_000, '.');

const endings: Record<string, { readonly handler: Handler; readonly early: string; readonly method?: string }> = {
  'end with a text': { handler: (_req, res) => res.end(long('hello')), early: long('hello').slice(0, -1) },
  'end with a short text: it waits as a whole': { handler: (_req, res) => res.end('hello'), early: '' },
  'end with bytes and a callback': {
    handler: (_req, res) => res.end(Buffer.from(long('hello')), () => {}),
    early: long('hello').slice(0, -1),
  },
  'end with an encoding': {
    handler: (_req, res) => res.end(Buffer.from(long('hello')).toString('base64'), 'base64'),
    early: long('hello').slice(0, -1),
  },
  'end with one byte': { handler: (_req, res) => res.end('h'), early: '' },
  'writes and an end with Content-Length': {
    handler: (_req, res) => {
      res.setHeader('Content-Length', '10');
      res.write('hello');
      res.end('world');
    },
    early: 'hello',
  },
  'all written before an empty end, with Content-Length': {
    handler: (_req, res) => {
      res.writeHead(200, { 'Content-Length': '5' });
      res.write('hel');
      res.write('lo');
      res.end();
    },
    early: 'hell',
  },
  'a pipe with Content-Length': {
    handler: (_req, res) => {
      res.setHeader('Content-Length', 5);
      Readable.from([Buffer.from('hel'), Buffer.from('lo')]).pipe(res);
    },
    early: 'hell',
  },
  'a pipe without Content-Length': {
    handler: (_req, res) => void Readable.from([Buffer.from('hel'), Buffer.from('lo')]).pipe(res),
    early: 'hello',
  },
};

for (const [way, { handler, early }] of Object.entries(endings)) {
  test(`the last byte waits, and everything before it is sent: ${way}`, async () => {
    const stored = gate();
    const reply = await exchange(
      (req, res) => {
        beforeEnd(res, () => stored.promise);
        handler(req, res);
      },
      'GET',
      async (arrived) => {
        const body = () =>
          arrived()
            .split('\r\n\r\n')
            .slice(1)
            .join('\r\n\r\n')
            .split('\r\n')
            .filter((_line, i, all) => all.length === 1 || i % 2 === 1)
            .join('');
        if (early !== '') await until(() => body() === early);
        await turns();
        assert.equal(body(), early);
        assert.ok(!arrived().includes('\r\n0\r\n'), 'the closing chunk waits as well');
        stored.open();
      },
    );
    const whole = way.includes('one byte') ? 'h' : way.includes('writes') ? 'helloworld' : 'hello';
    assert.equal(reply.body, early.length > whole.length ? long(whole) : whole);
    if (way.startsWith('end'))
      assert.equal(reply.headers['content-length'], String(reply.body.length), 'as Node counts it by itself');
  });
}

const bodiless: Record<string, { readonly handler: Handler; readonly method?: string }> = {
  'an empty body': { handler: (_req, res) => res.end() },
  'Content-Length 0': {
    handler: (_req, res) => {
      res.setHeader('Content-Length', '0');
      res.end();
    },
  },
  'a redirect': { handler: (_req, res) => res.writeHead(303, { Location: '/' }).end() },
  204: { handler: (_req, res) => res.writeHead(204).end() },
  304: { handler: (_req, res) => res.writeHead(304, { 'Content-Length': '5' }).end('hello') },
  HEAD: { handler: (_req, res) => res.end('hello'), method: 'HEAD' },
};

for (const [way, { handler, method }] of Object.entries(bodiless)) {
  test(`without a body the headers wait: ${way}`, async () => {
    const stored = gate();
    const reply = await exchange(
      (req, res) => {
        beforeEnd(res, () => stored.promise);
        handler(req, res);
        assert.ok(res.headersSent, 'for the application they are sent');
      },
      method,
      async (arrived) => {
        await turns();
        assert.equal(arrived(), '');
        stored.open();
      },
    );
    assert.equal(reply.body, '');
  });
}

test('an answer that has nothing to wait for is the one that Node would have given', async () => {
  const handler: Handler = (_req, res) => res.end('hello');
  const plain = await exchange(handler);
  const hooked = await exchange((req, res) => {
    beforeEnd(res, () => undefined);
    handler(req, res);
  });
  const withoutDate = ({ head }: Reply) => head.replace(/\r\nDate:[^\r]*/, '');
  assert.equal(withoutDate(hooked), withoutDate(plain));
  assert.equal(hooked.raw, plain.raw);
});

test('while the last byte waits, a second end is quiet and a late write is refused', async () => {
  const stored = gate();
  let late: unknown;
  let finished = 0;
  const reply = await exchange(
    (_req, res) => {
      beforeEnd(res, () => stored.promise);
      res.end('hello', () => finished++);
      assert.equal(
        res.end('more', () => finished++),
        res,
      );
      assert.equal(
        res.write('more', (error) => (late = error)),
        false,
      );
      assert.throws(() => res.setHeader('X-Late', '1'), { code: 'ERR_HTTP_HEADERS_SENT' });
    },
    'GET',
    async () => {
      await turns();
      stored.open();
    },
  );
  assert.equal(reply.body, 'hello');
  assert.equal(finished, 2);
  assert.equal((late as NodeJS.ErrnoException).code, 'ERR_STREAM_WRITE_AFTER_END');
});

test('a client that goes away while the last byte waits harms nobody', async () => {
  const stored = gate();
  const server = http.createServer((_req, res) => {
    beforeEnd(res, () => stored.promise);
    res.end(long('hello'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  socket.destroy();
  await turns();
  stored.open();
  await turns();
  await new Promise((resolve) => server.close(resolve));
});

test("a cookie takes the place of one that was set here before, never of the application's", async () => {
  const reply = await exchange((_req, res) => {
    res.setHeader('Set-Cookie', 'app=1');
    appendCookie(res, 'sso=first; Path=/');
    appendCookie(res, 'sso=elsewhere; Path=/; Domain=xyz.com');
    appendCookie(res, 'sso=second; Path=/; Secure');
    appendCookie(res, 'app=2');
    appendCookie(res, 'app=3');
    res.end();
  });
  assert.deepEqual(reply.headers['set-cookie'], [
    'app=1',
    'sso=elsewhere; Path=/; Domain=xyz.com',
    'sso=second; Path=/; Secure',
    'app=3',
  ]);
});

test('check 13: an answer with a cookie of ours is kept out of caches, whatever the application says', async () => {
  for (const [said, expected] of [
    [undefined, 'no-store'],
    ['public, max-age=600', 'no-store'],
    ['private, no-store', 'private, no-store'],
  ] as const) {
    const reply = await exchange((_req, res) => {
      appendCookie(res, 'a=1');
      if (said !== undefined) res.setHeader('Cache-Control', said);
      res.end();
    });
    assert.equal(reply.headers['cache-control'], expected);
    assert.equal(reply.headers.vary, 'cookie');
  }
});

test("Vary gets a field once, and Cache-Control is the application's to choose", async () => {
  const varied = async (before: string | undefined) =>
    (await exchange((_req, res) => {
      if (before !== undefined) res.setHeader('Vary', before);
      vary(res, 'Cookie');
      vary(res, 'Cookie');
      res.end();
    })).headers.vary; // biome-ignore format: reads as one step
  assert.equal(await varied(undefined), 'cookie');
  assert.equal(await varied('Accept, Origin'), 'accept, origin, cookie');
  assert.equal(await varied('cookie'), 'cookie');
  assert.equal(await varied('*'), '*');
  const cached = async (before: string | undefined) =>
    (await exchange((_req, res) => {
      if (before !== undefined) res.setHeader('Cache-Control', before);
      noStore(res);
      res.end();
    })).headers['cache-control']; // biome-ignore format: reads as one step
  assert.equal(await cached(undefined), 'no-store');
  assert.equal(await cached('private, max-age=60'), 'private, max-age=60');
});

const full = { status: 503, headers: { 'Content-Type': 'text/plain', 'Retry-After': '10' }, text: 'full\n' };

/** However an application answers: its status, headers and body are what must not be sent. */
const answered: Record<string, Handler> = {
  end: (_req, res) => res.end('placed'),
  'end with a callback': (_req, res) => res.end('placed', () => res.emit('told')),
  'write, then end': (_req, res) => {
    res.write('pla');
    setImmediate(() => res.end('ced'));
  },
  'with a Content-Length': (_req, res) => {
    res.setHeader('Content-Length', 6);
    res.write('pla');
    res.write('ced');
    res.end();
  },
  'one byte that is held back': (_req, res) => {
    res.setHeader('Content-Length', 1);
    res.write('p');
    res.end();
  },
  flushHeaders: (_req, res) => {
    res.flushHeaders();
    setImmediate(() => res.end('placed'));
  },
  'writeHead with a reason': (_req, res) => res.writeHead(303, 'See Other', { Location: '/thanks' }).end('placed'),
  'a redirect': (_req, res) => {
    res.statusCode = 303;
    res.statusMessage = 'See Other';
    res.setHeader('Location', '/thanks');
    res.end('placed');
  },
  'no content': (_req, res) => {
    res.statusCode = 204;
    res.end();
  },
  'a pipe': (_req, res) => void Readable.from(['pla', 'ced']).pipe(res),
  'a stream without an end': (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const timer = setInterval(() => assert.equal(res.write('data: placed\n\n'), true), 1);
    res.once('close', () => clearInterval(timer));
  },
};

for (const [way, handler] of Object.entries(answered))
  for (const waits of [false, true])
    test(`another answer takes the place of the application's${waits ? ', and waits for its end' : ''}: ${way}`, async () => {
      let ended = 0;
      const reply = await exchange((req, res) => {
        const replace = () => void answerInstead(res, full);
        beforeHeaders(res, replace);
        beforeEnd(res, () => {
          ended++;
          replace();
          return waits ? Promise.resolve() : undefined;
        });
        appendCookie(res, 'ours=1; Path=/');
        res.setHeader('Set-Cookie', [...[res.getHeader('Set-Cookie') ?? []].flat(), 'order=7'].map(String));
        res.setHeader('ETag', '"placed"');
        res.setHeader('Content-Disposition', 'attachment');
        res.setHeader('Access-Control-Allow-Origin', '*');
        res.setHeader('Content-Security-Policy', "default-src 'none'");
        handler(req, res);
      });
      assert.match(reply.head, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
      assert.equal(reply.raw, 'full\n');
      assert.equal(ended, 1, 'what waits for the end has run');
      const { date: _, connection: __, ...headers } = reply.headers;
      assert.deepEqual(headers, {
        'set-cookie': ['ours=1; Path=/'],
        'access-control-allow-origin': '*',
        'content-security-policy': "default-src 'none'",
        'content-type': 'text/plain',
        'retry-after': '10',
        'content-length': '5',
        'cache-control': 'no-store',
        vary: 'cookie',
      });
    });

test('whose answer was replaced goes on as if it were sent: callbacks are called, and a second end harms nothing', async () => {
  const told: unknown[] = [];
  const waiting = gate();
  const tell = (what: string) => (error?: Error | null) => told.push(error ?? what);
  const reply = await exchange((_req, res) => {
    res.on('error', (error) => told.push(error));
    beforeHeaders(res, () => void answerInstead(res, full));
    beforeEnd(res, () => waiting.promise);
    res.write('pla', tell('write'));
    setImmediate(() => {
      assert.equal(res.write('c', tell('write while the end waits')), true);
      res.end('ed', tell('end'));
      waiting.open();
    });
    res.once('finish', () => {
      res.write('late', tell('write after the end'));
      res.end('later', tell('second end'));
    });
  });
  await turns();
  assert.equal(reply.raw, 'full\n');
  assert.deepEqual(told, ['write', 'write while the end waits', 'end', 'write after the end', 'second end']);
});

test('a HEAD request gets the headers of the other answer alone, and one whose headers are sent goes on', async () => {
  const head = await exchange((_req, res) => {
    beforeEnd(res, () => void answerInstead(res, full));
    res.end('placed');
  }, 'HEAD');
  assert.deepEqual([head.status, head.headers['content-length'], head.raw], [503, '5', '']);
  const late = await exchange((_req, res) => {
    beforeEnd(res, () => assert.equal(answerInstead(res, full), false) as undefined);
    res.write('pla');
    res.end('ced');
  });
  assert.deepEqual([late.status, late.body], [200, 'placed']);
});

for (const waits of [false, true])
  test(`another answer arrives whole over HTTP/2${waits ? ', where its end waits' : ''}, and the application's own does`, async () => {
    const server = http2.createServer((req, res) => {
      const answer = res as unknown as ServerResponse;
      beforeEnd(answer, () => {
        if (req.url === '/full') answerInstead(answer, full);
        return waits ? Promise.resolve() : undefined;
      });
      res.setHeader('Content-Length', 6);
      res.end('placed');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const get = (path: string) =>
      new Promise<string>((resolve, reject) => {
        let text = '';
        const stream = client.request({ ':path': path });
        stream.on('response', (headers) => (text += `${headers[':status']} ${headers['content-length']} `));
        stream.on('data', (part) => (text += part)).on('error', reject);
        stream.on('end', () => resolve(text));
      });
    try {
      assert.equal(await get('/full'), '503 5 full\n');
      assert.equal(await get('/'), '200 6 placed');
    } finally {
      client.close();
      server.close();
    }
  });

test('another answer passes a layer that writes what it is given to end with', async () => {
  const reply = await exchange((_req, res) => {
    const { end } = res;
    res.end = function (this: ServerResponse, chunk?: unknown) {
      if (chunk !== undefined && typeof chunk !== 'function') this.write(chunk);
      return (end as () => ServerResponse).call(this);
    } as typeof res.end;
    beforeEnd(res, () => void answerInstead(res, full));
    res.end('placed');
  });
  assert.deepEqual([reply.status, reply.raw], [503, 'full\n']);
});

test('a server that allows no body of a HEAD request is given none', async () => {
  for (const waits of [false, true]) {
    const head = await exchange(
      (_req, res) => {
        beforeEnd(res, () => {
          answerInstead(res, full);
          return waits ? Promise.resolve() : undefined;
        });
        res.end();
      },
      'HEAD',
      undefined,
      { rejectNonStandardBodyWrites: true },
    );
    assert.deepEqual([head.status, head.headers['content-length'], head.raw], [503, '5', '']);
  }
});
