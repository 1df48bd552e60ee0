import { expect, test } from 'vitest';
import { fileNames } from '../../../lib/manifest/file-names.ts';

function object(apiVersion: string, kind: string, name: string) {
  return { apiVersion, kind, metadata: { name } };
}

test('kind and name, in lower case', () => {
  const it = object('networking.istio.io/v1', 'VirtualService', 'shop.example.com');
  expect(fileNames([it])(it)).toBe('virtualservice-shop.example.com.yaml');
});

test('the group where two kinds of one name occur, whatever the objects are called', () => {
  const istio = object('networking.istio.io/v1', 'Gateway', 'a');
  const gatewayApi = object('gateway.networking.k8s.io/v1', 'Gateway', 'b');
  const core = object('v1', 'Service', 'a');
  const knative = object('serving.knative.dev/v1', 'Service', 'a');
  const name = fileNames([istio, gatewayApi, core, knative]);
  expect([istio, gatewayApi, core, knative].map(name)).toEqual([
    'gateway.networking.istio.io-a.yaml',
    'gateway.gateway.networking.k8s.io-b.yaml',
    'service-a.yaml',
    'service.serving.knative.dev-a.yaml',
  ]);
});

test('two versions of one kind are one kind', () => {
  const name = fileNames([object('a.b/v1', 'Thing', 'x'), object('a.b/v2', 'Thing', 'y')]);
  expect(name(object('a.b/v1', 'Thing', 'x'))).toBe('thing-x.yaml');
});

test('characters that a file had better not hold', () => {
  const it = object('rbac.authorization.k8s.io/v1', 'Role', 'system:a/../b');
  expect(fileNames([it])(it)).toBe('role-system_a_.._b.yaml');
});

test('a name that no file could have is cut, and told apart from others like it', () => {
  const [one, other] = ['a', 'b'].map((it) => object('v1', 'ConfigMap', `${'x'.repeat(252)}${it}`));
  if (one === undefined || other === undefined) throw new Error('there are two');
  const name = fileNames([one, other]);
  expect(name(one)).toMatch(/^configmap-x+-[0-9a-f]{8}\.yaml$/);
  expect(name(one)).toHaveLength(255);
  expect(name(one)).not.toBe(name(other));
});
