import { describe, expect, test } from 'vitest';
import type { JobStatus, Readiness } from '../../../../analyzer/core/cluster/reading.ts';
import { combine, type NamedView } from '../../../../analyzer/core/cluster/view.ts';
import { liveSince, notReady, READY } from '../fixture.ts';

function view(name: string, over: Partial<NamedView> = {}): NamedView {
  return {
    name,
    live: liveSince(10),
    ready: { primary: READY, canary: READY },
    shownStep: undefined,
    ...over,
  };
}

describe('several clusters', () => {
  test('are live since the last of them', () => {
    const both = combine([view('a'), view('b', { live: liveSince(20) })]);
    expect(both.live).toEqual(liveSince(20));
  });

  test('are not live while one is not, and its name stands in the reason', () => {
    const waiting = { kind: 'waiting', reason: 'not synced yet' } as const;
    const both = combine([view('a'), view('b', { live: waiting })]);
    expect(both.live).toEqual({ kind: 'waiting', reason: 'b: not synced yet' });
  });

  test('are unknown when one cannot be asked, whatever another shows', () => {
    const waiting = { kind: 'waiting', reason: 'not synced yet' } as const;
    const unknown = { kind: 'unknown', reason: 'down' } as const;
    const both = combine([view('a', { live: waiting }), view('b', { live: unknown })]);
    expect(both.live).toEqual({ kind: 'unknown', reason: 'b: down' });
  });

  test('are as ready as the worst of them', () => {
    const canary = (it: Readiness) => ({
      ready: { primary: READY, canary: it },
    });
    const unknown = { kind: 'unknown', reason: 'down' } as const;
    const late = view('b', canary(notReady('0 of 2', true)));
    const slow = view('c', canary(notReady('1 of 2')));
    const dark = view('d', canary(unknown));
    expect(combine([view('a'), slow]).ready).toEqual({
      primary: READY,
      canary: notReady('c: 1 of 2'),
    });
    expect(combine([slow, dark]).ready.canary).toMatchObject({ kind: 'unknown' });
    // A canary that crashes in one cluster rolls back even when another cannot be asked.
    expect(combine([dark, slow, late]).ready.canary).toEqual(notReady('b: 0 of 2', true));
  });

  test('need no workloads in each of them, but in one', () => {
    const mesh = view('mesh', { ready: undefined });
    expect(combine([view('a'), mesh]).ready.canary).toEqual(READY);
    expect(combine([mesh]).ready.canary).toMatchObject({ kind: 'unknown' });
  });

  test('show the newest step that one of them shows', () => {
    const shown = combine([
      view('a', { shownStep: '03-weight-20' }),
      view('b', { shownStep: '02-weight-10' }),
      view('c'),
    ]);
    expect(shown.shownStep).toBe('03-weight-20');
  });
});

describe('a Job in several clusters', () => {
  const running = { kind: 'running', reason: 'x' } as const;
  const failed = { kind: 'failed', reason: 'x' } as const;
  const unknown = { kind: 'unknown', reason: 'down' } as const;
  const complete = { kind: 'complete' } as const;
  const of = (name: string, job: JobStatus) => view(name, { jobs: new Map([['job.yaml', job]]) });

  test.each<[string, JobStatus, JobStatus, JobStatus]>([
    ['is complete when it is in both', complete, complete, complete],
    ['runs while it runs in one', complete, running, running],
    ['is unknown when one cannot be asked', running, unknown, unknown],
    ['has failed when it has in one, whatever another shows', failed, complete, failed],
    ['has failed also where another cannot be asked', unknown, failed, failed],
  ])('%s', (_, a, b, expected) => {
    for (const both of [combine([of('a', a), of('b', b)]), combine([of('b', b), of('a', a)])])
      expect(both.jobs?.get('job.yaml')).toEqual(expected);
  });

  test('is that of the clusters which hold workloads, and of none where nobody runs one', () => {
    expect(combine([of('a', complete), view('mesh')]).jobs?.get('job.yaml')).toEqual(complete);
    expect(combine([view('a'), view('b')]).jobs).toBeUndefined();
  });

  test('a baseline is as ready as in the worst of them, and unsaid where there is none', () => {
    const ready = { primary: READY, canary: READY };
    const late = view('b', { ready: { ...ready, baseline: notReady('0 of 1') } });
    const fine = view('a', { ready: { ...ready, baseline: READY } });
    expect(combine([fine, late]).ready.baseline).toMatchObject({ reason: 'b: 0 of 1' });
    expect(combine([view('a')]).ready).not.toHaveProperty('baseline');
  });
});

test('one cluster needs no name', () => {
  const waiting = { kind: 'waiting', reason: 'not synced yet' } as const;
  expect(combine([{ ...view('a'), name: undefined, live: waiting }]).live).toEqual(waiting);
});
