import { describe, expect, test } from 'vitest';
import type { Channel, Delivery } from '../../../analyzer/notify/channel.ts';
import type { Message } from '../../../analyzer/notify/message.ts';
import type { Subscription } from '../../../analyzer/notify/registry.ts';
import { channelListener } from '../../../analyzer/tell/channels.ts';
import { factsOf } from '../../../analyzer/tell/facts.ts';
import type { Notice } from '../../../analyzer/tell/listener.ts';
import type { Outcome } from '../../../analyzer/tick/outcome.ts';
import {
  BAD,
  back,
  COMPLETE,
  INIT,
  liveSince,
  plan,
  situation,
  step,
  T0,
  unstarted,
  V3,
} from '../core/fixture.ts';
import { outcomeOf } from '../telemetry/outcome.ts';

const at20 = situation({ position: step('02-weight-20') });
const gated = situation({
  position: step('02-weight-20'),
  plan: plan('v2', { steps: { '02-weight-20': { gates: [{ kind: 'person' }] } } }),
});
const edited = { ...at20, live: new Map([['a.yaml', 'x']]) };
const told = (it: Outcome) => factsOf([it], []).map((one) => one.happening.kind);

describe('facts', () => {
  test.each<[string, Outcome]>([
    ['started', outcomeOf(situation({ position: COMPLETE, dist: V3 }), T0)],
    ['initialized', outcomeOf(situation({ position: INIT }), T0 + 90)],
    ['promoted', outcomeOf(situation({ position: step('05-weight-0') }), T0 + 500)],
    ['rollingBack', outcomeOf(at20, T0 + 500, { values: BAD })],
    [
      'rolledBack',
      outcomeOf(situation({ position: back('02-weight-20', 'routes') }), T0 + 500, {
        live: liveSince(T0 + 1),
      }),
    ],
    ['inconclusive', outcomeOf(at20, T0 + 500, { values: () => undefined })],
    ['waitingAtGate', outcomeOf(gated, T0 + 500)],
    ['editedByHand', outcomeOf(edited, T0)],
    ['planRefused', outcomeOf({ ...unstarted(plan('v1')), refused: ['no'] }, T0)],
  ])('%s', (kind, it) => {
    expect(told(it)).toEqual([kind]);
  });

  test('a deadline is near once half of the time is over, and says when it is', () => {
    const deadline = outcomeOf(at20, T0 + 500, { values: () => undefined }).decision.reason;
    const seconds = Number(/deadline (\d+) s/.exec(deadline)?.[1]);
    const happenings = (at: number) =>
      factsOf([outcomeOf(at20, at, { values: () => undefined })], []).map((it) => it.happening);
    expect(happenings(T0 + 1)).toEqual([]);
    const all = Array.from({ length: 50 }, (_, index) => happenings(T0 + index * 10)).flat();
    const near = all.find((it) => it.kind === 'deadlineNear');
    expect(near).toMatchObject({ deadlineAt: expect.any(Number) });
    expect(all.map((it) => it.kind)).toContain('inconclusive');
    expect(seconds).toBeGreaterThan(0);
  });

  test('neither of a step as planned, nor of what was not pushed, nor of rest', () => {
    expect(told(outcomeOf(at20, T0 + 500))).toEqual([]);
    expect(told(outcomeOf(at20, T0 + 500, { values: BAD }, false))).toEqual([]);
    expect(told(outcomeOf(situation({ position: COMPLETE }), T0))).toEqual([]);
  });
});

const SENT: Delivery = { kind: 'sent' };

function open(answers: (message: Message) => Promise<Delivery>, more: Partial<Subscription> = {}) {
  const got: Message[] = [];
  const counts: string[] = [];
  const channel: Channel = {
    closes: false,
    send: (message) => {
      got.push(message);
      return answers(message);
    },
  };
  const listener = channelListener({
    subscriptions: [{ name: 'team', channel, severity: 'info', ...more }],
    delivered: (name, result) => counts.push(`${name} ${result}`),
    limitSeconds: 0.2,
  });
  return { listener, got, counts };
}

const pass = (...outcomes: readonly Outcome[]): Notice => ({
  kind: 'done',
  report: { outcomes, idle: 0, conflicts: 0 },
  failures: [],
  seconds: 1,
});

describe('channels', () => {
  test('are told once of what a release waits for, and again after it moved', async () => {
    const { listener, got, counts } = open(async () => SENT);
    const waits = pass(outcomeOf(edited, T0));
    for (const it of [waits, waits, { kind: 'began' } as const])
      expect(await listener.hear(it)).toEqual([]);
    expect(got.map((it) => it.kind)).toEqual(['editedByHand']);
    await listener.hear(pass());
    await listener.hear(waits);
    expect(got).toHaveLength(2);
    expect(counts).toEqual(['team sent', 'team sent']);
  });

  test('are told of what they want alone', async () => {
    const started = pass(outcomeOf(situation({ position: COMPLETE, dist: V3 }), T0));
    for (const [more, messages] of [
      [{ severity: 'error' }, 0],
      [{ namespaces: ['elsewhere'] }, 0],
      [{ releases: ['elsewhere'] }, 0],
      [{ namespaces: ['test'], releases: ['app'] }, 1],
    ] as const) {
      const { listener, got } = open(async () => SENT, more);
      await listener.hear(started);
      expect(got).toHaveLength(messages);
    }
  });

  test('that do not take it are said, and asked again where that may help', async () => {
    const failing = (failure: 'refused' | 'unavailable') =>
      open(async () => ({ kind: 'failed', failure, reason: 'no', retryAfterSeconds: 0 }));
    for (const [failure, attempts] of [
      ['refused', 1],
      ['unavailable', 3],
    ] as const) {
      const { listener, got, counts } = failing(failure);
      expect(await listener.hear(pass(outcomeOf(edited, T0)))).toEqual([
        {
          what: 'people were not told: editedByHand',
          release: 'app',
          reason: `channel team: ${failure}: no`,
        },
      ]);
      expect(got).toHaveLength(attempts);
      expect(counts).toEqual(['team failed']);
    }
  });

  test('that want a long rest get it within the limit alone', async () => {
    const { listener, got } = open(async () => ({
      kind: 'failed',
      failure: 'rate-limited',
      reason: 'later',
      retryAfterSeconds: 3600,
    }));
    expect(await listener.hear(pass(outcomeOf(edited, T0)))).toHaveLength(1);
    expect(got).toHaveLength(1);
  });
});
