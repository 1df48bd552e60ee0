import type { RequestListener } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';
import { hookClient } from '../../../analyzer/hooks/client.ts';
import { failuresOf } from '../../../analyzer/tell/failures.ts';
import { hookListener, tellHooks } from '../../../analyzer/tell/hooks.ts';
import type { News } from '../../../analyzer/tell/news.ts';
import type { Hook } from '../../../lib/plan/plan.ts';
import { afterFile } from '../../cleanups.ts';
import { type HookServer, startHookServer } from '../../embedded/hook-server.ts';
import { plan, situation, step, T0 } from '../core/fixture.ts';
import { planOf } from '../hooks/plan.ts';
import { outcomeOf } from '../telemetry/outcome.ts';

let server: HookServer;

beforeAll(async () => {
  server = await startHookServer();
  afterFile(() => server.stop());
});

function hook(name: string, type: Hook['type'], more: Partial<Hook> = {}): Hook {
  const url = `${server.url}/gate/approve?${name}`;
  return { name, type, url, timeoutSeconds: 5, retries: 0, ...more };
}

function transition(hooks: readonly Hook[], more: Partial<News> = {}): News {
  return {
    plan: planOf(hooks),
    phase: 'Progressing',
    subject: 'front: weight 10 → 20',
    type: 'Normal',
    ends: false,
    at: 1_800_000_000.5,
    ...more,
  };
}

/** Who was told what, and what came of it. */
async function told(transitions: readonly News[], limitSeconds?: number) {
  const before = server.calls.length;
  const failures = await tellHooks(hookClient({}), transitions, limitSeconds);
  const calls = server.calls.slice(before).map((it) => ({
    hook: it.path.split('?')[1],
    ...(JSON.parse(it.body.toString()) as { readonly phase: string; readonly metadata?: object }),
  }));
  return { failures, calls };
}

const hang: RequestListener = () => undefined;

describe('tellHooks', () => {
  test("tells event hooks of every transition, with Flagger's words", async () => {
    const hooks = [
      hook('chat', 'event', { metadata: { channel: 'ops' } }),
      hook('done', 'post-rollout'),
      hook('gate', 'confirm-promotion'),
    ];
    expect(await told([transition(hooks)])).toEqual({
      failures: [],
      calls: [
        {
          hook: 'chat',
          name: 'podinfo',
          namespace: 'test',
          phase: 'Progressing',
          checksum: 'aaaaaaaaaa',
          metadata: {
            channel: 'ops',
            eventMessage: 'front: weight 10 → 20',
            eventType: 'Normal',
            timestamp: '1800000000500',
          },
        },
      ],
    });
  });

  test('tells post-rollout hooks of the end alone', async () => {
    const hooks = [hook('clean', 'post-rollout', { metadata: { type: 'bash' } })];
    const end = transition(hooks, { ends: true, phase: 'Failed', type: 'Warning' });
    const { calls } = await told([transition(hooks), end]);
    expect(calls).toEqual([
      expect.objectContaining({ hook: 'clean', phase: 'Failed', metadata: { type: 'bash' } }),
    ]);
  });

  test('one that fails stops no other, and is told once', async () => {
    const hooks = [
      hook('one', 'post-rollout', { retries: 3 }),
      hook('two', 'post-rollout', { retries: 3 }),
      hook('three', 'post-rollout', { retries: 3 }),
      hook('four', 'event', { retries: 3 }),
    ];
    server.next(
      (_, response) => void response.writeHead(500).end('no room'),
      (request) => void request.socket.destroy(),
      (_, response) => void response.writeHead(403).end('go away'),
    );
    const { failures, calls } = await told([transition(hooks, { ends: true })]);
    expect(calls.map((it) => it.hook).toSorted()).toEqual(['four', 'one', 'three', 'two']);
    expect(failures.map((it) => it.replace(/hook \w+/, 'hook')).toSorted()).toEqual([
      expect.stringMatching(/^podinfo: hook: 127\.0\.0\.1:\d+ answered HTTP 500: no room$/),
      expect.stringMatching(/^podinfo: hook: 127\.0\.0\.1:\d+ cannot be reached \(ECONNRESET\)$/),
      'podinfo: hook: HTTP 403: go away',
    ]);
  });

  test('waits for nobody longer than for the limit, and does not begin after it', async () => {
    const count = 20;
    const hooks = Array.from({ length: count }, (_, index) => hook(`slow-${index}`, 'event'));
    server.next(...hooks.map(() => hang));
    const began = performance.now();
    const { failures, calls } = await told([transition(hooks)], 0.3);
    expect(performance.now() - began).toBeLessThan(2000);
    expect(failures).toHaveLength(count);
    expect(failures[0]).toBe('podinfo: hook slow-0: not told within 0.3 s');
    expect(calls.length).toBeLessThan(count);
  });

  test('asks nobody where no hook is told', async () => {
    expect(await told([transition([hook('gate', 'rollback')]), transition([])])).toEqual({
      failures: [],
      calls: [],
    });
  });
});

test('a listener tells hooks when a tick is over, and not at each of its pushes', async () => {
  const chat = hook('chat', 'event', { url: 'http://127.0.0.1:1/' });
  const next = plan('v2', { more: { hooks: [chat] } });
  const it = hookListener(hookClient({}));
  const moved = outcomeOf(situation({ position: step('02-weight-20'), plan: next }), T0 + 500);
  const report = { idle: 0, outcomes: [moved], conflicts: 0 };
  expect(await it.hear({ kind: 'pushed', outcomes: [moved] })).toEqual([]);
  expect(await it.hear({ kind: 'done', report, failures: [], seconds: 1 })).toEqual([
    { what: 'a hook was not told', reason: expect.stringMatching(/^app: hook chat: /) },
  ]);
});

test('a failing canary is seen: event hooks are told of each failed check point', async () => {
  const own = await startHookServer();
  afterFile(() => own.stop());
  const url = `${own.url}/gate/approve`;
  const hooks = [hook('chat', 'event', { url }), hook('done', 'post-rollout', { url })];
  const next = plan('v2', { more: { hooks } });
  const at20 = situation({ position: step('02-weight-20'), plan: next });
  const failing = outcomeOf(at20, T0 + 36, { values: () => 69.17 });
  const failures = failuresOf({ intervalSeconds: 10, isOnce: false }).fresh([failing]);
  const report = { idle: 0, outcomes: [failing], conflicts: 0 };
  const it = hookListener(hookClient({}));
  expect(await it.hear({ kind: 'done', report, failures, seconds: 1 })).toEqual([]);
  const calls = own.calls.map((call) => JSON.parse(call.body.toString()));
  expect(calls).toMatchObject([
    {
      name: 'app',
      phase: 'Progressing',
      checksum: next.plan.candidate,
      metadata: {
        eventMessage: 'app: success-rate 69.17 < 99 (failed check 1 of 3)',
        eventType: 'Warning',
        timestamp: String((T0 + 36) * 1000),
      },
    },
  ]);
});
