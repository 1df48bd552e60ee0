import { describe, expect, test } from 'vitest';
import { prospect } from '../../../analyzer/commands/prospect.ts';
import { difference } from '../../../analyzer/core/position.ts';
import {
  back,
  COMPLETE,
  INIT,
  plan,
  STABLE,
  situation,
  step,
  unstarted,
  V1,
  V2,
} from '../core/fixture.ts';

const changedIn = (...of: Parameters<typeof prospect>) => {
  const { from, to, before, after } = prospect(...of);
  return [from, to, ...difference(before, after).changed];
};

const ROUTE = 'virtualservice-app.yaml';
const PRIMARY = 'deployment-app-primary.yaml';
const failed = { candidate: V2.plan.candidate, step: '02-weight-20', reason: 'bad' };

describe('what comes next', () => {
  test('in a step is the next one', () => {
    const it = situation({ position: step('02-weight-20') });
    expect(changedIn(it, undefined)).toEqual(['02-weight-20', '03-weight-50', ROUTE]);
  });

  test('up to a later step is all of it', () => {
    const it = situation({ position: step('02-weight-20') });
    expect(changedIn(it, '04-promote')).toEqual(['02-weight-20', '04-promote', PRIMARY, ROUTE]);
    expect(changedIn(it, '06-complete')[1]).toBe('complete');
    expect(changedIn(it, 'complete')).toEqual(changedIn(it, '06-complete'));
  });

  test('on the rollback is its next part', () => {
    const it = situation({ position: back('04-promote', 'primary') });
    expect(changedIn(it, undefined)).toEqual([
      'back from 04-promote: primary',
      'back from 04-promote: routes',
      ROUTE,
    ]);
    expect(prospect(it, 'stable').to).toBe('stable');
  });

  test('at rest is step 01 of a newer candidate, also of one that will not start', () => {
    const rest = situation({ position: COMPLETE, plan: V1, dist: V2 });
    expect(prospect(rest, undefined)).toMatchObject({
      from: 'complete',
      to: '01-canary-up',
      candidate: V2.plan.candidate,
    });
    const bad = situation({ position: STABLE, dist: V2, state: { failed } });
    expect(prospect(bad, undefined)).toMatchObject({
      to: '01-canary-up',
      reason: expect.stringMatching(/failed in 02-weight-20: bad/),
    });
  });

  test('at rest with newer configuration is that, at once', () => {
    const dist = plan('v1', { setting: 'b' });
    const rest = situation({ position: COMPLETE, plan: V1, dist });
    expect(changedIn(rest, undefined)).toEqual(['complete', 'complete', 'service-app.yaml']);
  });

  test('of the first release is init, then complete', () => {
    expect(prospect(unstarted(V1), undefined)).toMatchObject({ from: 'nothing', to: 'init' });
    expect(prospect(unstarted(V1), 'complete').after.has(ROUTE)).toBe(true);
    expect(prospect(situation({ position: INIT }), undefined).to).toBe('complete');
  });

  test.each([
    ['dist/ is what runs', situation({ position: COMPLETE, plan: V1, dist: V1 })],
    ['dist/ is gone', situation({ position: COMPLETE, plan: V1, dist: 'absent' as const })],
  ])('is nothing where %s', (_, it) => {
    expect(prospect(it, undefined)).toMatchObject({ from: 'complete', to: undefined });
  });

  test('lists what lies ahead for a name that does not', () => {
    const it = situation({ position: step('03-weight-50') });
    expect(() => prospect(it, '02-weight-20')).toThrow(
      'app: "02-weight-20" does not lie ahead of 03-weight-50; there are: 04-promote, 05-weight-0, 06-complete',
    );
    expect(() => prospect(situation({ position: COMPLETE }), '01-canary-up')).toThrow(
      /there are: none$/,
    );
  });

  test('a step is named by how its name begins, where that is one alone', () => {
    const it = situation({ position: step('02-weight-20') });
    expect(prospect(it, '03').to).toBe('03-weight-50');
    expect(prospect(it, '04-pro').to).toBe('04-promote');
    expect(prospect(it, 'comp').to).toBe('complete');
    expect(() => prospect(it, '0')).toThrow(
      '"0" is how several names begin, 03-weight-50, 04-promote, 05-weight-0, 06-complete: give more of the one that is meant',
    );
  });
});
