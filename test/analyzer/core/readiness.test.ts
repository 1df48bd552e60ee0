import { describe, expect, test } from 'vitest';
import type { ObjectReading } from '../../../analyzer/core/observation.ts';
import { type ReadinessRule, readiness } from '../../../analyzer/core/readiness.ts';
import { T0 } from './fixture.ts';

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
    expect(it).toEqual(
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
      { kind: 'notReady', reason: 'does not exist yet', deadlinePassed: false },
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
