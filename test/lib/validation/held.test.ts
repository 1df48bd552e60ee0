import { describe, expect, test } from 'vitest';
import { RELEASE_KINDS } from '../../../lib/plan/policy.ts';
import type { ReleaseProps } from '../../../lib/release/release-props.ts';
import { deployment, mistakesOf, type SampleObject, sample, workload } from '../sample.ts';

const told = (object: SampleObject, props: Partial<ReleaseProps> = {}) =>
  mistakesOf(sample({ workload: workload(deployment(), object), ...props }));

const external: SampleObject = {
  apiVersion: 'external-secrets.io/v1',
  kind: 'ExternalSecret',
  metadata: { name: 'shop' },
};
const KEY = 'external-secrets.io/ExternalSecret';

describe('what the analyzer’s admission would refuse, synth refuses with the same words', () => {
  test('a kind that releases may not hold', async () => {
    expect(RELEASE_KINDS).not.toContain(KEY);
    expect(await told(external)).toEqual([
      'shop/object-1: the release holds ExternalSecret shop (external-secrets.io/v1), a kind that releases may not hold; ' +
        `take it out of the release and manage it elsewhere, or allow it with \`allowKinds: ['${KEY}']\` here and with --allow-kind ${KEY} at the analyzer`,
    ]);
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', rules: [] };
    expect(await told({ ...role, metadata: { name: 'shop' } })).toEqual([
      expect.stringContaining('holds Role shop (rbac.authorization.k8s.io/v1), a kind that'),
    ]);
  });

  test('a kind that begins with Cluster', async () => {
    const issuer = { ...external, kind: 'ClusterThing' };
    expect(await told(issuer, { allowKinds: ['external-secrets.io/ClusterThing'] })).toEqual(
      expect.arrayContaining([
        expect.stringContaining('which belongs to no namespace; take it out of the release'),
      ]),
    );
  });

  test('a Secret for a token', async () => {
    const type = 'kubernetes.io/service-account-token';
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'token' }, type };
    expect(await told(secret)).toEqual([
      expect.stringContaining(
        `the release holds Secret token of type ${type}; a Secret for a token`,
      ),
    ]);
  });

  test('a namespace of Kubernetes itself', async () => {
    expect(await mistakesOf(sample({ namespace: 'kube-system' }))).toEqual([
      'shop: the release is for namespace kube-system, which belongs to Kubernetes itself; use another',
    ]);
  });
});

describe('what the author has allowed at the analyzer', () => {
  test('is allowed at synth with allowKinds', async () => {
    expect(await told(external, { allowKinds: [KEY] })).toEqual([]);
  });

  test.each([
    ['ExternalSecret', 'expected group/Kind'],
    ['rbac.authorization.k8s.io/ClusterRole', 'it belongs to no namespace'],
  ])('and %s cannot be', async (kind, why) => {
    expect(await mistakesOf(sample({ allowKinds: [kind] }))).toEqual([
      expect.stringContaining(`shop: allowKinds[0] cannot be allowed: ${why}`),
    ]);
  });
});

test('a misspelt kind is told as that alone', async () => {
  expect(await told({ apiVersion: 'v1', kind: 'Servise', metadata: { name: 'a' } })).toEqual([
    expect.stringContaining('has no such kind'),
  ]);
});
