import { expect, test } from 'vitest';
import type { DemoEvent, Turn } from './event.ts';
import { timeline } from './timeline.ts';
import { isSameTurn } from './turn.ts';

const MOVE: Turn = {
  event: 'decision',
  at: '2026-01-05T09:05:20.000Z',
  release: 'podinfo',
  kind: 'move',
  step: '03-weight-20',
  weight: 20,
  successRate: 99.904,
  latencyP99Ms: 195.4,
  verdict: 'pass',
  reason: '4 of 4 checks passed',
  commit: '56f91b4b5d1b0f0a3bd0a1a5a2e5b9a7f8c0d1e2',
  subject: 'podinfo: weight 10 → 20',
};

const HOLD: Turn = {
  event: 'decision',
  at: '2026-01-05T09:05:30.000Z',
  release: 'podinfo',
  kind: 'hold',
  step: '03-weight-20',
  weight: 20,
  verdict: 'none',
  reason: '0 of 4 checks passed',
};

test('a move shows when, where, how much, how good and which commit', () => {
  const tell = timeline({ colour: false });
  const [blank, header, row] = tell(MOVE);
  expect(blank).toBe('');
  expect(header).toMatch(/^time +step +canary traffic +success +p99 +verdict +commit +what$/);
  expect(row?.split(/ {2,}/)).toEqual([
    '09:05:20',
    '03-weight-20',
    '▓▓░░░░░░░░',
    '20 %',
    '99.90 %',
    '195 ms',
    'pass',
    '56f91b4',
    'podinfo: weight 10 → 20',
  ]);
  expect(tell(HOLD)).toHaveLength(1);
});

test('a reason to wait is cut to its line, a subject never is', () => {
  const tell = timeline({ colour: false, columns: 100 });
  const [, , row] = tell({ ...HOLD, reason: 'x'.repeat(200) });
  expect(row).toMatch(/ –.* –.* – .* x+…$/);
  expect(row).toHaveLength(100);
  expect(tell({ ...MOVE, subject: 'y'.repeat(200) })[0]).toContain('y'.repeat(200));
});

test('every line fits a terminal of 80 columns', () => {
  const tell = timeline({ colour: false, columns: 80 });
  const reason =
    '03-weight-20 is not live yet: VirtualService test/podinfo is not synced yet; Service test/podinfo-canary does not exist yet';
  const events: readonly DemoEvent[] = [
    {
      event: 'ready',
      what: 'cluster',
      detail: 'a Kubernetes API at http://127.0.0.1:42857, with GitOps and Deployment controllers',
    },
    MOVE,
    { ...HOLD, reason },
    { event: 'refused', at: MOVE.at, commit: 'abcdef0123', reason },
    { event: 'log', lines: [`abcdef0 ${reason}`] },
  ];
  const all = events.flatMap((it) => tell(it));
  expect(all.filter((it) => it.length > 80)).toEqual([]);
  expect(all).toContain('          56f91b4  podinfo: weight 10 → 20');
  // Nothing is lost.
  const words = all.join(' ').replaceAll(/\s+/g, ' ');
  expect(words.split(reason)).toHaveLength(4);
});

test('names of steps that are long make room for themselves', () => {
  const tell = timeline({ colour: false });
  const steps = ['00-init', '07-remove-route-testers'];
  tell({ event: 'start', release: 'x', story: 'good', from: '1', to: '2', factor: 1, steps });
  const [, header, row] = tell(MOVE);
  expect(row?.indexOf('▓')).toBe(header?.indexOf('canary traffic'));
  expect(tell({ event: 'log', lines: [] })).toContain('$ git log -- live/x');
});

test('colours come only when asked for', () => {
  const plain = timeline({ colour: false })(MOVE)[2] ?? '';
  const coloured = timeline({ colour: true })(MOVE)[2] ?? '';
  expect(coloured).not.toBe(plain);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the colours
  expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(plain);
});

test.each<DemoEvent>([
  { event: 'start', release: 'podinfo', story: 'bad', from: '1', to: '2', factor: 120 },
  { event: 'ready', what: 'git', detail: 'an empty repository' },
  { event: 'pushed', at: MOVE.at, commit: 'abcdef0123', subject: 'podinfo 2' },
  { event: 'refused', at: MOVE.at, commit: 'abcdef0123', reason: 'no kind Thing' },
  { event: 'log', lines: ['abcdef0 podinfo 2'] },
  {
    event: 'promoted',
    at: MOVE.at,
    commit: 'abcdef0123',
    subject: 'podinfo: 01-canary-up may be left',
    reason: 'looks good',
  },
  { event: 'end', release: 'podinfo', phase: 'Failed', commits: [], seconds: 3 },
])('$event has lines of its own', (event) => {
  const text = timeline({ colour: false })(event).join('\n');
  for (const value of Object.values(event).flat())
    if (typeof value === 'number') expect(text).toContain(String(value));
  expect(text).not.toMatch(/undefined|NaN|object/);
});

test('a turn is told again only when more than a count has changed', () => {
  expect(isSameTurn(undefined, HOLD)).toBe(false);
  expect(isSameTurn(HOLD, { ...HOLD, reason: '3 of 4 checks passed' })).toBe(true);
  expect(isSameTurn(HOLD, { ...HOLD, verdict: 'fail' })).toBe(false);
  expect(isSameTurn(HOLD, { ...HOLD, reason: 'the newest check failed' })).toBe(false);
  expect(isSameTurn(HOLD, { ...HOLD, step: '04-weight-30' })).toBe(false);
  expect(isSameTurn(MOVE, MOVE)).toBe(false);
  const live = { ...HOLD, reason: 'x is not live yet: Service a is not synced yet' };
  expect(isSameTurn(live, { ...live, reason: 'x is not live yet: and 2 more' })).toBe(true);
});
