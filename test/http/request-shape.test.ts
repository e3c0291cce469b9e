import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { answerAsTable, requestAsTable } from '../../sso/http/request-shape.ts';

setFlagsFromString('--allow-natives-syntax');
const isTable = new Function('object', 'return !%HasFastProperties(object)') as (object: object) => boolean;
const isMended = Number(process.versions.node.split('.', 1)[0]) >= 24;

/** As Express has them: with another prototype, and something added. */
function exchange(): { readonly req: IncomingMessage; readonly res: ServerResponse } {
  const req = new IncomingMessage(new Socket());
  req.httpVersion = '1.1';
  const res = new ServerResponse(req);
  Object.setPrototypeOf(req, Object.create(IncomingMessage.prototype));
  Object.setPrototypeOf(res, Object.create(ServerResponse.prototype));
  return { req: Object.assign(req, { next: 1 }), res: Object.assign(res, { locals: {} }) };
}

const held = (object: object) =>
  Reflect.ownKeys(object)
    .map((key) => [key, Object.getOwnPropertyDescriptor(object, key)] as const)
    .sort(([a], [b]) => String(a).localeCompare(String(b)));

test('requests and answers become tables where that is of use, and hold what they held', () => {
  const { req, res } = exchange();
  const [inReq, inRes] = [held(req), held(res)];
  assert.deepEqual([isTable(req), isTable(res)], [false, false]);

  requestAsTable(req);
  answerAsTable(res);

  assert.deepEqual([isTable(req), isTable(res)], [!isMended, !isMended]);
  assert.deepEqual(held(req), inReq);
  assert.deepEqual(held(res), inRes);
  assert.deepEqual([req.httpVersion, res.sendDate], ['1.1', true]);
});

test('once more changes nothing', () => {
  const { req, res } = exchange();
  requestAsTable(req);
  answerAsTable(res);
  const [inReq, inRes] = [held(req), held(res)];

  requestAsTable(req);
  answerAsTable(res);

  assert.deepEqual([held(req), held(res)], [inReq, inRes]);
});

test('what is not as Node makes it is left alone', () => {
  const accessor = Object.defineProperty({}, 'httpVersion', { get: () => '2.0', configurable: true, enumerable: true });
  const hidden = Object.defineProperty({}, 'httpVersion', { value: '2.0', configurable: true, writable: true });
  const inherited = Object.create({ httpVersion: '2.0' });
  const closed = Object.preventExtensions({ httpVersion: '2.0' });
  for (const message of [accessor, hidden, inherited, closed, {}] as IncomingMessage[]) {
    const before = held(message);
    requestAsTable(message);
    assert.deepEqual(held(message), before);
  }
  assert.equal(closed.httpVersion, '2.0');
});
