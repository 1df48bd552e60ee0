import { ApiObject } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import { Manifests, render } from '../../../lib/index.ts';
import { takeExported } from '../../../lib/manifest/exported.ts';
import { sentence } from '../../../lib/mistake.ts';
import { twoReleases } from '../folder.ts';
import { configMap, deployment, mistakesOf, sample, workload } from '../sample.ts';

const EXPORTED = {
  uid: '1b4e28ba-2fa1-11d2-883f-0016d3cca427',
  resourceVersion: '4711',
  generation: 3,
  creationTimestamp: '2024-01-31T10:00:00Z',
  managedFields: [{ manager: 'kubectl' }],
  selfLink: '/apis/apps/v1',
};

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

describe('what a cluster writes', () => {
  test('is taken away, and named', () => {
    const annotations = { [LAST_APPLIED]: '{}', mine: 'kept' };
    const object = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'a', ...EXPORTED, annotations },
      spec: {},
      status: { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } },
    };
    expect([...takeExported(object)].sort()).toEqual(
      [
        ...Object.keys(EXPORTED).map((it) => `metadata.${it}`),
        `metadata.annotations.${LAST_APPLIED}`,
        'status',
      ].sort(),
    );
    const { spec, ...rest } = object;
    expect(rest).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'a', annotations: { mine: 'kept' } },
    });
    expect(spec).toEqual({});
  });

  test.each<[string, object]>([
    ['a time of creation', { metadata: { name: 'a', creationTimestamp: null } }],
    ['an empty status', { status: {} }],
    ['the status of a Service', { status: { loadBalancer: {} } }],
    ['that of an autoscaler', { status: { currentMetrics: null, desiredReplicas: 0 } }],
  ])('is not named where Go prints it without a value: %s', (_, given) => {
    const object = { apiVersion: 'v1', kind: 'A', metadata: { name: 'a' }, ...given };
    expect(takeExported(object)).toEqual([]);
    expect(object).toEqual({ apiVersion: 'v1', kind: 'A', metadata: { name: 'a' } });
  });
});

describe('an export of a cluster', () => {
  const exported = deployment({}, { metadata: { name: 'shop', ...EXPORTED } });

  test('is rendered as what its author wrote, with a warning', async () => {
    const { files, warnings } = await render(sample({ workload: workload(exported) }));
    const plain = await render(sample({ workload: workload(deployment()) }));
    const steps = (it: typeof files) => [...it].filter(([path]) => path.startsWith('steps/'));
    expect(steps(files)).toEqual(steps(plain.files));
    const more = warnings.slice(0, warnings.length - plain.warnings.length);
    expect(more.map(sentence)).toEqual([
      expect.stringMatching(
        /^Deployment shop has what a cluster writes.*got \["metadata\.creationTimestamp",.*take it out/,
      ),
    ]);
    expect(more.map((it) => it.severity)).toEqual(['warning']);
  });

  test('is told of in folders of manifests as well', async () => {
    const apps = twoReleases();
    new Manifests(apps, 'folder', (scope) => {
      const metadata = { name: 'a', namespace: 'prod', uid: '1' };
      new ApiObject(scope, 'a', { ...configMap('a'), metadata });
    });
    const { manifests } = await apps.render();
    expect(manifests.flatMap((it) => it.warnings).map((it) => [it.id, it.got])).toEqual([
      ['folder', ['metadata.uid']],
    ]);
  });

  test('of what another object makes is refused', async () => {
    const ownerReferences = [{ apiVersion: 'v1', kind: 'A', name: 'a', uid: '1' }];
    const owned = { ...configMap('a'), metadata: { name: 'a', ownerReferences } };
    expect(await mistakesOf(sample({ workload: workload(deployment(), owned) }))).toEqual([
      expect.stringMatching(
        /ConfigMap a belongs to another object.*take metadata\.ownerReferences/,
      ),
    ]);
  });
});

test('a number where text must be is told to be quoted', async () => {
  const env = [{ name: 'PORT', value: 8080 }];
  const made = deployment({
    containers: [{ name: 'main', image: 'shop:1', env, ports: [{ containerPort: 8080 }] }],
  });
  expect(await mistakesOf(sample({ workload: workload(made) }))).toEqual([
    expect.stringMatching(
      /env\/0\/value of Deployment shop-\w+ must be of type string.*got 8080; write it in quotes$/,
    ),
  ]);
});
