import { describe, expect, test } from 'vitest';
import { include } from '../../../lib/index.ts';
import { heldObject } from '../../../lib/manifest/manifest.ts';
import { directiveRefusal } from '../../../lib/plan/directives.ts';
import { configMap, deployment, mistakesOf, sample, workload } from '../sample.ts';

function refusal(kind: string, metadata: object): string | undefined {
  const found = directiveRefusal(
    heldObject({ apiVersion: 'v1', kind, metadata: { name: 'a', ...metadata } }),
  );
  return found && `${found.problem}; ${found.remedy}`;
}

describe('a directive with which no step would be live is refused', () => {
  test.each([
    ['kustomize.toolkit.fluxcd.io/reconcile', 'disabled', /Flux never applies it; take the/],
    ['kustomize.toolkit.fluxcd.io/ssa', 'Ignore', /Flux never applies it/],
    ['kustomize.toolkit.fluxcd.io/ssa', 'ignore', /Flux never applies it/],
    ['kustomize.toolkit.fluxcd.io/ssa', 'IfNotPresent', /applies it once, and no change of it/],
    ['kustomize.toolkit.fluxcd.io/prune', 'disabled', /Flux never takes it away/],
    ['argocd.argoproj.io/hook', 'PreSync', /takes it for a hook.*`skipHooks` of helm/],
    ['argocd.argoproj.io/hook', 'Skip', /leaves it out/],
    ['argocd.argoproj.io/sync-options', 'Validate=false, Prune=false', /does not take it away/],
    ['argocd.argoproj.io/sync-options', 'Prune=confirm', /does not take it away/],
    ['argocd.argoproj.io/compare-options', 'IgnoreExtraneous', /does not see that/],
    ['helm.sh/hook', 'pre-install,pre-upgrade', /takes it for a hook/],
    ['helm.sh/hook', 'test', /only `helm test` runs.*skipTests: true/],
    ['config.kubernetes.io/local-config', 'true', /kustomize leaves it out/],
  ])('%s: %s', (key, value, expected) => {
    const told = refusal('ConfigMap', { annotations: { [key]: value } });
    expect(told).toMatch(expected);
    expect(told).toContain(`holds ConfigMap a with the annotation ${key}: ${value}, so that `);
  });

  test('in labels as well, which Flux reads', () => {
    const labels = { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' };
    expect(refusal('ConfigMap', { labels })).toMatch(
      /with the label kustomize.*take the label away/,
    );
  });
});

describe('one that is harmless stays', () => {
  test.each([
    ['kustomize.toolkit.fluxcd.io/reconcile', 'enabled'],
    ['kustomize.toolkit.fluxcd.io/ssa', 'Merge'],
    ['kustomize.toolkit.fluxcd.io/force', 'enabled'],
    ['argocd.argoproj.io/sync-wave', '-1'],
    ['argocd.argoproj.io/sync-options', 'ServerSideApply=true,Delete=false,PruneLast=true'],
    ['argocd.argoproj.io/compare-options', 'ServerSideDiff=true'],
    ['argocd.argoproj.io/hook-delete-policy', 'HookSucceeded'],
    ['helm.sh/hook-weight', '1'],
    ['helm.sh/hook', 'crd-install'],
    ['helm.sh/resource-policy', 'keep'],
    ['config.kubernetes.io/function', 'container: {}'],
    ['argocd.argoproj.io/sync-options', 'prune=false'],
    ['config.kubernetes.io/local-config', 'false'],
    ['internal.config.kubernetes.io/path', 'a.yaml'],
  ])('%s: %s', (key, value) => {
    expect(refusal('ConfigMap', { annotations: { [key]: value } })).toBeUndefined();
  });

  test.each([
    ['kustomize.toolkit.fluxcd.io/prune', 'disabled'],
    ['argocd.argoproj.io/sync-options', 'Prune=false'],
  ])('%s: %s on a claim, whose data people keep', (key, value) => {
    const metadata = { annotations: { [key]: value } };
    expect(refusal('PersistentVolumeClaim', metadata)).toBeUndefined();
  });
});

test('one directive hides no other', () => {
  const told = refusal('ConfigMap', {
    annotations: {
      'config.kubernetes.io/local-config': 'true',
      'argocd.argoproj.io/hook': 'PreSync',
      'helm.sh/hook': 'test',
    },
    labels: { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' },
  });
  expect(told).toMatch(
    /^holds ConfigMap a with the annotation argocd.*, so that .*, and with the annotation helm.*, and with the annotation config.*, and with the label kustomize.*; take the annotation away.*; take the label away$/,
  );
  expect(told?.match(/helm\.sh\/hook/g)).toHaveLength(1);
});

test('each of a file is told at synth, in the words of the analyzer', async () => {
  const directives = include(new URL('../include/files/tool-directives.yaml', import.meta.url));
  const made = sample({
    workload(scope) {
      workload(deployment(), configMap('c'))(scope);
      directives(scope);
    },
  });
  expect(await mistakesOf(made)).toEqual([
    expect.stringMatching(
      /: the release holds ServiceAccount app with the annotation argocd.*hook: PreSync,/,
    ),
    expect.stringMatching(
      /: the release holds ConfigMap a with the annotation kustomize.*: disabled,/,
    ),
    expect.stringMatching(/: the release holds ConfigMap b with the annotation config.*: true,/),
  ]);
});
