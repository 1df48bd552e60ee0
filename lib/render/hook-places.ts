import { hookMistakes } from '../analysis/hook-mistakes.ts';
import type { HookDefinition } from '../analysis/hooks.ts';
import { type Mistake, placeOf } from '../mistake.ts';
import type { Gate, Hook } from '../plan/plan.ts';
import { promotionIndex, type StepDraft } from '../strategy/strategy.ts';
import { reachesCanary } from '../traffic/traffic.ts';

/** Which hooks each step asks and calls. */
export interface PlacedHooks {
  /** All of the release, each once. */
  readonly hooks: readonly Hook[];
  /** Before the first step. */
  readonly start: readonly Gate[];
  /** One for each draft. */
  readonly steps: readonly StepHooks[];
  readonly mistakes: readonly Mistake[];
}

/** What one step asks before it is left, and the names of what is called in it. */
export interface StepHooks {
  readonly gates: readonly Gate[];
  readonly hooks: readonly string[];
}

/** What each step asks: pure. */
export function placeHooks(
  path: string,
  release: readonly HookDefinition[],
  drafts: readonly StepDraft[],
): PlacedHooks {
  const given = [...ofRelease(release, drafts), ...ofSteps(drafts)];
  const definitions = [...new Set(given.map((it) => it.definition))];
  const asked = (index: number): Gate[] =>
    given
      .filter(({ definition: { hook }, places }) => isGate(hook) && places.includes(index))
      .map(({ definition: { hook } }) => ({ kind: 'hook', hook: hook.name }));
  const called = (index: number): string[] =>
    given
      .filter(({ definition: { hook }, places }) => !isGate(hook) && places.includes(index))
      .map(({ definition: { hook } }) => hook.name);
  return {
    hooks: definitions.map((it) => it.hook),
    start: asked(START),
    steps: drafts.map(({ gate }, index) => {
      if (index === START) return { gates: [], hooks: [] };
      const person: Gate[] = gate === 'person' ? [{ kind: 'person' }] : [];
      return { gates: [...person, ...asked(index)], hooks: [...new Set(called(index))] };
    }),
    mistakes: [
      ...given.flatMap((it) => placeMistakes(path, it)),
      ...firstOfEach(given).flatMap(({ field, definition }) =>
        hookMistakes(path, field, definition.hook).map((it) => ({ ...placeOf(definition), ...it })),
      ),
      ...doubled(path, definitions),
    ],
  };
}

/** Whoever is asked before step 01 is asked before the rollout starts: step 00 belongs to the first release alone. */
const START = 0;

/** A hook, and where it is asked or called. */
interface Given {
  readonly definition: HookDefinition;
  /** Which one it is, for people. */
  readonly field: string;
  /** Whether a single step names it. */
  readonly isOfStep: boolean;
  /** Numbers of the steps; of gates, also `START`. */
  readonly places: readonly number[];
}

function ofRelease(release: readonly HookDefinition[], drafts: readonly StepDraft[]): Given[] {
  return release.map((it, index) => ({
    definition: it,
    field: `hooks[${index}] (${it.hook.name})`,
    isOfStep: false,
    places: placesOf(it.hook.type, drafts),
  }));
}

function ofSteps(drafts: readonly StepDraft[]): Given[] {
  return drafts.flatMap(({ name, hooks = [] }, step) =>
    hooks.map((it, index) => ({
      definition: it,
      field: `step ${name}, hooks[${index}] (${it.hook.name})`,
      isOfStep: true,
      places: isBetween(step, drafts) ? [step] : [],
    })),
  );
}

function isBetween(index: number, drafts: readonly StepDraft[]): boolean {
  return index > START && index < drafts.length - 1;
}

function placesOf(type: Hook['type'], drafts: readonly StepDraft[]): readonly number[] {
  const all = [...drafts.keys()];
  const between = all.filter((it) => isBetween(it, drafts));
  switch (type) {
    case 'confirm-rollout':
      return [START];
    case 'pre-rollout': {
      const last = drafts.findIndex(isReached) - 1;
      return between.includes(last) ? [last] : [];
    }
    case 'rollout':
      return between.filter((it) => isAnalysis(drafts[it]));
    case 'confirm-traffic-increase':
      return all.filter((it) => isIncrease(drafts[it], drafts[it + 1]));
    case 'confirm-promotion': {
      const last = promotionIndex(drafts) - 1;
      return last < START ? [] : [last];
    }
    case 'rollback':
      return between;
    case 'post-rollout':
    case 'event':
      return [];
  }
}

/** Whether anybody, or a copy of a request, reaches the candidate. */
function isReached({ traffic, primary }: StepDraft): boolean {
  return reachesCanary(traffic) || primary === 'candidate';
}

function isAnalysis(draft: StepDraft | undefined): boolean {
  if (draft?.phase !== 'Progressing') return false;
  const bakes = draft.checks === 'bake' || (draft.own ?? []).length > 0;
  return bakes || reachesCanary(draft.traffic);
}

function isIncrease(draft: StepDraft | undefined, next: StepDraft | undefined): boolean {
  if (draft === undefined || next?.phase !== 'Progressing') return false;
  return next.traffic.weights.canary > draft.traffic.weights.canary;
}

function isGate({ type }: Hook): boolean {
  return type.startsWith('confirm-');
}

/** A hook that is never called would look as if it guarded something. */
function placeMistakes(path: string, { definition, field, isOfStep, places }: Given): Mistake[] {
  const { type } = definition.hook;
  const isTold = type === 'post-rollout' || type === 'event';
  if (isOfStep && (isTold || type === 'confirm-rollout')) {
    const remedy = 'put it into the hooks of the release';
    return [{ path, problem: `${field}: a single step has no ${type} hook`, remedy }];
  }
  if (isTold || places.length > 0) return [];
  const problem = `${field}: no step of this strategy ${NOWHERE[type] ?? 'calls it'}`;
  return [{ path, problem, got: type, remedy: REMEDY[type] ?? 'leave it out' }];
}

const NOWHERE: Readonly<Partial<Record<Hook['type'], string>>> = {
  'pre-rollout': 'runs the candidate before it gets traffic',
  rollout: 'gives traffic to a canary, or judges it',
  'confirm-traffic-increase': "raises a canary's weight",
  'confirm-promotion': 'promotes',
};

const REMEDY: Readonly<Partial<Record<Hook['type'], string>>> = {
  'pre-rollout': 'use confirmRollout, which is asked before anything is touched',
  rollout: 'give it to a single step',
  'confirm-traffic-increase': 'use confirmPromotion, or give it to a single step',
  'confirm-promotion': 'use confirmRollout, or give it to a single step',
};

/** Of a hook that several steps share, the first. */
function firstOfEach(given: readonly Given[]): readonly Given[] {
  return given.filter(
    (it, index) => given.findIndex((one) => one.definition === it.definition) === index,
  );
}

function doubled(path: string, definitions: readonly HookDefinition[]): Mistake[] {
  const names = definitions.map((it) => it.hook.name);
  const remedy = 'give one of them another name';
  return names
    .filter((it, index) => names.indexOf(it) !== index)
    .map((got) => ({ path, problem: 'two hooks have one name', got, remedy }));
}
