import { seeded } from '../random.ts';
import { BOUNDS, bucketsOf, type Scenario } from '../requests.ts';
import { ARGO_ROLLOUTS, FLAGGER, isFailed, type LimitRule } from '../rules.ts';
import { openTraffic } from './counted-traffic.ts';
import type { Ended } from './play.ts';
import type { Setting } from './setting.ts';

/** Another tool's rule, at the weights and times of the plan or of its own example. */
export interface PacedRule {
  readonly rule: LimitRule;
  readonly pace: 'same' | 'own';
}

/** All that a forecast is held against. */
export const OTHER_RULES: readonly PacedRule[] = [FLAGGER, ARGO_ROLLOUTS].flatMap((rule) => [
  { rule, pace: 'same' as const },
  { rule, pace: 'own' as const },
]);

/** How a rollout by such a rule ended. */
export type OtherEnded = Pick<Ended, 'seconds' | 'detectedSeconds' | 'bad'> & {
  readonly kind: 'promoted' | 'rolled back';
};

/** Minutes with what share of all requests the candidate has; none where a failed minute may add more. */
type Minutes = readonly number[];

/** Plays one rollout by another tool's rule. @param shares of the plan's own rollout, for the same pace */
export function playOther(
  { rule, pace }: PacedRule,
  setting: Setting,
  shares: Ended['shares'],
  scenario: Scenario,
  seed: number,
): OtherEnded {
  const isTimed = setting.load.bounds.length > 0 || scenario.latency !== undefined;
  const bounds = isTimed ? BOUNDS : [];
  const traffic = openTraffic({ ...setting.load, bounds }, scenario, seeded(seed), 0, 60);
  const minutes = pace === 'same' ? minutesOf(shares) : ownMinutes(rule);
  const onset = scenario.onsetMinute ?? 0;
  let [failed, minute, bad] = [0, 0, 0];
  for (let k = 0; k < minutes.length; ) {
    minute += 1;
    const canary = minutes[k] ?? 0;
    const flow = { canary, baseline: 0, isPromoted: false, isWorse: minute > onset };
    bad += traffic.tick(60 * minute, flow);
    const seen = traffic.counted('canary', 60 * (minute - 1), 60 * minute);
    const isBad = isFailed({
      tally: seen,
      buckets: isTimed ? bucketsOf(bounds, seen.within, seen.requests) : [],
    });
    if (isBad) failed += 1;
    if (failed >= rule.mostFailed) return rolledBack(minute);
    if (!(isBad && rule.waits && pace === 'own')) k += 1;
  }
  return { kind: 'promoted', seconds: 60 * minute, detectedSeconds: undefined, bad };

  function rolledBack(at: number): OtherEnded {
    const detectedSeconds = at > onset ? 60 * (at - onset) : undefined;
    return { kind: 'rolled back', seconds: 60 * at, detectedSeconds, bad };
  }
}

function ownMinutes({ pace }: LimitRule): Minutes {
  return pace.flatMap(({ weight, minutes }) => Array<number>(minutes).fill(weight / 100));
}

/** The candidate's shares minute by minute, from its first request on. */
function minutesOf(shares: Ended['shares']): Minutes {
  const reached = shares.filter((it) => it.share > 0);
  const total = reached.reduce((sum, it) => sum + it.seconds, 0);
  return Array.from({ length: Math.floor(total / 60) }, (_, minute) => {
    let left = 60 * minute + 30;
    const found = reached.find((it) => {
      left -= it.seconds;
      return left < 0;
    });
    return found?.share ?? 0;
  });
}
