import { describe, expect, test } from 'vitest';
import { type ReadinessRule, readiness } from '../../../../analyzer/core/cluster/readiness.ts';
import type { ObjectReading } from '../../../../analyzer/core/cluster/reading.ts';
import { T0 } from '../fixture.ts';

const RULE: ReadinessRule = {
  readyPercent: 100,
  minReplicas: 1,
  deadlineSeconds: 120,
  writtenByStep: true,
};

interface Shown {
  readonly generation?: number;
  readonly observed?: number;
  /** @default 2; null: the field is absent */
  readonly replicas?: number | null;
  readonly total?: number;
  readonly updated?: number;
  readonly available?: number;
  readonly conditions?: unknown;
  /** When the digest was applied; Unix seconds. */
  readonly applied?: number;
}

function deployment(it: Shown = {}): ObjectReading {
  const { generation = 3, observed = 3, replicas = 2, total = 2, updated = 2, available = 2 } = it;
  const fields = { 'f:metadata': { 'f:annotations': { 'f:perch/digest': {} } } };
  const entry = {
    manager: 'kustomize-controller',
    operation: 'Apply',
    time: iso(it.applied ?? T0),
    fieldsV1: fields,
  };
  return {
    kind: 'found',
    object: {
      metadata: { generation, managedFields: it.applied === undefined ? [] : [entry] },
      spec: replicas === null ? {} : { replicas },
      status: {
        observedGeneration: observed,
        replicas: total,
        updatedReplicas: updated,
        availableReplicas: available,
        conditions: it.conditions ?? [],
      },
    },
  };
}

function iso(at: number): string {
  return new Date(at * 1000).toISOString();
}

describe('a Deployment is ready', () => {
  test.each<[string, Shown, Partial<ReadinessRule>, string | undefined]>([
    ['when all is updated and available', {}, {}, undefined],
    [
      'not before its generation is observed',
      { observed: 2 },
      {},
      'its newest generation is not observed yet',
    ],
    ['also with a status that is ahead', { observed: 4 }, {}, undefined],
    ['not while replicas are missing', { updated: 1 }, {}, '1 of 2 replicas updated'],
    ['not while old replicas run', { total: 3 }, {}, '1 old replicas still run'],
    ['not while one is unavailable', { available: 1 }, {}, '1 of 2 replicas available'],
    [
      'not when scaled to 0',
      { replicas: 0, total: 0, updated: 0, available: 0 },
      {},
      'it is scaled to 0',
    ],
    [
      'with one replica where none is named',
      { replicas: null, total: 1, updated: 1, available: 1 },
      {},
      undefined,
    ],
    [
      'not with the default of 1 before its HPA has acted',
      { replicas: null, total: 1, updated: 1, available: 1 },
      { minReplicas: 2 },
      '1 replicas wanted, its HPA will want 2',
    ],
    [
      'not with 1 of 1 while the HPA wants 2',
      { replicas: 1, total: 1, updated: 1, available: 1 },
      { minReplicas: 2 },
      '1 replicas wanted, its HPA will want 2',
    ],
    ["with the HPA's minimum", {}, { minReplicas: 2 }, undefined],
    [
      'at half of four with a threshold of 50 %',
      { replicas: 4, total: 4, updated: 4, available: 2 },
      { readyPercent: 50 },
      undefined,
    ],
    [
      'not below the threshold',
      { replicas: 4, total: 4, updated: 4, available: 1 },
      { readyPercent: 50 },
      '1 of 4 replicas available',
    ],
    [
      "not below the HPA's minimum, whatever the threshold",
      { replicas: 4, total: 4, updated: 4, available: 2 },
      { readyPercent: 50, minReplicas: 3 },
      '2 of 4 replicas available',
    ],
    [
      'never with nothing available, even at a threshold of 0',
      { available: 0 },
      { readyPercent: 0 },
      '0 of 2 replicas available',
    ],
  ])('%s', (_, shown, rule, reason) => {
    const it = readiness(deployment(shown), { ...RULE, ...rule }, T0);
    expect(it).toMatchObject(
      reason === undefined
        ? { kind: 'ready' }
        : { kind: 'notReady', reason, deadlinePassed: false },
    );
  });

  test('an object without any status is not ready', () => {
    const object = { metadata: { generation: 1 }, spec: { replicas: 1 } };
    expect(readiness({ kind: 'found', object }, RULE, T0)).toMatchObject({ kind: 'notReady' });
  });

  test.each<[string, ObjectReading | undefined, object]>([
    [
      'absent',
      { kind: 'absent' },
      { kind: 'notReady', reason: 'does not exist yet', deadlinePassed: false, available: 0 },
    ],
    [
      'unreadable',
      { kind: 'unknown', reason: 'forbidden' },
      { kind: 'unknown', reason: 'forbidden' },
    ],
    ['never asked', undefined, { kind: 'unknown', reason: 'not asked' }],
  ])('%s', (_, reading, expected) => expect(readiness(reading, RULE, T0)).toEqual(expected));
});

describe('its deadline is passed', () => {
  const now = T0 + 1000;
  const late = { available: 1 };
  const exceeded = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
  const unavailable = (since: number) => ({
    type: 'Available',
    status: 'False',
    lastTransitionTime: iso(since),
  });

  test.each<[string, Shown, Partial<ReadinessRule>, boolean]>([
    ['when Kubernetes says so', { conditions: [exceeded], applied: now }, {}, true],
    [
      'not when Kubernetes said so of an older template',
      { conditions: [exceeded], observed: 2, applied: now },
      {},
      false,
    ],
    [
      'when it was unavailable for longer',
      { conditions: [unavailable(now - 121)], applied: T0 },
      { writtenByStep: false },
      true,
    ],
    [
      'not when it was unavailable for just as long',
      { conditions: [unavailable(now - 120)], applied: T0 },
      { writtenByStep: false },
      false,
    ],
    [
      'not when it was unavailable before this template came',
      { conditions: [unavailable(T0)], applied: now - 10 },
      {},
      false,
    ],
    ['when the step that wrote it has waited for longer', { applied: now - 121 }, {}, true],
    [
      'not when another step wrote it, and it is available',
      { applied: now - 121 },
      { writtenByStep: false },
      false,
    ],
    ['not when nobody knows since when', {}, {}, false],
    [
      'not for an Available condition without a time',
      { conditions: [{ type: 'Available', status: 'False' }] },
      {},
      false,
    ],
    ['not for conditions that are no list', { conditions: 'none' }, {}, false],
  ])('%s', (_, shown, rule, deadlinePassed) => {
    const it = readiness(deployment({ ...late, ...shown }), { ...RULE, ...rule }, now);
    expect(it).toMatchObject({ kind: 'notReady', deadlinePassed });
  });

  test('never once it is ready, whatever its conditions say', () => {
    expect(readiness(deployment({ conditions: [exceeded], applied: T0 }), RULE, now)).toEqual({
      kind: 'ready',
    });
  });
});

interface Counts {
  readonly kind: 'DaemonSet' | 'StatefulSet';
  readonly spec?: object;
  readonly status: object;
  readonly observed?: number;
  /** When the digest was applied; Unix seconds. @default T0 */
  readonly applied?: number;
  /** When a controller wrote the status last; Unix seconds. @default T0 */
  readonly statusAt?: number;
}

function counted(it: Counts): ObjectReading {
  const { kind, spec = {}, status, observed = 3, applied = T0, statusAt = T0 } = it;
  const entry = (manager: string, at: number, fieldsV1: object) => ({
    manager,
    time: iso(at),
    fieldsV1,
  });
  const digest = { 'f:metadata': { 'f:annotations': { 'f:perch/digest': {} } } };
  return {
    kind: 'found',
    object: {
      kind,
      metadata: {
        generation: 3,
        managedFields: [
          entry('kustomize-controller', applied, digest),
          entry('kube-controller-manager', statusAt, { 'f:status': {} }),
        ],
      },
      spec,
      status: { observedGeneration: observed, ...status },
    },
  };
}

function daemonSet(desired: number, updated: number, available: number): Counts {
  const status = {
    desiredNumberScheduled: desired,
    updatedNumberScheduled: updated,
    numberAvailable: available,
  };
  return { kind: 'DaemonSet', status };
}

function statefulSet(partition: number, updated: number, available: number): Counts {
  const spec = { replicas: 4, updateStrategy: { rollingUpdate: { partition } } };
  const status = { replicas: 4, updatedReplicas: updated, availableReplicas: available };
  return { kind: 'StatefulSet', spec, status };
}

describe('other kinds are ready', () => {
  test.each<[string, Counts, Partial<ReadinessRule>, string | undefined]>([
    ['a DaemonSet on every node', daemonSet(3, 3, 3), {}, undefined],
    ['not on some of them', daemonSet(3, 2, 3), {}, '2 of 3 nodes run the newest pods'],
    [
      'not while a pod is unavailable',
      daemonSet(3, 3, 2),
      {},
      'its pods are available on 2 of 3 nodes',
    ],
    ['at its own threshold', daemonSet(4, 4, 3), { readyPercent: 75 }, undefined],
    ['never without a node', daemonSet(0, 0, 0), { readyPercent: 0 }, 'no node is to run it'],
    [
      'not before its generation is observed',
      { ...daemonSet(3, 3, 3), observed: 2 },
      {},
      'its newest generation is not observed yet',
    ],
    ['a StatefulSet whose pods are all updated', statefulSet(0, 4, 4), {}, undefined],
    ['one of which a part is to be', statefulSet(3, 1, 4), {}, undefined],
    ['not before that part is', statefulSet(2, 1, 4), {}, '1 of 2 replicas updated'],
    [
      'not while the one updated pod may be the one that is broken, whatever the threshold',
      statefulSet(3, 1, 3),
      { readyPercent: 50 },
      '3 of 4 replicas available',
    ],
    [
      'at its threshold among the updated ones',
      statefulSet(0, 4, 2),
      { readyPercent: 50 },
      undefined,
    ],
    [
      'not when scaled to 0',
      { kind: 'StatefulSet', spec: { replicas: 0 }, status: {} },
      {},
      'it is scaled to 0',
    ],
    [
      'with the one pod that is the default, and no partition',
      { kind: 'StatefulSet', status: { updatedReplicas: 1, availableReplicas: 1 } },
      {},
      undefined,
    ],
  ])('%s', (_, shown, rule, reason) => {
    expect(readiness(counted(shown), { ...RULE, ...rule }, T0)).toMatchObject(
      reason === undefined
        ? { kind: 'ready' }
        : { kind: 'notReady', reason, deadlinePassed: false },
    );
  });

  test.each<[string, Partial<Counts>, boolean, boolean]>([
    ['passed when the step that wrote it waits for so long', { statusAt: T0 + 290 }, true, true],
    ['not passed while the step waits', { applied: T0 + 200, statusAt: T0 }, true, false],
    ['passed in a later step when nothing moved for so long', {}, false, true],
    ['not passed in a later step that lost a pod just now', { statusAt: T0 + 290 }, false, false],
  ])('their deadline is %s', (_, shown, writtenByStep, expected) => {
    for (const it of [daemonSet(3, 3, 2), statefulSet(0, 4, 3)])
      expect(
        readiness(counted({ ...it, ...shown }), { ...RULE, writtenByStep }, T0 + 300),
      ).toMatchObject({ kind: 'notReady', deadlinePassed: expected });
  });
});
