import { expect, test } from 'vitest';
import { mistakeText } from '../../../lib/mistake.ts';
import { validate } from '../../../lib/validation/validate.ts';

async function of(
  ...objects: readonly {
    apiVersion: string;
    kind: string;
    metadata: { name: string };
    [key: string]: unknown;
  }[]
) {
  const found = await validate(
    objects.map((it) => ({ path: 'shop/x', object: JSON.parse(JSON.stringify(it)) })),
  );
  return found.map(mistakeText);
}

function deployment(name: string, container: object, more: object = {}) {
  const labels = { app: 'a' };
  const template = { metadata: { labels }, spec: { containers: [container], ...more } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { selector: { matchLabels: labels }, template },
  };
}

test('a mistake that both tracks repeat is told once', async () => {
  const wrong = { name: 'a', image: 'b', nope: 1 };
  expect(await of(deployment('shop-primary', wrong), deployment('shop-canary', wrong))).toEqual([
    'shop/x: /spec/template/spec/containers/0/nope of Deployment shop-primary is a field that the API does not know, got 1; ' +
      'correct it; `kubectl explain deployment` lists the fields',
  ]);
});

test('a kind of a foreign group is judged by its name and labels alone', async () => {
  expect(
    await of({
      apiVersion: 'example.com/v1',
      kind: 'Thing',
      metadata: { name: 'a' },
      anything: { goes: [1] },
    }),
  ).toEqual([]);
  expect(
    await of({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'A b' } }),
  ).toEqual([
    'shop/x: metadata.name of Thing must be a DNS name, got "A b"; use lower-case letters, digits, dashes and dots',
  ]);
});

test('what the API server checks beyond its schemas', async () => {
  const one = { name: 'a', image: 'b', volumeMounts: [{ name: 'v', mountPath: '/v' }] };
  const more = { initContainers: [{ name: 'a' }] };
  expect(await of(deployment('a', one, more))).toEqual([
    'shop/x: a container has no image, got "a"; give it one',
    'shop/x: two containers have one name, got "a"; rename one of them',
    'shop/x: a volumeMount names no volume, got "v"; add the volume to the pod',
  ]);
  const hpa = (minReplicas: number) => ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'a' },
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'a' }, minReplicas, maxReplicas: 3 },
  });
  expect(await of(hpa(3))).toEqual([]);
  expect(await of(hpa(0))).toEqual(['shop/x: HPA a has minReplicas below 1, got 0; use 1 or more']);
  expect(await of(hpa(4))).toEqual([
    'shop/x: HPA a has minReplicas over maxReplicas, got "4 over 3"; raise maxReplicas or lower minReplicas',
  ]);
});

test('labels that are not allowed', async () => {
  const labels = { 'a b': 'x', ok: '-', 'c/d/e': 'x', fine: '' };
  expect(
    await of({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', labels } as { name: string },
    }),
  ).toEqual([
    expect.stringContaining('label key is not allowed, got "a b"'),
    expect.stringContaining('label ok has a value that is not allowed, got "-"'),
    expect.stringContaining('label key is not allowed, got "c/d/e"'),
  ]);
});
