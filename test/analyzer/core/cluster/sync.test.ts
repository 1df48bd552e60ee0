import { describe, expect, test } from 'vitest';
import { parseSyncTarget, syncRef, syncStatus } from '../../../../analyzer/core/cluster/sync.ts';

const OID = 'a'.repeat(40);
const NEWER = 'b'.repeat(40);

describe('the name of sync objects', () => {
  test('has the release and the context filled in', () => {
    expect(syncRef(parseSyncTarget('flux:flux-system/{release}'), 'shop', '')).toEqual({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      namespace: 'flux-system',
      name: 'shop',
    });
    expect(syncRef(parseSyncTarget('argo-cd:argocd/{context}-{release}'), 'shop', 'eu')).toEqual({
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      namespace: 'argocd',
      name: 'eu-shop',
    });
  });

  test.each([
    '',
    'flux',
    'flux:name',
    'helm:a/b',
    'flux:A/b',
    'flux:a/b/c',
    'flux:a/{releases}',
    'flux:a/../b',
    'flux:a/{release',
  ])('is refused when it is %j', (text) => {
    expect(() => parseSyncTarget(text)).toThrow(/expected flux:/);
  });
});

describe('a Kustomization', () => {
  test('tells the commit that is applied', () => {
    const object = { status: { lastAppliedRevision: `main@sha1:${OID}` } };
    expect(syncStatus('flux', object)).toMatchObject({ revision: OID });
  });

  test('that failed tells why, and what is still applied', () => {
    const object = {
      status: {
        lastAppliedRevision: `main@sha1:${OID}`,
        lastAttemptedRevision: `main@sha1:${NEWER}`,
        conditions: [
          { type: 'Ready', status: 'False', reason: 'ReconciliationFailed', message: 'no\nmatch' },
        ],
      },
    };
    expect(syncStatus('flux', object)).toEqual({
      revision: OID,
      trouble: 'ReconciliationFailed: no match',
      refuses: NEWER,
    });
  });

  test.each([
    ['BuildFailed', NEWER],
    ['DependencyNotReady', undefined],
    ['ArtifactFailed', undefined],
    ['HealthCheckFailed', undefined],
  ])('that is not ready because of %s refuses the commit: %s', (reason, refuses) => {
    const conditions = [{ type: 'Ready', status: 'False', reason, message: 'x' }];
    const status = { lastAttemptedRevision: `main@sha1:${NEWER}`, conditions };
    expect(syncStatus('flux', { status }).refuses).toBe(refuses);
  });

  test('that is suspended says so', () => {
    expect(syncStatus('flux', { spec: { suspend: true } }).trouble).toBe('it is suspended');
  });

  test.each([undefined, null, 7, {}, { status: 'x' }, { status: { lastAppliedRevision: 'main' } }])(
    'that tells nothing of use has applied nothing: %j',
    (object) => expect(syncStatus('flux', object)).toEqual({ revision: undefined }),
  );
});

describe('an Application', () => {
  const synced = { sync: { status: 'Synced', revision: OID } };

  test('tells the commit that it is in sync with', () => {
    expect(syncStatus('argo-cd', { status: synced })).toEqual({ revision: OID });
  });

  test('that is OutOfSync has only compared its revision', () => {
    const object = { status: { sync: { status: 'OutOfSync', revision: OID } } };
    expect(syncStatus('argo-cd', object)).toEqual({ revision: undefined });
  });

  test('tells why it cannot sync', () => {
    const failed = { phase: 'Failed', message: 'one object is invalid' };
    const outOfSync = { sync: { status: 'OutOfSync', revision: OID }, operationState: failed };
    expect(syncStatus('argo-cd', { status: outOfSync }).trouble).toBe(
      'sync Failed: one object is invalid',
    );
    const conditions = [{ type: 'ComparisonError', message: `field ${'x'.repeat(500)}` }];
    const { trouble } = syncStatus('argo-cd', { status: { ...synced, conditions } });
    expect(trouble).toMatch(/^ComparisonError: field x+ …$/);
    expect(trouble?.length).toBeLessThan(330);
  });

  test.each([{ syncResult: { revision: NEWER } }, { operation: { sync: { revision: NEWER } } }])(
    'tells which commit it has tried: %j',
    (tried) => {
      const operationState = { phase: 'Failed', message: 'invalid', ...tried };
      const status = { sync: { status: 'OutOfSync', revision: OID }, operationState };
      expect(syncStatus('argo-cd', { status }).refuses).toBe(NEWER);
    },
  );

  const failedSync = (more: object) => ({
    status: {
      sync: { status: 'OutOfSync', revision: OID },
      operationState: {
        phase: 'Failed',
        message: 'one or more tasks are not valid',
        operation: { sync: { revision: NEWER } },
        ...more,
      },
    },
  });

  test('names the objects whose kind the cluster does not have', () => {
    const resources = [
      { kind: 'Service', name: 'app', status: 'Synced', message: 'serverside-applied' },
      { kind: 'ServiceMonitor', name: 'app', status: 'SyncFailed', message: 'no such kind' },
    ];
    expect(syncStatus('argo-cd', failedSync({ syncResult: { resources } }))).toEqual({
      revision: undefined,
      trouble: 'sync Failed: one or more tasks are not valid; ServiceMonitor app: no such kind',
      refuses: NEWER,
    });
    const message = 'one or more objects failed to apply, reason: no such kind';
    const said = syncStatus('argo-cd', failedSync({ message, syncResult: { resources } }));
    expect(said.trouble).toBe(`sync Failed: ${message}`);
  });

  test('still refuses when Argo CD has looked again, and repeats the failed sync as a SyncError', () => {
    const { status } = failedSync({});
    const condition = (type: string) => ({
      status: { ...status, conditions: [{ type, message: 'it says' }] },
    });
    expect(syncStatus('argo-cd', condition('SyncError'))).toMatchObject({ refuses: NEWER });
    // What cannot be compared may be a repository that is away.
    expect(syncStatus('argo-cd', condition('ComparisonError'))).toEqual({
      revision: undefined,
      trouble: 'ComparisonError: it says',
    });
  });

  test('that failed before and is in sync now has no trouble', () => {
    const object = { status: { ...synced, operationState: { phase: 'Failed', message: 'old' } } };
    expect(syncStatus('argo-cd', object)).toEqual({ revision: OID });
  });
});
