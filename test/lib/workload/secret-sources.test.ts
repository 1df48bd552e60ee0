import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Rendered, render, verbatim } from '../../../lib/index.ts';
import { objectAt } from '../../../lib/manifest/json.ts';
import { temporaryFolder } from '../../cleanups.ts';
import { configMap, deployment, objectIn, type SampleObject, sample, workload } from '../sample.ts';

const SCOPE = 'sealedsecrets.bitnami.com';

function sealed(
  annotations: object = {},
  value = 'x',
  ofSecret: object = { annotations: {} },
): SampleObject {
  return {
    apiVersion: 'bitnami.com/v1alpha1',
    kind: 'SealedSecret',
    metadata: { name: 'keys', annotations },
    spec: {
      encryptedData: { a: value },
      template: { metadata: { name: 'keys', ...ofSecret } },
    },
  };
}

function external(target?: object, key = 'x', metadata: object = {}): SampleObject {
  return {
    apiVersion: 'external-secrets.io/v1',
    kind: 'ExternalSecret',
    metadata: { name: 'keys', ...metadata },
    spec: {
      ...(target === undefined ? {} : { target }),
      data: [{ secretKey: 'a', remoteRef: { key } }],
    },
  };
}

const WIDE = { [`${SCOPE}/namespace-wide`]: 'true' };

async function rendered(...objects: readonly SampleObject[]): Promise<Rendered> {
  const envFrom = [{ secretRef: { name: 'keys' } }, { secretRef: { name: 'login' } }];
  const container = { name: 'main', image: 'a:1', ports: [{ containerPort: 8080 }], envFrom };
  return render(
    sample({
      workload: workload(
        deployment({ containers: [container], imagePullSecrets: [{ name: 'keys' }] }),
        ...objects,
      ),
      allowKinds: ['external-secrets.io/ExternalSecret'],
    }),
  );
}

function inFirstStep(it: Rendered, kind: string) {
  const [file = '', info] =
    Object.entries(it.plan.files).find(([, one]) => one.kind === kind) ?? [];
  return { role: info?.role, object: objectIn(it, '01-canary-up', file) };
}

/** What the canary's pods and the primary's name. */
function readIn(it: Rendered): readonly string[] {
  const [one, other] = [
    ['01-canary-up', 'deployment-shop-canary.yaml'],
    ['04-promote', 'deployment-shop-primary.yaml'],
  ].map(([step = '', file = '']) =>
    JSON.stringify(objectAt(objectIn(it, step, file), 'spec', 'template', 'spec')),
  );
  expect(one).toBe(other);
  return [...(one ?? '').matchAll(/"(?:secretRef|imagePullSecrets)":\[?\{"name":"([^"]+)"/g)].map(
    ([, name = '']) => name,
  );
}

describe('what can carry a version has the content in its name', () => {
  test.each(['namespace-wide', 'cluster-wide'])('a SealedSecret that is %s', async (scope) => {
    const it = await rendered(sealed({ [`${SCOPE}/${scope}`]: 'true' }));
    const { role, object } = inFirstStep(it, 'SealedSecret');
    const { name } = object.metadata;
    expect(name).toMatch(/^keys-[0-9a-f]{8}$/);
    expect(role).toBe('versioned');
    expect(objectAt(object, 'spec', 'template', 'metadata').name).toBe(name);
    expect(readIn(it)).toEqual([name, 'login', name]);
  });

  test('an ExternalSecret, whose Secret has its name', async () => {
    const it = await rendered(external());
    const { role, object } = inFirstStep(it, 'ExternalSecret');
    expect(object.metadata.name).toMatch(/^keys-[0-9a-f]{8}$/);
    expect(role).toBe('versioned');
    expect(objectAt(object, 'spec').target).toBeUndefined();
    expect(readIn(it)).toEqual([object.metadata.name, 'login', object.metadata.name]);
  });

  test('an ExternalSecret and its Secret of another name', async () => {
    const it = await rendered(external({ name: 'login', creationPolicy: 'Owner' }));
    const { object } = inFirstStep(it, 'ExternalSecret');
    const target = objectAt(object, 'spec', 'target');
    expect(target.name).toMatch(/^login-[0-9a-f]{8}$/);
    expect(object.metadata.name).toBe(String(target.name).replace('login', 'keys'));
    expect(readIn(it)).toEqual(['keys', target.name, 'keys']);
  });

  test('a template is told by the content of the ConfigMap that it is made from', async () => {
    const templateFrom = [{ configMap: { name: 'conf', items: [{ key: 'key' }] } }];
    const of = async (value: string) => {
      const config = configMap('conf', { key: value });
      const it = await rendered(external({ template: { templateFrom } }), config);
      const { object } = inFirstStep(it, 'ExternalSecret');
      expect(JSON.stringify(object.spec)).toContain(
        `"name":"${inFirstStep(it, 'ConfigMap').object.metadata.name}"`,
      );
      return object.metadata.name;
    };
    expect(await of('one')).not.toBe(await of('two'));
  });
});

describe('what cannot carry a version keeps its name', () => {
  test.each<[string, SampleObject]>([
    ['a SealedSecret of strict scope', sealed()],
    ['a SealedSecret whose scope says no', sealed({ [`${SCOPE}/namespace-wide`]: 'false' })],
    [
      'a SealedSecret whose Secret stays when it goes',
      sealed(WIDE, 'x', { annotations: { [`${SCOPE}/skip-set-owner-references`]: 'true' } }),
    ],
    ['an ExternalSecret that leaves its Secret behind', external({ creationPolicy: 'Orphan' })],
    ['one that writes into another’s', external({ name: 'login', creationPolicy: 'Merge' })],
    ['one that makes no Secret', external({ creationPolicy: 'None' })],
    [
      'one that makes another kind',
      external({ manifest: { apiVersion: 'v1', kind: 'ConfigMap' } }),
    ],
  ])('%s', async (_, source) => {
    const it = await rendered(source);
    const { role, object } = inFirstStep(it, source.kind);
    expect([role, object.metadata.name]).toEqual(['configuration', 'keys']);
    expect(objectAt(object, 'spec')).toEqual(source.spec);
    expect(readIn(it)).toEqual(['keys', 'login', 'keys']);
  });

  test('what is merged into a Secret of the workload follows that', async () => {
    const other = { ...sealed(WIDE), metadata: { name: 'login', annotations: WIDE } };
    const it = await rendered(external({ name: 'login', creationPolicy: 'Merge' }), other);
    const { object } = inFirstStep(it, 'ExternalSecret');
    expect(objectAt(object, 'spec', 'target').name).toBe(
      inFirstStep(it, 'SealedSecret').object.metadata.name,
    );
  });
});

describe('the candidate', () => {
  const candidateOf = async (...objects: readonly SampleObject[]) =>
    (await rendered(...objects)).plan.candidate;

  test.each<[string, (value: string) => SampleObject]>([
    ['a strict SealedSecret', (it) => sealed({}, it)],
    ['a SealedSecret of any name', (it) => sealed(WIDE, it)],
    ['an ExternalSecret', (it) => external(undefined, it)],
    [
      'an ExternalSecret that leaves its Secret behind',
      (it) => external({ creationPolicy: 'Orphan' }, it),
    ],
    ['one whose Secret no pod names', (it) => external({ name: 'tls' }, it)],
  ])('is another one when %s changes', async (_, of) => {
    const one = await candidateOf(of('one'));
    expect(await candidateOf(of('two'))).not.toBe(one);
    expect(await candidateOf(of('one'))).toBe(one);
  });

  test('stays when labels and annotations of such an object change', async () => {
    const one = await candidateOf(external());
    expect(await candidateOf(external(undefined, 'x', { annotations: { note: 'b' } }))).toBe(one);
  });

  test('is another one when a verbatim file changes, and the primary’s pods start anew for it', async () => {
    const folder = temporaryFolder();
    const of = async (value: string) => {
      const path = join(folder, 'keys.yaml');
      writeFileSync(
        path,
        `{apiVersion: v1, kind: Secret, metadata: {name: keys, namespace: prod}, stringData: {a: "${value}"}}`,
      );
      const it = await render(sample({ verbatim: [verbatim(path)] }));
      const primary = objectIn(it, '04-promote', 'deployment-shop-primary.yaml');
      const annotations = objectAt(primary, 'spec', 'template', 'metadata', 'annotations');
      return { candidate: it.plan.candidate, mark: annotations['perch/secrets'] };
    };
    const [one, two, again] = [await of('one'), await of('two'), await of('one')];
    expect(two.candidate).not.toBe(one.candidate);
    expect(two.mark).not.toBe(one.mark);
    expect(one.mark).toMatch(/^[0-9a-f]{10}$/);
    expect(again).toEqual(one);
  });

  test('is what it was without any of them', async () => {
    expect(await candidateOf()).toBe('4ff6bd3c2c');
  });
});
