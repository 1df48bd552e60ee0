import { expect, test } from 'vitest';
import { networkPolicySpec } from '../../../lib/in-cluster/network.ts';
import { Analyzer, type AnalyzerProps, type Plan } from '../../../lib/index.ts';
import { folderOf } from '../folder.ts';

async function policy(more: Partial<AnalyzerProps> = {}) {
  const objects = await folderOf(
    (scope, plans) =>
      void new Analyzer(scope, 'analyzer', {
        plans,
        image: 'example/perch:1',
        run: { url: 'https://git.example.com/team/live.git' },
        metrics: { url: 'http://prometheus:9090' },
        ...more,
      }),
  );
  return objects.get('NetworkPolicy perch/perch')?.spec;
}

const tcp = (...ports: readonly number[]) => ports.map((port) => ({ port, protocol: 'TCP' }));
const dns = { ports: [{ port: 53, protocol: 'UDP' }, ...tcp(53)] };

test('nobody comes in, and only what is needed goes out', async () => {
  expect(await policy()).toEqual({
    podSelector: {
      matchLabels: {
        'app.kubernetes.io/name': 'perch',
        'app.kubernetes.io/component': 'analyzer',
      },
    },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [],
    egress: [dns, { ports: tcp(443, 6443) }, { ports: tcp(443) }, { ports: tcp(9090) }],
  });
});

test('ports follow from the addresses; both can be narrowed', async () => {
  const apiServer = { ports: [6443], peers: [{ ipBlock: { cidr: '10.0.0.1/32' } }] };
  const monitoring = { namespaceSelector: { matchLabels: { team: 'monitoring' } } };
  expect(
    await policy({
      mode: { kind: 'watch' },
      source: { url: 'https://git.example.com:8443/team/source.git' },
      nudge: { urls: ['http://receiver.flux-system/hook/abc'] },
      pushGateway: 'http://pushgateway:9091',
      network: {
        apiServer,
        nudge: { ports: [9292] },
        metrics: { peers: [monitoring] },
        scrapers: [monitoring],
      },
    }),
  ).toMatchObject({
    ingress: [{ from: [monitoring], ports: tcp(8080) }],
    egress: [
      dns,
      { ports: tcp(6443), to: apiServer.peers },
      { ports: tcp(443, 8443) },
      { ports: tcp(9090), to: [monitoring] },
      { ports: tcp(9292) },
      { ports: tcp(9091) },
    ],
  });
});

test('metrics go to the ports of all stores, each once', async () => {
  const metricStores = {
    'long-term': { url: 'https://thanos.example.com' },
    mesh: { url: 'http://mesh:9090' },
    load: { url: 'http://load:8428/prometheus' },
  };
  expect(await policy({ metricStores })).toHaveProperty('egress.3', {
    ports: tcp(9090, 443, 8428),
  });
  const metrics = { ports: [9090] };
  expect(await policy({ metricStores, network: { metrics } })).toHaveProperty('egress.3', {
    ports: tcp(9090),
  });
});

test('hooks of the releases are reached at the ports of their addresses', async () => {
  const hook = { type: 'event', timeoutSeconds: 10, retries: 0 } as const;
  const plans = await plansWith([
    { ...hook, name: 'gate', url: 'https://gate.example.com/check' },
    { ...hook, name: 'load', url: 'http://load-tester.test:8080/' },
    { ...hook, name: 'chat', url: 'http://chat.test:8080/' },
  ]);
  const props = {
    plans,
    image: 'example/perch:1',
    run: { url: 'https://git.example.com/live.git' },
  };
  const metrics = { url: 'http://prometheus:9090' };
  const last = (network?: AnalyzerProps['network']) =>
    networkPolicySpec({ ...props, metrics, ...(network === undefined ? {} : { network }) }, {});
  expect(last()).toHaveProperty('egress.4', { ports: tcp(443, 8080) });
  const peers = [{ namespaceSelector: { matchLabels: { team: 'test' } } }];
  const narrow = last({ hooks: { ports: [8080], peers } });
  expect(narrow).toHaveProperty('egress.4', { ports: tcp(8080), to: peers });
});

async function plansWith(hooks: Plan['hooks']): Promise<readonly Plan[]> {
  const found: Plan[] = [];
  await folderOf((_, plans) => void found.push(...plans));
  return found.map((it, index) => (index === 0 ? { ...it, hooks } : it));
}
