import type { Mistake } from '../mistake.ts';
import type { StepDraft } from '../strategy/strategy.ts';

/** What of the steps needs pods of ours. */
export function existingDraftMistakes(path: string, drafts: readonly StepDraft[]): Mistake[] {
  if (!drafts.some((it) => it.baseline === true)) return [];
  const problem = 'a step compares with a baseline, and existing has no pods to run one';
  return [{ path, problem, remedy: 'leave the baseline out' }];
}

/**
 * The steps of a strategy where there is nothing to promote: the candidate's Service stays where the traffic is.
 * From the promotion on all requests go there; what then changes nothing is left out.
 */
export function withoutPromotion(drafts: readonly StepDraft[]): readonly StepDraft[] {
  const promotion = drafts.findIndex((it) => it.phase === 'Promoting');
  const bare = drafts.map(
    (it, index): StepDraft => ({
      ...it,
      ready: [],
      canary: { kind: 'none' },
      primary: 'stable',
      ...(promotion >= 0 && index >= promotion ? arrived(it) : {}),
    }),
  );
  return bare.filter((it, index) => {
    const before = bare[index - 1];
    const isLast = index === bare.length - 1;
    if (isLast || before === undefined || promotion < 0 || index < promotion) return true;
    return isAsked(it) || JSON.stringify(it.traffic) !== JSON.stringify(before.traffic);
  });
}

function arrived({ name, traffic }: StepDraft): Pick<StepDraft, 'name' | 'traffic'> {
  const { routes: _, mirrors: __, ...rest } = traffic;
  return {
    name: name.replace(/^(?:promote|weight-.*)$/, 'weight-100'),
    traffic: { ...rest, weights: { primary: 0, canary: 100 } },
  };
}

/** Whether a step holds anything up. */
function isAsked({ gate, hooks = [], own = [] }: StepDraft): boolean {
  return gate !== undefined || hooks.length > 0 || own.length > 0;
}
