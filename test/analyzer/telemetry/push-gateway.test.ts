import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test, vi } from 'vitest';
import { TEXT_FORMAT } from '../../../analyzer/telemetry/metrics.ts';
import { pushMetrics } from '../../../analyzer/telemetry/push-gateway.ts';

let server: Server | undefined;
const seen: {
  method?: string | undefined;
  url?: string | undefined;
  type?: string | undefined;
  body: string;
}[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  seen.length = 0;
});

/** @param status what it answers; undefined never does */
async function gateway(status: number | undefined): Promise<string> {
  server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    seen.push({ method, url, type: headers['content-type'], body: await text(request) });
    if (status !== undefined)
      response.writeHead(status, { Location: 'http://127.0.0.1:9/' }).end('secret');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each(['', '/', '/prefix/'])('replaces the group of the job behind "%s"', async (prefix) => {
  const url = await gateway(200);
  expect(await pushMetrics(`${url}${prefix}`, 'up 1\n', TEXT_FORMAT)).toBeUndefined();
  const path = `${prefix.replace(/\/$/, '')}/metrics/job/perch`;
  expect(seen).toEqual([{ method: 'PUT', url: path, type: TEXT_FORMAT, body: 'up 1\n' }]);
});

test.each([400, 503, 307])('HTTP %i is a reason, tried once and not quoted', async (status) => {
  const url = await gateway(status);
  const { host } = new URL(url);
  expect(await pushMetrics(url, 'x', TEXT_FORMAT)).toBe(`${host} answered HTTP ${status}`);
  expect(seen).toHaveLength(1);
});

test('nobody there, and nobody answering, are reasons', async () => {
  expect(await pushMetrics('http://127.0.0.1:9', 'x', TEXT_FORMAT)).toBe(
    '127.0.0.1:9 cannot be reached (ECONNREFUSED)',
  );
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const asked = vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => timeout(100));
  const url = await gateway(undefined);
  expect(await pushMetrics(url, 'x', TEXT_FORMAT)).toMatch(/took over 5 s$/);
  expect(asked).toHaveBeenCalledWith(5000);
});
