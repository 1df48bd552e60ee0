import { createVerify, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { GitHost } from '../../../analyzer/hosts/host.ts';
import { openSites } from '../../../analyzer/hosts/registry.ts';
import { temporaryFolder } from '../../cleanups.ts';
import { type Dialect, type ForgeServer, fieldOf, startForge } from '../../embedded/forge.ts';
import { githubDialect } from '../../embedded/forges/github.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let server: ForgeServer;
let keyFile: string;
let serverNow: () => number;
let ourNow: number;
let made: number;

/** What GitHub minds of an App's token; undefined where it takes it. */
function faultOf(authorization: string | undefined): string | undefined {
  const [head = '', body = '', signature = ''] = (authorization ?? '')
    .replace('Bearer ', '')
    .split('.');
  const verify = createVerify('RSA-SHA256').update(`${head}.${body}`);
  if (!verify.verify(publicKey, signature, 'base64url'))
    return 'A JSON web token could not be decoded';
  const claims: unknown = JSON.parse(Buffer.from(body, 'base64url').toString());
  const [iat, exp] = [Number(fieldOf(claims, 'iat')), Number(fieldOf(claims, 'exp'))];
  if (fieldOf(claims, 'iss') !== 'Iv1.perch') return 'Integration not found';
  if (iat > serverNow()) return "'Issued at' claim ('iat') is in the future";
  if (exp > serverNow() + 600) return "'Expiration time' claim ('exp') is too far in the future";
  return exp < serverNow() ? "'Expiration time' claim ('exp') is in the past" : undefined;
}

/** GitHub with an App in one repository. */
const dialect: Dialect = {
  ...githubDialect,
  knows: ({ authorization }, token) =>
    authorization === `Bearer ${token}` || faultOf(authorization) === undefined,
  routes: (forge) => [
    ['GET', '/v3/repos/team/live/installation', () => ({ status: 200, body: { id: 42 } })],
    [
      'POST',
      '/v3/app/installations/42/access_tokens',
      () => {
        server.token = `ghs_canary_${++made}`;
        const expires = new Date((serverNow() + 3600) * 1000).toISOString();
        return { status: 201, body: { token: server.token, expires_at: expires } };
      },
    ],
    ...githubDialect.routes(forge),
  ],
};

beforeEach(async () => {
  server = await startForge(dialect, 'none yet');
  keyFile = join(temporaryFolder(), 'key.pem');
  writeFileSync(keyFile, PEM);
  ourNow = Math.floor(Date.now() / 1000);
  serverNow = () => Math.floor(Date.now() / 1000) + server.skewSeconds;
  made = 0;
});

function open(): GitHost {
  const app = { id: 'Iv1.perch', privateKeyFile: keyFile };
  const [site] = openSites({ hub: { kind: 'github', address: server.address, app } }, 'FILE');
  if (site === undefined) throw new Error('no site');
  const rest = () => Promise.resolve();
  return site.open('team/live', { clock: () => ourNow, timeoutSeconds: 5, rest });
}

test('an App logs in as its installation, with one token for as long as it lives', async () => {
  const host = open();
  expect(await host.find('perch/shop')).toMatchObject({ kind: 'done' });
  expect(await host.find('perch/shop')).toMatchObject({ kind: 'done' });
  expect(made).toBe(1);
  ourNow += 3400;
  expect(await host.find('perch/shop')).toMatchObject({ kind: 'done' });
  expect(made).toBe(2);
});

test.each([-7200, -120, 120, 7200])('clocks may differ by %d s', async (skew) => {
  server.skewSeconds = skew;
  expect(await open().find('perch/shop')).toMatchObject({ kind: 'done' });
});

test('a token that GitHub takes back is asked for anew', async () => {
  const host = open();
  await host.find('perch/shop');
  server.token = 'another';
  expect(await host.find('perch/shop')).toMatchObject({
    kind: 'failed',
    failure: { kind: 'unauthorised' },
  });
  expect(await host.find('perch/shop')).toMatchObject({ kind: 'done' });
});

test('the key of another App is not known', async () => {
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  writeFileSync(keyFile, other.export({ type: 'pkcs8', format: 'pem' }));
  expect(await open().find('perch/shop')).toMatchObject({
    kind: 'failed',
    failure: {
      kind: 'unauthorised',
      reason: expect.stringMatching(/^cannot log in as the GitHub App Iv1\.perch: /),
    },
  });
});

test.each([
  ['', /does not hold a private RSA key/],
  [PEM.slice(0, 400), /does not hold a private RSA key/],
])('a file without a key says so, and shows nothing of it', async (text, reason) => {
  writeFileSync(keyFile, text);
  const answer = await open().find('perch/shop');
  expect(answer).toMatchObject({
    kind: 'failed',
    failure: { kind: 'unauthorised', reason: expect.stringMatching(reason) },
  });
  expect(JSON.stringify(answer)).not.toContain(PEM.slice(40, 80));
});
