import { describe, expect, test } from 'vitest';
import { awaited } from '../../../analyzer/core/awaited.ts';
import { detailOf } from '../../../analyzer/core/detail.ts';
import { status } from '../../../analyzer/core/phase.ts';
import type { State } from '../../../analyzer/core/state.ts';
import { back, INIT, plan, rollout, situation, step } from './fixture.ts';

const SINCE = '2027-01-15T08:00:00Z';
const BY = 'Ann <ann@example.com>';
const gated = plan('v2', { steps: { '03-weight-50': { gates: [{ kind: 'person' }] } } });
const asked = plan('v2', { steps: { '03-weight-50': { gates: [{ kind: 'hook', hook: 'ci' }] } } });
const { candidate } = gated.plan;
const approved = [{ candidate, step: '03-weight-50', by: BY, reason: 'looks good' }];

const inStep = (name: string, of = plan('v2'), state: Partial<State> = {}) =>
  situation({ position: step(name), plan: of, state });

describe('what a release waits for, as far as Git knows', () => {
  test.each([
    [
      'its checks',
      inStep('02-weight-20'),
      `baking since ${SINCE}: 3 passing points of success-rate`,
    ],
    [
      'a person, with the command',
      inStep('03-weight-50', gated),
      'waits for a person: `perch promote app` opens the gate of 03-weight-50',
    ],
    [
      'its checks behind a gate that is open',
      inStep('03-weight-50', gated, { approved }),
      `baking since ${SINCE}: 3 passing points of success-rate`,
    ],
    [
      'its checks, and then a hook',
      inStep('03-weight-50', asked),
      `baking since ${SINCE}: 3 passing points of success-rate; then hook ci opens the gate`,
    ],
    [
      'whoever paused it',
      inStep('03-weight-50', gated, { paused: { reason: 'lunch', by: BY } }),
      `paused by ${BY}: lunch. \`perch resume app\` goes on`,
    ],
    [
      'whoever suspended it',
      inStep('02-weight-20', plan('v2', { more: { suspend: true } })),
      'suspended by its plan',
    ],
    [
      'its pods alone, after a full promotion',
      inStep('02-weight-20', plan('v2'), { fast: { reason: 'urgent', by: BY } }),
      'waits for its pods and for no check: urgent',
    ],
    ['its primary', situation({ position: INIT }), 'waits for its primary to be live and ready'],
    [
      'the routes of a rollback',
      situation({ position: back('02-weight-20', 'routes') }),
      'rolls back, all requests go to the primary',
    ],
  ])('%s', (_, it, expected) => {
    expect(awaited(rollout(it))).toBe(expected);
    expect(status(it).reason).toBe(expected);
  });

  test('what brought it there is told as past', () => {
    const detail = detailOf(inStep('03-weight-50', gated, { approved }));
    expect(detail).toMatchObject({
      entered: 'as the test says',
      gates: [{ opener: 'person', openedBy: BY }],
      next: '04-promote',
      threshold: 3,
    });
    expect(detail.reason).not.toContain('as the test says');
  });
});
