import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type FaultyProxy, type ServerFault, startProxy } from './proxy.ts';

const closes: (() => unknown)[] = [];

afterEach(async () => {
  for (const it of closes.splice(0)) await it();
});

async function opened(): Promise<FaultyProxy> {
  const server = createServer((_, response) => void response.end('0123456789'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const proxy = await startProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  closes.push(proxy.stop, () => server.close());
  return proxy;
}

/** @param patienceMs less where there will be no answer */
async function said(proxy: FaultyProxy, patienceMs = 10_000): Promise<string> {
  const signal = AbortSignal.timeout(patienceMs);
  const answer = await fetch(proxy.url, { signal }).catch(() => undefined);
  if (answer === undefined) return 'no answer';
  return answer.text().then(
    (text) => `${answer.status} ${text}`,
    () => 'cut off',
  );
}

test.each<[string, ServerFault, string]>([
  ['hang', { kind: 'hang' }, 'no answer'],
  ['reset', { kind: 'reset' }, 'no answer'],
  ['raw', { kind: 'raw', bytes: Buffer.from('no HTTP\r\n\r\n') }, 'no answer'],
  ['answer', { kind: 'answer', status: 503, body: 'no' }, '503 no'],
  ['cut', { kind: 'cut', part: 0.5 }, 'cut off'],
  ['drip', { kind: 'drip', everyMs: 100 }, 'cut off'],
  ['headers', { kind: 'headers' }, 'cut off'],
  ['flood', { kind: 'flood', chunk: 'ab', bytes: 6 }, '200 ababab'],
  ['change', { kind: 'change', body: (it) => it.subarray(8) }, '200 89'],
])('a server that is told to %s does so, until it is healed', async (_, fault, expected) => {
  const proxy = await opened();
  expect(await said(proxy)).toBe('200 0123456789');
  proxy.spoil({ fault });
  const isSlow = ['hang', 'headers', 'drip'].includes(fault.kind);
  expect(await said(proxy, isSlow ? 500 : undefined)).toBe(expected);
  expect(proxy.spoiled()).toBe(1);
  proxy.heal(true);
  expect(await said(proxy)).toBe('200 0123456789');
});

test('a fault meets only the requests that it is for', async () => {
  const proxy = await opened();
  proxy.spoil({ fault: { kind: 'hang' }, when: ({ method }) => method === 'POST' });
  expect(await said(proxy)).toBe('200 0123456789');
});
