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

test('where the type is wrong, no rule says it again', async () => {
  const ports = [{ containerPort: '80', name: 80 }];
  expect(await of(deployment('a', { name: 'a', image: 'b', ports }))).toEqual([
    expect.stringContaining('/spec/template/spec/containers/0/ports/0/containerPort'),
    expect.stringContaining('/spec/template/spec/containers/0/ports/0/name'),
  ]);
});

test('a value of a Secret is never shown', async () => {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } };
  const found = [
    ...(await of({ ...secret, data: { password: 'hunter2!' } })),
    ...(await of({
      ...secret,
      type: 'kubernetes.io/dockercfg',
      stringData: { '.dockercfg': 'hunter2!' },
    })),
  ];
  expect(found).toHaveLength(2);
  expect(found.join()).not.toContain('hunter2');
});

test('a kind of a foreign group is judged by its metadata alone', async () => {
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
    'shop/x: /metadata/name of Thing A b must be a DNS name, got "A b"; use at most 253 lower-case letters, digits, dashes and dots',
  ]);
});
