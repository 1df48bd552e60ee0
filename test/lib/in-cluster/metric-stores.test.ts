import type { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { openStores } from '../../../analyzer/metrics/registry.ts';
import {
  Analyzer,
  type AnalyzerProps,
  Apps,
  canary,
  istio,
  type MetricsAccess,
  type Plan,
  Release,
  successRate,
} from '../../../lib/index.ts';
import {
  isObject,
  type JsonObject,
  labelsAt,
  listAt,
  type Manifest,
  objectAt,
} from '../../../lib/manifest/json.ts';
import { readYaml } from '../../../lib/plan/read-yaml.ts';
import { folderOf, mistakesIn } from '../folder.ts';
import { deployment, workload } from '../sample.ts';

type Stores = Readonly<Record<string, MetricsAccess>>;

/** One release whose check asks this store. */
function asking(source: string): Apps {
  const apps = new Apps();
  new Release(apps, 'shop', {
    namespace: 'prod',
    service: { port: 80, targetPort: 8080 },
    traffic: istio(),
    strategy: canary({ stepWeight: 50 }),
    workload: workload(deployment()),
    analysis: { checks: [successRate({ min: 99, source })] },
  });
  return apps;
}

function analyzer(more: Partial<AnalyzerProps>) {
  const props = {
    image: 'example/perch:1',
    run: { url: 'https://git.example.com/team/live.git' },
    metrics: { url: 'http://prometheus:9090' },
    ...more,
  };
  return (scope: Construct, plans: readonly Plan[]) =>
    void new Analyzer(scope, 'analyzer', { plans, ...props });
}

/** The ConfigMap, and the pod of the CronJob. */
async function rendered(metricStores: Stores) {
  const objects = await folderOf(analyzer({ metricStores }));
  const spec = objectAt(objects.get('CronJob perch/perch'), 'spec', 'jobTemplate', 'spec');
  const pod = objectAt(spec, 'template', 'spec');
  const configMap = [...objects.values()].find((it) => it.kind === 'ConfigMap');
  const volume = listAt(pod, 'volumes').find((it) => it.name === 'metric-stores');
  return { configMap, volume, container: listAt(pod, 'containers')[0] ?? {} };
}

function configurationIn(configMap: Manifest | undefined): unknown {
  const reading = readYaml(labelsAt(configMap, 'data')['stores.yaml'] ?? '');
  if (reading.kind === 'refused') throw new Error(reading.reason);
  return reading.value;
}

/** Every text of a configuration that names a mounted file. */
function filesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.startsWith('/etc/perch/') ? [value] : [];
  return isObject(value) ? Object.values(value).flatMap(filesIn) : [];
}

/** Where the volume's files are. */
function pathsIn(volume: JsonObject | undefined): readonly string[] {
  return listAt(volume, 'projected', 'sources')
    .flatMap((it) => [...listAt(it, 'configMap', 'items'), ...listAt(it, 'secret', 'items')])
    .map((it) => `/etc/perch/metric-stores/${it.path}`);
}

/** Two stores with everything that can be said. */
const STORES: Stores = {
  'long-term': {
    url: 'https://thanos.example.com/api/thanos',
    token: { secret: 'thanos', key: 'bearer' },
    ca: { configMap: 'authorities', key: 'thanos.pem' },
    headers: { 'X-Scope-OrgID': 'team: "a"', 'X-Empty': '' },
    acceptPartial: true,
  },
  mesh: {
    url: 'http://mesh:9090',
    basic: { user: 'yes', password: { secret: 'mesh', key: 'password' } },
    headersFile: { secret: 'mesh', key: 'headers' },
  },
};

describe('metricStores', () => {
  test('are described as --metrics-config reads it', async () => {
    const { configMap, volume, container } = await rendered(STORES);
    const configuration = configurationIn(configMap);
    expect(configuration).toEqual({
      'long-term': {
        kind: 'prometheus',
        address: 'https://thanos.example.com/api/thanos',
        bearerTokenFile: '/etc/perch/metric-stores/long-term/token',
        caFile: '/etc/perch/metric-stores/long-term/ca',
        headers: { 'X-Scope-OrgID': 'team: "a"', 'X-Empty': '' },
        acceptPartial: true,
      },
      mesh: {
        kind: 'prometheus',
        address: 'http://mesh:9090',
        username: 'yes',
        passwordFile: '/etc/perch/metric-stores/mesh/password',
        headersFile: '/etc/perch/metric-stores/mesh/headers',
      },
    });
    expect([...openStores(configuration, 'the ConfigMap').keys()]).toEqual(['long-term', 'mesh']);
    const path = '/etc/perch/metric-stores/stores.yaml';
    expect(container.args).toContain(`--metrics-config=${path}`);
    expect(pathsIn(volume)).toEqual(expect.arrayContaining([path, ...filesIn(configuration)]));
  });

  test('log in with files that only the group of the pod may read', async () => {
    const { configMap, volume, container } = await rendered(STORES);
    const of = (name: string, key: string, path: string) => ({ name, items: [{ key, path }] });
    expect(volume).toEqual({
      name: 'metric-stores',
      projected: {
        defaultMode: 0o440,
        sources: [
          { configMap: of(configMap?.metadata.name ?? '', 'stores.yaml', 'stores.yaml') },
          { secret: of('thanos', 'bearer', 'long-term/token') },
          { configMap: of('authorities', 'thanos.pem', 'long-term/ca') },
          { secret: of('mesh', 'password', 'mesh/password') },
          { secret: of('mesh', 'headers', 'mesh/headers') },
        ],
      },
    });
    expect(listAt(container, 'volumeMounts').at(-1)).toEqual({
      name: 'metric-stores',
      mountPath: '/etc/perch/metric-stores',
      readOnly: true,
    });
  });

  test('that change are another pod', async () => {
    const names = await Promise.all(
      ['http://mesh:9090', 'http://mesh:9091', 'http://mesh:9090'].map(async (url) => {
        const { configMap } = await rendered({ mesh: { url } });
        expect(configMap?.immutable).toBe(true);
        return configMap?.metadata.name;
      }),
    );
    expect(names[0]).toMatch(/^perch-metric-stores-[0-9a-f]{8}$/);
    expect(names[1]).not.toBe(names[0]);
    expect(names[2]).toBe(names[0]);
  });

  test('of which there are none leave nothing', async () => {
    const { configMap, volume, container } = await rendered({});
    expect([configMap, volume]).toEqual([undefined, undefined]);
    expect(JSON.stringify(container.args)).not.toContain('--metrics-config');
  });

  test.each([
    [{ mesh: { url: 'mesh:9090' } }, /metricStores\.mesh\.url is not an http:\/\/ or https:\/\//],
    [{ mesh: { url: 'http://a:b@mesh' } }, /metricStores\.mesh\.url has a credential in it/],
    [{ mesh: { url: 'http://mesh/a@b' } }, /metricStores\.mesh\.url has an @ in its path.*%40/],
    [{ mesh: { url: 'http://mesh/?tenant=a' } }, /metricStores\.mesh\.url has parameters in it/],
    [
      { 'Long Term': { url: 'http://thanos' } },
      /a name in metricStores must be a DNS label, got "Long Term"/,
    ],
    [{ default: { url: 'http://thanos' } }, /metricStores has a store default.*describe it with/],
    [
      {
        mesh: {
          url: 'http://mesh',
          token: { secret: 'a', key: 'b' },
          basic: { user: 'a', password: { secret: 'a', key: 'b' } },
        },
      },
      /metricStores\.mesh has both a token and basic/,
    ],
  ])('mistake %#', async (metricStores: Stores, expected) => {
    expect(await mistakesIn(analyzer({ metricStores }))).toEqual([expect.stringMatching(expected)]);
  });
});

describe('a check whose metric store', () => {
  const metricStores = { 'long-term': { url: 'http://thanos' } };

  test.each(['default', 'long-term'])('is there, is right: %s', async (source) => {
    expect(await mistakesIn(analyzer({ metricStores }), asking(source))).toEqual([]);
  });

  test.each(['mesh', 'constructor'])('is not there, is a mistake: %s', async (source) => {
    expect(await mistakesIn(analyzer({ metricStores }), asking(source))).toEqual([
      `folder/analyzer: release shop: check success-rate asks a metric store that the analyzer does not have, got "${source}"; ` +
        `give the analyzer metricStores: { '${source}': { url: '…' } }, or leave source out of the check`,
    ]);
  });
});
