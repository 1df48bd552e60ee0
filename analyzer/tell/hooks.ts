import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Hook } from '../../lib/plan/plan.ts';
import type { HookAnswer } from '../core/observation.ts';
import type { HookClient } from '../hooks/client.ts';
import type { HookPayload } from '../hooks/request.ts';
import { payloadOf } from '../hooks/request.ts';
import type { Listener } from './listener.ts';
import { type News, newsOf } from './news.ts';

/** Tells hooks of what a tick has pushed, and which checks failed, when it is over. */
export function hookListener(client: HookClient): Listener {
  return {
    name: 'hooks',
    hear: async (notice) => {
      if (notice.kind !== 'done') return [];
      const reasons = await tellHooks(client, newsOf(notice.report.outcomes, notice.failures));
      return reasons.map((reason) => ({ what: 'a hook was not told', reason }));
    },
    close: async () => undefined,
  };
}

const TOLD_AT_ONCE = 16;
const LIMIT_SECONDS = 60;
const LATE = 'late';

/**
 * Tells `event` hooks of every transition and failed check point, and `post-rollout` hooks of those that end a rollout. Each is told at
 * most once, none stops another, and nothing depends on them.
 *
 * @param limitSeconds for all of them
 * @returns why some were not told; none when all were
 */
export async function tellHooks(
  client: HookClient,
  transitions: readonly News[],
  limitSeconds: number = LIMIT_SECONDS,
): Promise<readonly string[]> {
  const calls = transitions.flatMap(callsOf);
  if (calls.length === 0) return [];
  const end = new AbortController();
  const late = sleep<typeof LATE>(limitSeconds * 1000, LATE, { signal: end.signal }).catch(
    (): typeof LATE => LATE,
  );
  const limit = pLimit(TOLD_AT_ONCE);
  const told = calls.map(async ({ hook, payload }) => {
    const answer = await Promise.race([limit(() => client.call(hook, payload)), late]);
    const reason = answer === LATE ? `not told within ${limitSeconds} s` : reasonOf(answer);
    return reason === undefined ? undefined : `${payload.name}: hook ${hook.name}: ${reason}`;
  });
  const failures = await Promise.all(told);
  limit.clearQueue();
  end.abort();
  return failures.filter((it) => it !== undefined);
}

interface Call {
  readonly hook: Hook;
  readonly payload: HookPayload;
}

function callsOf({ plan, phase, subject, type, ends, at }: News): readonly Call[] {
  const payload = payloadOf(plan, phase);
  // Flagger's names; the time is in milliseconds.
  const news = {
    eventMessage: subject,
    eventType: type,
    timestamp: String(Math.round(at * 1000)),
  };
  return (plan.hooks ?? []).flatMap((hook) => {
    if (hook.type === 'event') return [{ hook, payload: { ...payload, metadata: news } }];
    return hook.type === 'post-rollout' && ends ? [{ hook, payload }] : [];
  });
}

function reasonOf(answer: HookAnswer): string | undefined {
  if (answer.kind !== 'answered') return answer.reason;
  return answer.passed ? undefined : `HTTP ${answer.status}: ${answer.text}`;
}
