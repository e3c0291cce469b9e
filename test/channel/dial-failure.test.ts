import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dialFailure } from '../../sso/channel/dial-failure.ts';

const failure = (code: string | undefined, message = 'it failed') =>
  dialFailure(Object.assign(new Error(message), code === undefined ? {} : { code }));

test('a failed dial is told in the same words whatever the release of Node calls it', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'credentials', /another secret/],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'credentials', /another secret/],
    ['ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER', 'credentials', /key/],
    ['ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR', 'credentials', /key/],
    ['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', 'credentials', /another cluster/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'foreign', /TLS 1\.3/],
    ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'foreign', /TLS 1\.3/],
    ['CERT_HAS_EXPIRED', 'foreign', /CERT_HAS_EXPIRED: it failed/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'foreign', /it failed/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'foreign', /it failed/],
    ['ERR_TLS_FOREIGN', 'foreign', /^it failed/],
    ['ECONNREFUSED', 'absent', /nothing listens/],
    ['ENOTFOUND', 'absent', /no such host/],
    ['ECONNRESET', 'unknown', /ECONNRESET: it failed/],
    ['EAI_AGAIN', 'unknown', /EAI_AGAIN/],
  ];
  for (const [code, kind, why] of cases) {
    assert.equal(failure(code).kind, kind, code);
    assert.match(failure(code).why, why);
  }
  assert.deepEqual(failure(undefined, 'no answer in time'), { kind: 'unknown', why: 'no answer in time' });
});
