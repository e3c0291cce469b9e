import assert from 'node:assert/strict';
import { test } from 'node:test';
import supertest from 'supertest';
import { livez, type ReadyzOptions, readyz } from '../../sso/health/pages.ts';
import { hosts } from '../valve/world.ts';
import { type FakeSource, finality, picture, source, voters } from './picture.ts';

function pages(from: FakeSource, options?: ReadyzOptions, host = hosts[0]!) {
  const app = host.express();
  app.use('/livez', livez(from));
  app.use('/readyz', readyz(from, options));
  return supertest(app);
}

for (const host of hosts) {
  test(`a node that is up is alive and ready (${host.name})`, async () => {
    const asked = pages(source(), undefined, host);
    const ready = await asked.get('/readyz').expect(200, { ready: true, whenCutOff: 'refuse' });
    assert.deepEqual([ready.get('Cache-Control'), ready.get('Retry-After')], ['no-store', undefined]);
    await asked.get('/livez').expect(200, { alive: true });
    const head = await asked.head('/readyz').expect(200);
    assert.equal(head.text, undefined);
    await asked.post('/readyz').expect(405).expect('Allow', 'GET, HEAD');
    await asked.post('/livez').expect(405);
  });
}

test('a node that may not be asked says why, what it waits for, and when to ask again', async () => {
  const from = source(picture({ finality: finality({ accepting: false, leases: [] }) }));
  await pages(from)
    .get('/readyz')
    .expect('Retry-After', '1')
    .expect(503, {
      ready: false,
      whenCutOff: 'refuse',
      why: [{ reason: 'without-quorum', waitsFor: 'leases of 2 of 3 voters, and has 1' }],
    });
});

test('whatever a node waits for it is alive: no supervisor may restart it for that', async () => {
  for (const shown of [
    picture({ state: 'starting', finality: finality({ standing: 'lost', accepting: false }) }),
    picture({ state: 'draining' }),
    picture({ finality: finality({ accepting: false, leases: [] }) }),
    picture({ diskFailure: 'ENOSPC' }),
  ]) {
    await pages(source(shown)).get('/livez').expect(200);
    await pages(source(shown)).get('/readyz').expect(503);
  }
});

test('a node that has stopped is not alive', async () => {
  await pages(source(picture({ state: 'stopped' })))
    .get('/livez')
    .expect(503, { alive: false });
});

test('a node whose rounds have ended is not alive; one that was only paused gets the time to resume', async () => {
  for (const resumes of [false, true]) {
    const from = source();
    from.beat = from.clock.monotonic();
    from.clock.advance(40_000);
    const waits = new Promise<void>((resolve) => {
      const { after } = from.clock;
      from.clock.after = (ms, run) => {
        resolve();
        return after(ms, run);
      };
    });
    const answer = pages(from)
      .get('/livez')
      .then((response) => response.status);
    await waits;
    if (resumes) from.beat = from.clock.monotonic();
    from.clock.advance(2_000);
    assert.equal(await answer, resumes ? 200 : 503);
  }
});

test('check 50: nobody learns names, addresses, versions or paths from these pages, unless the operator says who may', async () => {
  const shown = picture({
    state: 'draining',
    diskFailure: 'ENOSPC: no space left on device, /srv/latchkey/data.mdb',
    finality: finality({ standing: 'lost', waitsFor: `the state of ${voters[1]}`, accepting: false }),
  });
  const told = /n1|n2|example|7800|latchkey|srv|ENOSPC|\d+\.\d+\.\d+/;
  const open = await pages(source(shown)).get('/readyz').expect(503);
  assert.doesNotMatch(open.text, told);
  assert.equal(open.get('X-Powered-By'), undefined);
  const options: ReadyzOptions = { details: (req) => req.headers['x-operator'] === 'yes' };
  const refused = await pages(source(shown), options).get('/readyz').expect(503);
  assert.doesNotMatch(refused.text, told);
  const detailed = await pages(source(shown), options).get('/readyz').set('X-Operator', 'yes').expect(503);
  assert.equal(detailed.body.details.finality.waitsFor, `the state of ${voters[1]}`);
  assert.equal(detailed.body.details.diskFailure, shown.diskFailure);
  assert.deepEqual(detailed.body.details.members, { up: 2, lost: 1 });
});

test('an option that does not exist is refused', () => {
  assert.throws(() => readyz(source(), { detail: true } as ReadyzOptions), { code: 'ERR_CONFIG_INVALID' });
});
