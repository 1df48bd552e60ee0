import { describe, expect, test } from 'vitest';
import { explanationText } from '../../../analyzer/commands/explain-text.ts';
import { explanationOf } from '../../../analyzer/core/explanation.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import { isoTime } from '../../../analyzer/core/state.ts';
import { outcomeOf } from '../telemetry/outcome.ts';
import {
  answered,
  BAD,
  bounded,
  COMPLETE,
  hook,
  notReady,
  plan,
  type Seen,
  situation,
  step,
  T0,
  V1,
} from './fixture.ts';

const units = plan('v2', { checks: [{ ...bounded('success-rate', { min: 99 }), unit: '%' }] });
const at20 = situation({ position: step('02-weight-20'), plan: units });
const explained = (of: Situation, now: number, seen: Seen = {}) =>
  explanationOf(outcomeOf(of, now, seen, false));

describe('why a release', () => {
  test('stays: its checks, with values and bounds', () => {
    const it = explained(at20, T0 + 46, { values: (at) => (at === T0 + 40 ? 69.17 : 99.9) });
    expect(it).toMatchObject({
      release: 'app',
      stepName: '02-weight-20',
      at: isoTime(T0 + 46),
      decision: {
        kind: 'stays',
        reason: 'success-rate 69.17 % < 99 % (failed check 1 of 3)',
        to: null,
      },
      cluster: { live: true, reason: null, tracks: { primary: { kind: 'ready' } } },
      count: { failed: 1, threshold: 3, needed: 3, trouble: null },
      checks: [
        {
          name: 'success-rate',
          bounds: '≥ 99 %',
          counted: [
            { at: isoTime(T0 + 30), value: 99.9, verdict: 'pass' },
            { at: isoTime(T0 + 40), value: 69.17, verdict: 'fail' },
          ],
        },
      ],
    });
    const text = explanationText(it);
    expect(text).toMatch(/^app stays: success-rate 69\.17 % < 99 % \(failed check 1 of 3\)\n/);
    expect(text).toMatch(/\n {2}success-rate ≥ 99 %\n/);
    expect(text).toContain(`${isoTime(T0 + 40)}  fail     69.17 %`);
    // A terminal's width wraps it, and loses nothing.
    const narrow = explanationText(it, 40);
    expect(narrow.split('\n').filter((line) => line.length > 40)).toEqual([]);
    const words = (said: string) => said.replaceAll(/\s+/g, ' ');
    expect(words(narrow)).toBe(words(text));
  });

  test('stays: objects that are not there, and pods that are not ready', () => {
    const of = outcomeOf(at20, T0 + 20, {
      live: { kind: 'waiting', reason: 'Deployment test/app-canary is not synced yet' },
      canary: notReady('0 of 2 replicas available'),
    });
    const { cluster } = of.observation;
    if (cluster === undefined) throw new Error('it was asked');
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'test' };
    const objects = [
      { ref: { ...ref, name: 'app-primary' }, cluster: undefined, wrong: [] },
      { ref: { ...ref, name: 'app-canary' }, cluster: undefined, wrong: ['it is not synced yet'] },
    ];
    const seen = { ...of.observation, cluster: { ...cluster, objects } };
    const text = explanationText(explanationOf({ ...of, observation: seen }));
    expect(text).toContain(
      [
        'cluster',
        '  not live: Deployment test/app-canary is not synced yet',
        '  ok     Deployment test/app-primary',
        '  wrong  it is not synced yet',
      ].join('\n'),
    );
    expect(text).toContain('  canary: not ready: 0 of 2 replicas available');
  });

  test('stays: a gate, a hook, the hours', () => {
    const of = plan('v2', {
      more: {
        hooks: [hook('ci', 'confirm-traffic-increase'), hook('stop', 'rollback')],
        hours: [{ days: ['Mon'], fromMinute: 540, toMinute: 1020, timeZone: 'UTC' }],
      },
      steps: { '02-weight-20': { gates: [{ kind: 'hook', hook: 'ci' }], hooks: ['stop'] } },
    });
    const seen = { hooks: { ci: answered(T0 + 90, false, 'not yet'), stop: answered(T0, false) } };
    const it = explained(situation({ position: step('02-weight-20'), plan: of }), T0 + 100, seen);
    expect(it).toMatchObject({
      hooks: [{ name: 'stop', type: 'rollback', said: 'HTTP 500' }],
      gates: [{ opener: 'ci', approved: false, said: 'HTTP 500, not yet' }],
      hours: { open: false, opensAt: expect.stringMatching(/T09:00:00Z$/) },
    });
  });

  test('stays: another release that it depends on', () => {
    const dist = plan('v2', {
      more: { dependsOn: [{ release: 'db', phases: ['Succeeded'] }] },
    });
    const rest = situation({ position: COMPLETE, plan: V1, dist });
    const it = explained(rest, T0, { others: { db: 'Progressing' } });
    expect(it.dependsOn).toEqual([{ release: 'db', phases: ['Succeeded'], is: 'Progressing' }]);
    expect(explanationText(it)).toContain('  db must be Succeeded, and is Progressing');
  });

  test('moves, rolls back, or rests', () => {
    expect(explained(at20, T0 + 500).decision).toMatchObject({
      kind: 'moves',
      to: '03-weight-50',
      reason: expect.stringMatching(/checks passed$/),
    });
    expect(explained(at20, T0 + 500, { values: BAD }).decision).toMatchObject({
      kind: 'rolls back',
    });
    const rest = explained(situation({ position: COMPLETE, plan: V1 }), T0);
    expect(rest).toMatchObject({
      decision: { kind: 'rests' },
      checks: [],
      count: null,
      hours: null,
    });
  });
});
