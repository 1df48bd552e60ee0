import { eachOf, type Fields, type Upgrade } from './versions.ts';

/** What a plan.yaml of each version becomes in the next one; the first is that of version 1. */
export const PLAN_UPGRADES: readonly Upgrade[] = [
  (plan) => ({
    ...plan,
    checks: eachOf(plan.checks, splitCheck),
    steps: eachOf(plan.steps, nameStay),
  }),
  // Versions 3 and 4 have more to say; what a plan of the version before says means the same.
  (plan) => plan,
  (plan) => plan,
];

/** Version 2 tells apart what is asked, of which store, and how it is judged. */
function splitCheck({ provider: _, query, primary, min, max, ...rest }: Fields): Fields {
  return {
    ...rest,
    source: 'default',
    ask: { canary: query, ...given('primary', primary) },
    judge: { kind: 'bounds', ...given('min', min), ...given('max', max) },
  };
}

/** Version 2 says what 0 seconds of baking meant. */
function nameStay({ bakeSeconds, ...step }: Fields): Fields {
  const isJudged = Array.isArray(step.checks) && step.checks.length > 0;
  if (!isJudged) return { ...step, stay: { kind: 'wait', seconds: bakeSeconds } };
  if (bakeSeconds !== 0) return { ...step, stay: { kind: 'bake', seconds: bakeSeconds } };
  return { ...step, stay: { kind: 'guard', points: step.phase === 'Promoting' ? 1 : 0 } };
}

function given(key: string, value: unknown): Fields {
  return value === undefined ? {} : { [key]: value };
}
