/** What the log says of what a session does not keep as it was. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { application, bag, Visitor } from './support/visitor.ts';
import { World } from './support/world.ts';

class Person {
  name = 'Ann';
}
class Address {
  street = 'Long Road';
}

test('a class that is lost at FIELD is warned of once, in however many places and requests; another one for itself', async () => {
  const world = new World();
  let count = 0;
  const app = application(world.node, { replicationGranularity: 'FIELD' }, (req, res) => {
    bag(req).note = { [`at${count++}`]: [new Person(), new Person()] };
    if (req.path === '/address') bag(req).user = new Address() as never;
    res.send(JSON.stringify(bag(req).note));
  });
  const visitor = new Visitor();
  for (const path of ['/', '/', '/address', '/address']) await visitor.get(app, path);
  const warnings = world.log.filter(({ level }) => level === 'warn');
  assert.deepEqual(
    warnings.map(({ message }) => message),
    [
      'session: note.at0[0] is a Person, which is not registered: it arrives as what JSON makes of it, without its class',
      'session: user is an Address, which is not registered: it arrives as what JSON makes of it, without its class',
    ],
  );
  assert.deepEqual(warnings[0]!.fields, { app: 'shop', path: 'note.at0[0]' });
});

test('where nobody asks for instances they travel as JSON, as with express-session, and nothing is said', async () => {
  const world = new World();
  const app = application(world.node, {}, (req, res) => {
    bag(req).note ??= new Person();
    res.send(JSON.stringify(bag(req).note));
  });
  const visitor = new Visitor();
  for (let i = 0; i < 2; i++) assert.equal((await visitor.get(app)).text, '{"name":"Ann"}');
  assert.deepEqual(world.log, []);
});
