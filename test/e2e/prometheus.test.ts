import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prometheus } from '../../analyzer/metrics/prometheus.ts';
import { contractHistory, type MetricsUnderTest, metricsContract } from '../contract/metrics.ts';
import {
  openMetrics,
  PROMQL,
  PROMQL_COMPLAINT,
  prometheusContract,
} from '../contract/prometheus.ts';
import { verdictContract, verdictHistory } from '../contract/verdicts.ts';
import { isMissing } from './servers/missing.ts';
import { findOnPath, run } from './servers/program.ts';
import { missingPrometheus, type Prometheus, startPrometheus } from './servers/prometheus.ts';

describe('a real Prometheus', { skip: isMissing(missingPrometheus()) }, () => {
  const start = Date.UTC(2024, 0, 2, 3, 0, 0) / 1000;
  let server: Prometheus;

  beforeAll(async () => {
    server = await startPrometheus({
      openMetrics: openMetrics([...contractHistory(start), ...verdictHistory(start)]),
    });
  });
  afterAll(() => server?.stop());

  const subject = (): MetricsUnderTest => ({
    address: server.url,
    open: (address) => prometheus({ address, retries: 0 }),
    start,
    now: () => Date.now() / 1000,
    queries: PROMQL,
    complaint: PROMQL_COMPLAINT,
  });
  metricsContract(subject);
  prometheusContract(subject);
  verdictContract(subject);

  const missing = findOnPath('openssl') === undefined ? 'openssl is not on PATH.' : undefined;
  test('is asked over TLS, by its own authority', { skip: isMissing(missing) }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'perch-tls-'));
    const [key, cert] = [join(folder, 'server.key'), join(folder, 'server.crt')];
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert];
    args.push('-days', '2', '-subj', '/CN=perch-e2e', '-addext', 'subjectAltName=IP:127.0.0.1');
    await run({ path: 'openssl', args, folder });
    const files = { key: await readFile(key), cert: await readFile(cert) };
    const proxy = createServer(files, (incoming, outgoing) => {
      const { method, headers, url } = incoming;
      const forward = request(`${server.url}${url}`, { method, headers }, (response) => {
        outgoing.writeHead(response.statusCode ?? 500, response.headers);
        response.pipe(outgoing);
      });
      incoming.pipe(forward);
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const address = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const range = { start, end: start, stepSeconds: 1 };
    const trusting = await prometheus({ address, caFile: cert }).values(
      { query: 'time()', windowSeconds: 60 },
      range,
    );
    const wary = await prometheus({ address }).values(
      { query: 'time()', windowSeconds: 60 },
      range,
    );
    proxy.close();
    proxy.closeAllConnections();
    await rm(folder, { recursive: true });
    expect(trusting).toMatchObject({ value: { samples: [{ at: start, value: start }] } });
    expect(wary).toMatchObject({ reason: expect.stringContaining('SELF_SIGNED_CERT') });
  });
});
