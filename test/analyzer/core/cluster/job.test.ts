import { describe, expect, test } from 'vitest';
import { jobStatus } from '../../../../analyzer/core/cluster/job.ts';
import { clusterQuestions, liveness, refText } from '../../../../analyzer/core/cluster/liveness.ts';
import type { JobStatus, ObjectReading } from '../../../../analyzer/core/cluster/reading.ts';
import type { Position } from '../../../../analyzer/core/position.ts';
import { isoTime } from '../../../../analyzer/core/state.ts';
import {
  back,
  COMPLETE,
  decision,
  JOB_FILE,
  known,
  move,
  moved,
  plan,
  rollout,
  STABLE,
  situation,
  stateOf,
  step,
  T0,
  V1,
} from '../fixture.ts';

const NOW = T0 + 60;
const TESTED = plan('v2', { job: '02-weight-20' });
const at = (position: Position) => situation({ position, plan: TESTED });
const saw = (status: JobStatus) => ({ jobs: { [JOB_FILE]: status } });
const name = TESTED.plan.files[JOB_FILE]?.name;

function job(...conditions: readonly object[]): ObjectReading {
  return { kind: 'found', object: { status: { conditions, succeeded: 1, failed: 2 } } };
}

describe('what a Job says', () => {
  test.each<[string, ObjectReading | undefined, JobStatus]>([
    ['complete', job({ type: 'Complete', status: 'True' }), { kind: 'complete' }],
    [
      'failed, with its reason',
      job({ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'too often' }),
      { kind: 'failed', reason: 'BackoffLimitExceeded: too often' },
    ],
    [
      'failed without a reason',
      job({ type: 'Failed', status: 'True' }),
      { kind: 'failed', reason: 'no reason given' },
    ],
    [
      'about to fail',
      job({ type: 'FailureTarget', status: 'True' }, { type: 'Failed', status: 'False' }),
      { kind: 'running', reason: '1 pods succeeded and 2 failed so far' },
    ],
    [
      'without a status',
      { kind: 'found', object: {} },
      { kind: 'running', reason: '0 pods succeeded and 0 failed so far' },
    ],
    ['absent', { kind: 'absent' }, { kind: 'running', reason: 'it does not exist yet' }],
    ['unreadable', { kind: 'unknown', reason: 'down' }, { kind: 'unknown', reason: 'down' }],
    ['not asked', undefined, { kind: 'unknown', reason: 'not asked' }],
  ])('%s', (_, reading, expected) => expect(jobStatus(reading, T0)).toEqual(expected));

  test('is said of this try alone: one that is older waits to be deleted', () => {
    const made = (at: number): ObjectReading => ({
      kind: 'found',
      object: {
        metadata: { creationTimestamp: isoTime(at) },
        status: { conditions: [{ type: 'Failed', status: 'True' }] },
      },
    });
    expect(jobStatus(made(T0 - 1), T0)).toEqual({
      kind: 'running',
      reason: 'an earlier try left it, and it must be deleted first',
    });
    expect(jobStatus(made(T0), T0)).toMatchObject({ kind: 'failed' });
  });
});

describe('a step with a Job', () => {
  const it = at(step('02-weight-20'));

  test('rolls back at once when it failed, also while paused or not live', () => {
    const failed = saw({ kind: 'failed', reason: 'BackoffLimitExceeded' });
    const paused = situation({
      position: step('02-weight-20'),
      plan: TESTED,
      state: { paused: { reason: 'x' } },
    });
    for (const [of, more] of [
      [it, {}],
      [paused, {}],
      [it, { live: { kind: 'waiting', reason: 'x' } }],
    ] as const)
      expect(move(of, T0 + 1, { ...failed, ...more })).toMatchObject({
        transition: 'back',
        verdict: 'fail',
        reason: `Job ${name} failed: BackoffLimitExceeded`,
      });
  });

  test.each<JobStatus>([
    { kind: 'running', reason: 'it does not exist yet' },
    { kind: 'unknown', reason: 'down' },
  ])('holds while it is $kind, whatever the checks say', (status) => {
    expect(decision(it, NOW, saw(status))).toEqual({
      kind: 'hold',
      reason: `Job ${name} is not complete: ${status.kind === 'complete' ? '' : status.reason}`,
    });
  });

  test('goes on when it is complete, also a fast one not before', () => {
    expect(move(it, NOW, saw({ kind: 'complete' }))).toMatchObject({ transition: 'next' });
    const fast = situation({
      position: step('02-weight-20'),
      plan: TESTED,
      state: { fast: { reason: 'x' } },
    });
    expect(decision(fast, NOW).kind).toBe('hold');
    expect(move(fast, NOW, saw({ kind: 'complete' }))).toMatchObject({ transition: 'next' });
  });

  test('asks nothing of it in the steps after', () => {
    expect(move(at(step('03-weight-50')), NOW)).toMatchObject({ transition: 'next' });
  });
});

describe('a Job that an earlier try left', () => {
  const gone = (position: Position) =>
    clusterQuestions(rollout(at(position)), [])
      .filter((it) => it.kind === 'gone')
      .map((it) => refText(it.ref));

  test('must be gone before the first step is live', () => {
    expect(gone(step('01-canary-up'))).toEqual([`Job test/${name}`]);
    const of = rollout(at(step('01-canary-up')));
    const questions = clusterQuestions(of, []);
    const live = (reading: ObjectReading) =>
      liveness(of, questions, known([reading]) as never, { kind: 'unasked' }, NOW);
    expect(live(job())).toMatchObject({
      kind: 'waiting',
      reason: `Job test/${name} is still there`,
    });
    expect(live({ kind: 'unknown', reason: 'down' })).toMatchObject({ kind: 'unknown' });
    expect(live({ kind: 'absent' })).toMatchObject({ kind: 'live' });
  });

  test('is this one’s from its own step on, and nobody’s at rest and on the rollback', () => {
    for (const it of [step('02-weight-20'), step('04-promote'), back('02-weight-20', 'routes')])
      expect(gone(it)).toEqual([]);
    expect(gone(STABLE)).toEqual([]);
  });

  test('a retry after its failure waits for that, and the rollback begins without its file', () => {
    const failed = move(at(step('02-weight-20')), NOW, saw({ kind: 'failed', reason: 'x' }));
    let it = moved(at(step('02-weight-20')), failed, NOW);
    expect(rollout(it).files.has(JOB_FILE)).toBe(false);
    expect(stateOf(it).removed).toContainEqual(expect.objectContaining({ kind: 'Job', name }));
    it = moved(it, move(it, NOW + 60), NOW + 60);
    expect(stateOf(it).position).toEqual(STABLE);
    const again = situation({ position: COMPLETE, plan: V1, dist: TESTED });
    const started = moved(again, move(again, NOW), NOW);
    expect(clusterQuestions(rollout(started), []).map((one) => one.kind)).toContain('gone');
  });
});
