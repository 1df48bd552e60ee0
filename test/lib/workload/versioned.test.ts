import { describe, expect, test } from 'vitest';
import type { Json } from '../../../lib/manifest/json.ts';
import { listAt, objectAt } from '../../../lib/manifest/json.ts';
import { render } from '../../../lib/render/render.ts';
import {
  configMap,
  deployment,
  mistakesOf,
  objectIn,
  type SampleObject,
  sample,
  workload,
} from '../sample.ts';

const SECRET: SampleObject = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'keys' },
  stringData: { a: 'b' },
};
const CONFIG = configMap('conf');

async function rendered(podSpec: object, ...more: readonly SampleObject[]) {
  return render(
    sample({
      workload: workload(deployment(podSpec), CONFIG, SECRET, ...more),
      allowLiteralSecrets: true,
    }),
  );
}

async function nameOf(kind: 'configmap' | 'secret'): Promise<string> {
  const { plan } = await rendered({});
  const file = Object.keys(plan.files).find((it) => it.startsWith(kind));
  return plan.files[file ?? '']?.name ?? '';
}

test('the name tells the content, and the object is immutable and shared by both tracks', async () => {
  const it = await rendered({});
  const name = await nameOf('configmap');
  expect(name).toMatch(/^conf-[0-9a-f]{8}$/);
  expect(objectIn(it, '01-canary-up', `configmap-${name}.yaml`).immutable).toBe(true);
  expect(it.plan.files[`configmap-${name}.yaml`]).toMatchObject({ role: 'versioned', asked: true });
  expect(it.plan.files[`secret-${await nameOf('secret')}.yaml`]).toMatchObject({
    role: 'versioned',
    asked: false,
  });
});

test('another content is another name and another candidate; another label is neither', async () => {
  const used = {
    containers: [
      {
        name: 'main',
        image: 'shop:1',
        ports: [{ containerPort: 8080 }],
        envFrom: [{ configMapRef: { name: 'conf' } }],
      },
    ],
  };
  const plan = async (config: SampleObject) =>
    (await render(sample({ workload: workload(deployment(used), config) }))).plan;
  const one = await plan(CONFIG);
  const other = await plan(configMap('conf', { key: 'other' }));
  const labelled = await plan({ ...CONFIG, metadata: { name: 'conf', labels: { a: 'b' } } });
  expect(other.candidate).not.toBe(one.candidate);
  expect(Object.keys(other.files)).not.toEqual(Object.keys(one.files));
  expect([labelled.candidate, Object.keys(labelled.files)]).toEqual([
    one.candidate,
    Object.keys(one.files),
  ]);
});

describe('references in a PodSpec', () => {
  /** Each place with C and S where the names of a ConfigMap and a Secret stand. */
  const places: readonly (readonly [string, object])[] = [
    [
      'env',
      {
        containers: [
          {
            name: 'main',
            image: 'a:1',
            ports: [{ containerPort: 8080 }],
            env: [
              { name: 'A', valueFrom: { configMapKeyRef: { name: 'C', key: 'key' } } },
              { name: 'B', valueFrom: { secretKeyRef: { name: 'S', key: 'a' } } },
              { name: 'LITERAL', value: 'conf' },
            ],
          },
        ],
      },
    ],
    [
      'envFrom',
      {
        containers: [
          {
            name: 'main',
            image: 'a:1',
            envFrom: [{ configMapRef: { name: 'C' } }, { secretRef: { name: 'S' } }],
          },
        ],
      },
    ],
    [
      'initContainers',
      {
        initContainers: [
          { name: 'init', image: 'a:1', envFrom: [{ configMapRef: { name: 'C' } }] },
        ],
      },
    ],
    [
      'volumes',
      {
        volumes: [
          { name: 'v1', configMap: { name: 'C' } },
          { name: 'v2', secret: { secretName: 'S' } },
        ],
      },
    ],
    [
      'projected',
      {
        volumes: [
          {
            name: 'v',
            projected: { sources: [{ configMap: { name: 'C' } }, { secret: { name: 'S' } }] },
          },
        ],
      },
    ],
    [
      'csi',
      {
        volumes: [
          {
            name: 'v',
            csi: {
              driver: 'd',
              nodePublishSecretRef: { name: 'S' },
              volumeAttributes: { share: 'keys', secretName: 'S' },
            },
          },
        ],
      },
    ],
    [
      'drivers',
      {
        volumes: [
          { name: 'v1', azureFile: { secretName: 'S', shareName: 'x' } },
          { name: 'v2', rbd: { image: 'i', monitors: ['m'], secretRef: { name: 'S' } } },
          { name: 'v3', cephfs: { monitors: ['m'], secretRef: { name: 'S' } } },
          { name: 'v4', iscsi: { iqn: 'i', lun: 1, targetPortal: 't', secretRef: { name: 'S' } } },
          { name: 'v5', flexVolume: { driver: 'd', secretRef: { name: 'S' } } },
        ],
      },
    ],
    ['imagePullSecrets', { imagePullSecrets: [{ name: 'S' }, { name: 'conf' }] }],
    [
      'others by the same name',
      {
        serviceAccountName: 'keys',
        volumes: [
          { name: 'conf', persistentVolumeClaim: { claimName: 'conf' } },
          { name: 'keys', secret: { secretName: 'not-ours' } },
        ],
      },
    ],
  ];
  const write = (spec: object, C: string, S: string): Json =>
    JSON.parse(
      JSON.stringify(spec)
        .replaceAll('"C"}', `"${C}"}`)
        .replaceAll('"C",', `"${C}",`)
        .replaceAll('"S"', `"${S}"`),
    );

  test.each(places)('%s', async (_, spec) => {
    const it = await rendered(write(spec, 'conf', 'keys') as object);
    const expected = objectAt(write(spec, await nameOf('configmap'), await nameOf('secret')));
    for (const [step, file] of [
      ['01-canary-up', 'deployment-shop-canary.yaml'],
      ['04-promote', 'deployment-shop-primary.yaml'],
    ] as const)
      expect(objectAt(objectIn(it, step, file), 'spec', 'template', 'spec')).toMatchObject(
        expected,
      );
  });
});

test('a ServiceAccount’s pull secrets are rewritten too', async () => {
  const account = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'shop' },
    imagePullSecrets: [{ name: 'keys' }],
  };
  const it = await rendered({ serviceAccountName: 'shop' }, account);
  expect(
    listAt(objectIn(it, '01-canary-up', 'serviceaccount-shop.yaml'), 'imagePullSecrets'),
  ).toEqual([{ name: await nameOf('secret') }]);
});
describe('a ConfigMap or Secret that keeps its name', () => {
  const kept = (annotations: object, more: object = {}): SampleObject => ({
    ...configMap('conf', { key: 'kept' }),
    metadata: { name: 'conf', annotations },
    ...more,
  });
  const used = {
    containers: [{ name: 'main', image: 'shop:1', envFrom: [{ configMapRef: { name: 'conf' } }] }],
  };
  const of = (object: SampleObject) =>
    sample({ workload: workload(deployment(used), object), service: { port: 80 } });

  test.each([{ 'perch/hashed': 'false' }, { 'flagger.app/config-tracking': 'disabled' }])(
    'is configuration and no part of the candidate: %j',
    async (annotations) => {
      const it = await render(of(kept(annotations)));
      expect(it.plan.files['configmap-conf.yaml']).toMatchObject({ role: 'configuration' });
      expect(objectIn(it, '01-canary-up', 'configmap-conf.yaml').immutable).toBeUndefined();
      const other = await render(of(kept(annotations, { data: { key: 'other' } })));
      expect(other.plan.candidate).toBe(it.plan.candidate);
    },
  );

  test('a Secret that does is neither asked for nor excused from what Secrets may hold', async () => {
    const secret = {
      ...SECRET,
      metadata: { name: 'keys', annotations: { 'perch/hashed': 'false' } },
    };
    const release = (allowLiteralSecrets: boolean) =>
      sample({ workload: workload(deployment(), secret), allowLiteralSecrets });
    const { plan } = await render(release(true));
    expect(plan.files['secret-keys.yaml']).toMatchObject({ role: 'configuration', asked: false });
    expect(await mistakesOf(release(false))).toEqual([
      expect.stringContaining('Secret keys has values that would be readable in Git'),
    ]);
  });

  test.each<[string, SampleObject, string]>([
    [
      'another text',
      kept({ 'perch/hashed': 'no' }),
      'perch/hashed of ConfigMap conf is not true or false',
    ],
    [
      'a content that cannot change',
      kept({ 'perch/hashed': 'false' }, { immutable: true }),
      'ConfigMap conf keeps its name and is immutable: a cluster would refuse its next change',
    ],
    [
      'another kind',
      {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'shop', annotations: { 'perch/hashed': 'false' } },
      },
      'perch/hashed of ServiceAccount shop has no effect: only ConfigMaps and Secrets get a hash',
    ],
    [
      'a SealedSecret that gets a hash all the same',
      {
        apiVersion: 'bitnami.com/v1alpha1',
        kind: 'SealedSecret',
        metadata: {
          name: 'keys',
          annotations: {
            'perch/hashed': 'false',
            'sealedsecrets.bitnami.com/namespace-wide': 'true',
          },
        },
        spec: { encryptedData: { a: 'AgBy' } },
      },
      'whether a name can carry a hash, got "false"; seal it with strict scope',
    ],
  ])('what is wrong with it: %s', async (_, object, problem) => {
    expect(await mistakesOf(of(object))).toEqual([expect.stringContaining(problem)]);
  });
});
