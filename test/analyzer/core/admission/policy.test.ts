import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import {
  type BlobText,
  manifestBlobs,
  planFaults,
} from '../../../../analyzer/core/admission/policy.ts';
import type { PlanTree } from '../../../../analyzer/core/position.ts';
import type { FileInfo } from '../../../../lib/plan/plan.ts';
import { kindFault, policyWith } from '../../../../lib/plan/policy.ts';
import { blobs, sha, V1 } from '../fixture.ts';

function texts(more: Readonly<Record<string, string>> = {}): ReadonlyMap<string, BlobText> {
  const all = [...blobs, ...Object.entries(more)];
  return new Map(all.map(([oid, text]) => [oid, { kind: 'text', text }]));
}

/** V1 with one file more in its last step, whose plan.yaml says that it holds `info`. */
function withFile(text: string, info: Partial<FileInfo> = {}): readonly string[] {
  const stated: FileInfo = {
    role: 'configuration',
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'test',
    name: 'more',
    asked: false,
    ...info,
  };
  return faults(withPath('more.yaml', stated), { [sha('more')]: text });
}

function withPath(name: string, info: FileInfo): PlanTree {
  const steps = V1.plan.steps.map((it, index) =>
    index === V1.plan.steps.length - 1 ? { ...it, files: [...it.files, name] } : it,
  );
  const path = `steps/${steps.at(-1)?.name}/${name}`;
  return {
    ...V1,
    plan: { ...V1.plan, steps, files: { ...V1.plan.files, [name]: info } },
    blobs: new Map([...V1.blobs, [path, sha('more')]]),
  };
}

function faults(tree: PlanTree, more: Readonly<Record<string, string>> = {}, kinds: string[] = []) {
  return planFaults('app', tree, texts(more), policyWith(kinds));
}

function object(more: Readonly<Record<string, unknown>> = {}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'more', namespace: 'test' },
    ...more,
  });
}

const INFO: FileInfo = {
  role: 'configuration',
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: 'test',
  name: 'more',
  asked: false,
};

test('a plan as synth makes it is not refused', () => {
  expect(faults(V1)).toEqual([]);
  expect(faults(withPath('workload/more.yaml', INFO), { [sha('more')]: object() })).toEqual([]);
  expect(withFile(object())).toEqual([]);
  expect(manifestBlobs(V1).length).toBeGreaterThan(5);
});

describe('what a file really holds counts, and not what plan.yaml claims', () => {
  const rbac = 'rbac.authorization.k8s.io/v1';
  test.each<[string, string, Partial<FileInfo>, RegExp]>([
    [
      'a ClusterRole behind a ConfigMap',
      object({ kind: 'ClusterRole', apiVersion: rbac }),
      {},
      /more\.yaml holds ClusterRole more .*belongs to no namespace: take it out/,
    ],
    [
      'a RoleBinding behind a ConfigMap',
      object({ kind: 'RoleBinding', apiVersion: rbac }),
      {},
      /holds RoleBinding more .*--allow-kind rbac\.authorization\.k8s\.io\/RoleBinding/,
    ],
    [
      'a Kustomization of Flux',
      object({ kind: 'Kustomization', apiVersion: 'kustomize.toolkit.fluxcd.io/v1' }),
      {},
      /holds Kustomization more .*may not hold/,
    ],
    [
      'an Application of Argo CD',
      object({ kind: 'Application', apiVersion: 'argoproj.io/v1alpha1' }),
      {},
      /holds Application/,
    ],
    [
      'a kind of the same name in another group',
      object({ kind: 'Deployment', apiVersion: 'evil.example.com/v1' }),
      {},
      /--allow-kind evil\.example\.com\/Deployment/,
    ],
    [
      'another namespace',
      object({ metadata: { name: 'more', namespace: 'kube-system' } }),
      {},
      /in namespace kube-system, and the release is in test/,
    ],
    [
      'another namespace, as plan.yaml says',
      object({ metadata: { name: 'more', namespace: 'other' } }),
      { namespace: 'other' },
      /in namespace other/,
    ],
    [
      'no namespace',
      object({ metadata: { name: 'more' } }),
      { namespace: undefined },
      /without a namespace/,
    ],
    [
      'another name',
      object({ metadata: { name: 'less', namespace: 'test' } }),
      {},
      /holds ConfigMap test\/less \(v1\), and plan\.yaml says ConfigMap test\/more \(v1\)/,
    ],
    [
      'another version',
      object({ apiVersion: 'v2' }),
      {},
      /--allow-kind core\/ConfigMap|plan\.yaml says/,
    ],
    ['two documents', `${object()}---\n${object({ kind: 'Role' })}`, {}, /more than one document/],
    [
      'a token Secret',
      object({ kind: 'Secret', type: 'kubernetes.io/service-account-token' }),
      { kind: 'Secret' },
      /Secret more of type kubernetes\.io\/service-account-token/,
    ],
    [
      'a Secret whose type is encrypted',
      object({ kind: 'Secret', type: 'ENC[AES256_GCM,data:x]' }),
      { kind: 'Secret' },
      /cannot be read/,
    ],
    [
      'a SealedSecret that becomes a token',
      object({
        kind: 'SealedSecret',
        apiVersion: 'bitnami.com/v1',
        spec: { template: { type: 'kubernetes.io/service-account-token' } },
      }),
      { kind: 'SealedSecret', apiVersion: 'bitnami.com/v1' },
      /SealedSecret more of type/,
    ],
    [
      'a Service that takes addresses',
      object({ kind: 'Service', spec: { externalIPs: ['192.0.2.1'] } }),
      { kind: 'Service' },
      /externalIPs/,
    ],
    [
      'an object that the sync tool leaves out',
      object({
        metadata: {
          name: 'more',
          namespace: 'test',
          annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' },
        },
      }),
      {},
      /with the annotation kustomize\.toolkit\.fluxcd\.io\/reconcile: disabled, so that Flux never applies it/,
    ],
    [
      'a Secret to be read from the cluster',
      object({ kind: 'Secret' }),
      { kind: 'Secret', asked: true },
      /wants Secret more to be read/,
    ],
  ])('%s', (_, text, info, expected) => {
    const found = withFile(text, info);
    expect(found[0]).toMatch(expected);
    expect(found[0]).toMatch(/^dist\/app\//);
  });

  test('an ExternalSecret is refused, where its kind is allowed, for what it makes', () => {
    const of = { apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret' };
    const found = (target: object) =>
      faults(
        withPath('more.yaml', { ...INFO, ...of }),
        { [sha('more')]: object({ ...of, spec: { target } }) },
        ['external-secrets.io/ExternalSecret'],
      );
    expect(found({ name: 'more', template: { type: 'Opaque' } })).toEqual([]);
    expect(found({ manifest: { apiVersion: 'v1', kind: 'ConfigMap' } })).toEqual([]);
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' };
    expect(found({ manifest: role })).toEqual([
      expect.stringContaining('makes a RoleBinding of rbac.authorization.k8s.io/v1'),
    ]);
    expect(found({ template: { type: 'bootstrap.kubernetes.io/token' } })).toEqual([
      expect.stringContaining('ExternalSecret more of type bootstrap.kubernetes.io/token'),
    ]);
  });

  test('a blob that could not be read is refused', () => {
    const tree = withPath('more.yaml', INFO);
    const all = new Map([
      ...texts(),
      [sha('more'), { kind: 'unreadable', reason: 'too long' }] as const,
    ]);
    expect(planFaults('app', tree, all, policyWith())).toEqual([
      expect.stringMatching(/more\.yaml cannot be read: too long$/),
    ]);
    expect(faults(tree)).toEqual([expect.stringMatching(/cannot be read: it was not read$/)]);
  });

  test('the same bytes under two names are two files', () => {
    const tree = withPath('other.yaml', { ...INFO, name: 'other' });
    const one = withPath('more.yaml', INFO);
    const both: PlanTree = {
      ...tree,
      plan: {
        ...tree.plan,
        files: { ...tree.plan.files, ...one.plan.files },
        steps: tree.plan.steps.map((it, at) => ({
          ...it,
          files: [...new Set([...(one.plan.steps[at]?.files ?? []), ...it.files])],
        })),
      },
      blobs: new Map([...one.blobs, ...tree.blobs]),
    };
    expect(faults(both, { [sha('more')]: object() })).toEqual([
      expect.stringMatching(/other\.yaml holds ConfigMap test\/more .*says ConfigMap test\/other/),
    ]);
  });
});

describe('a tree with more or less than its steps', () => {
  const at = (path: string, oid: string): PlanTree => ({
    ...V1,
    blobs: new Map([...V1.blobs, [path, oid]]),
  });
  test.each<[string, PlanTree, RegExp]>([
    [
      'a file beside the steps',
      at('extra.yaml', sha('x')),
      /dist\/app\/extra\.yaml belongs to no step/,
    ],
    [
      'a file in a step that does not name it',
      at('steps/00-init/extra.yaml', sha('x')),
      /belongs to no step/,
    ],
    [
      'a step that plan.yaml lacks',
      at('steps/99-late/service-app.yaml', sha('x')),
      /belongs to no step/,
    ],
    [
      'a name with a line break',
      at('steps/00-init/a\nb', sha('x')),
      /^dist\/app\/steps\/00-init\/a b belongs/,
    ],
    ['a symbolic link', at('link', `120000:${sha('x')}`), /symbolic link or a submodule/],
    ['a submodule', at('steps/00-init/sub', `160000:${sha('x')}`), /symbolic link or a submodule/],
    [
      'a link in place of a file',
      {
        ...V1,
        blobs: new Map(
          [...V1.blobs].map(([path, oid], index) => [path, index === 0 ? `120000:${oid}` : oid]),
        ),
      },
      /symbolic link/,
    ],
    [
      'a file that is missing',
      { ...V1, blobs: new Map([...V1.blobs].slice(1)) },
      /is missing: run/,
    ],
    [
      'a file that renders a folder',
      withPath('kustomization.yaml', INFO),
      /takes for something else/,
    ],
    ['a Helm chart', withPath('Chart.yaml', INFO), /takes for something else/],
    [
      'a kustomization in the folder of one root',
      withPath('mesh/kustomization.yaml', INFO),
      /takes for something else/,
    ],
    ['a program', withPath('more.jsonnet', INFO), /takes for something else/],
    [
      'a description of a file that no step holds',
      { ...V1, plan: { ...V1.plan, files: { ...V1.plan.files, 'x.yaml': INFO } } },
      /describes x\.yaml, which no step holds/,
    ],
    [
      'the plan of another release',
      { ...V1, plan: { ...V1.plan, release: 'web' } },
      /is the plan of release web/,
    ],
    [
      'a namespace of Kubernetes itself',
      { ...V1, plan: { ...V1.plan, namespace: 'kube-system' } },
      /belongs to Kubernetes itself/,
    ],
  ])('%s', (_, tree, expected) => {
    expect(faults(tree, { [sha('more')]: object() })[0]).toMatch(expected);
  });

  test('a hostile plan with everything wrong gets some reasons, not thousands', () => {
    const many = Array.from({ length: 5000 }, (_, it) => [`x${it}`, sha('x')] as const);
    expect(faults({ ...V1, blobs: new Map([...V1.blobs, ...many]) })).toHaveLength(5);
  });
});

describe('kinds that are allowed besides', () => {
  const role = object({ kind: 'Role', apiVersion: 'rbac.authorization.k8s.io/v1' });
  const info = { ...INFO, kind: 'Role', apiVersion: 'rbac.authorization.k8s.io/v1' };

  test('pass, in their own group', () => {
    const tree = withPath('more.yaml', info);
    expect(faults(tree, { [sha('more')]: role })).toHaveLength(1);
    expect(faults(tree, { [sha('more')]: role }, ['rbac.authorization.k8s.io/Role'])).toEqual([]);
    expect(faults(tree, { [sha('more')]: role }, ['core/Role'])).toHaveLength(1);
  });

  test.each(['rbac.authorization.k8s.io/Role', 'core/Endpoints', 'example.com/Thing'])(
    '%s can be',
    (kind) => expect(kindFault(kind)).toBeUndefined(),
  );

  test.each([
    ['Role', /expected group\/Kind/],
    ['a/b/C', /expected group\/Kind/],
    ['*/*', /expected group\/Kind/],
    ['rbac.authorization.k8s.io/ClusterRole', /no namespace/],
    ['core/Namespace', /no namespace/],
    ['cert-manager.io/ClusterIssuer', /no namespace/],
    ['apiextensions.k8s.io/CustomResourceDefinition', /no namespace/],
  ])('%s cannot', (kind, expected) => expect(kindFault(kind)).toMatch(expected));
});

describe('the baseline of the next rollout', () => {
  const path = 'as-stable/baseline/more.yaml';
  const withBaseline = (blobs: readonly (readonly [string, string])[]): PlanTree => ({
    ...V1,
    plan: { ...V1.plan, baseline: ['more.yaml'], files: { ...V1.plan.files, 'more.yaml': INFO } },
    blobs: new Map([...V1.blobs, ...blobs]),
  });

  test('is judged as any file of a step', () => {
    const tree = withBaseline([[path, sha('more')]]);
    expect(faults(tree, { [sha('more')]: object() })).toEqual([]);
    expect(manifestBlobs(tree)).toContain(sha('more'));
    expect(faults(tree, { [sha('more')]: object({ kind: 'Pod' }) })).toEqual([
      expect.stringMatching(/^dist\/app\/as-stable\/baseline\/more\.yaml holds Pod more/),
    ]);
  });

  test('must be there, and nothing beside it', () => {
    expect(faults(withBaseline([]))).toEqual([
      expect.stringMatching(/as-stable\/baseline\/more\.yaml is missing/),
    ]);
    const other = withBaseline([
      [path, sha('more')],
      ['as-stable/baseline/extra.yaml', sha('x')],
    ]);
    expect(faults(other, { [sha('more')]: object() })).toEqual([
      expect.stringMatching(/as-stable\/baseline\/extra\.yaml belongs to no step/),
    ]);
  });
});

test.each(['apps/DaemonSet', 'apps/StatefulSet', 'batch/Job', 'keda.sh/ScaledObject'])(
  'every release may hold %s',
  (kind) => {
    const [group = '', name = ''] = kind.split('/');
    const text = object({ apiVersion: `${group}/v1`, kind: name });
    expect(withFile(text, { apiVersion: `${group}/v1`, kind: name })).toEqual([]);
  },
);

test('a Service with an empty list of externalIPs, as cdk8s-plus writes it, is not refused', () => {
  const text = object({ kind: 'Service', spec: { externalIPs: [] } });
  expect(withFile(text, { kind: 'Service' })).toEqual([]);
});
