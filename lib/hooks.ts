import { Duration } from 'cdk8s';
import { hookMistakes } from './hook-mistakes.ts';
import type { Mistake } from './mistake.ts';
import type { Gate, Hook } from './plan/plan.ts';
import type { StepDraft } from './strategy/strategy.ts';
import { reachesCanary } from './traffic/traffic.ts';

/** An HTTP endpoint; docs/hooks.md says what it is sent. */
export interface HookProps {
  /** Unique in its release; a DNS label. */
  readonly name: string;
  /** `http` or `https`, without a credential: Git shows it to every reader. */
  readonly url: string;
  /**
   * For one attempt, from connecting to the last byte. At most an hour for `pre-rollout` and `rollout`, which may do
   * long work; at most a minute for the others, which are asked anew in each pass, or told in passing.
   * @default Duration.seconds(10)
   */
  readonly timeout?: Duration;
  /**
   * Attempts after one that was not answered, up to 10. Where a call may have been taken and must not be made twice,
   * there is no other attempt.
   * @default 0
   */
  readonly retries?: number;
  /**
   * Handed on in the payload.
   * @default - none
   */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Name of the key that signs the payload: a file in the analyzer's `--hook-keys`.
   * @default - what is sent is not signed
   */
  readonly key?: string;
  /**
   * Name of the authority that is trusted instead of the system's: a PEM file in the analyzer's `--hook-authorities`.
   * @default - the system's
   */
  readonly authority?: string;
}

/** A hook that passes once for its step. */
export interface PreRolloutProps extends HookProps {
  /**
   * Whether it may run a second time where nobody can tell whether it ran: the connection broke, or the analyzer
   * was started again while it waited. Where it may not, a person decides: `perch promote` or `perch abort`.
   * @default false
   */
  readonly repeatable?: boolean;
}

/** A hook that runs while the candidate is judged. */
export interface RolloutProps extends HookProps {
  /**
   * Whether each step is left only when it has passed once, as a load test does, instead of calling it once each
   * check period.
   * @default false
   */
  readonly await?: boolean;
  /**
   * Whether a hook that is awaited may run a second time where nobody can tell whether it ran.
   * @default false
   */
  readonly repeatable?: boolean;
}

/** A hook as the release's author writes it. */
export interface HookDefinition {
  readonly hook: Hook;
}

/** Asked before a rollout starts, while nothing has been touched yet, until it answers 2xx. Asked again and again. */
export function confirmRollout(props: HookProps): HookDefinition {
  return definition('confirm-rollout', props);
}

/**
 * Runs in the last step before the candidate gets its first request or a copy of one, until it passes once. One that
 * answers anything but 2xx counts as a failed check, and runs again after a check period. Where nobody can tell
 * whether it ran, it runs again only if `repeatable`.
 */
export function preRollout(props: PreRolloutProps): HookDefinition {
  return definition('pre-rollout', props, repeatability(props));
}

/**
 * Runs in every step of the analysis, once each check period, or until it passes once if `await`. What is not 2xx
 * counts as a failed check. Where nobody can tell whether it ran, it runs again, unless it is awaited and not
 * `repeatable`.
 */
export function rollout(props: RolloutProps): HookDefinition {
  const once = props.await === true ? { once: true } : {};
  return definition('rollout', props, { ...once, ...repeatability(props) });
}

/** Asked before each step that raises the canary's weight, until it answers 2xx. Asked again and again. */
export function confirmTrafficIncrease(props: HookProps): HookDefinition {
  return definition('confirm-traffic-increase', props);
}

/** Asked before the candidate is promoted, until it answers 2xx; the checks go on. Asked again and again. */
export function confirmPromotion(props: HookProps): HookDefinition {
  return definition('confirm-promotion', props);
}

/** Told once when a rollout is over, promoted or taken back. Not called again, whatever it answers. */
export function postRollout(props: HookProps): HookDefinition {
  return definition('post-rollout', props);
}

/** Asked in every step; 2xx takes the rollout back. Asked again and again. */
export function rollback(props: HookProps): HookDefinition {
  return definition('rollback', props);
}

/** Told once of every transition. Not called again, whatever it answers. */
export function event(props: HookProps): HookDefinition {
  return definition('event', props);
}

function repeatability({ repeatable }: PreRolloutProps): Pick<Hook, 'repeatable'> {
  return repeatable === undefined ? {} : { repeatable };
}

function definition(
  type: Hook['type'],
  props: HookProps,
  more: Pick<Hook, 'once' | 'repeatable'> = {},
): HookDefinition {
  const {
    name,
    url,
    timeout = Duration.seconds(10),
    retries = 0,
    metadata,
    key,
    authority,
  } = props;
  return {
    hook: {
      name,
      type,
      url,
      timeoutSeconds: timeout.toMilliseconds({ integral: false }) / 1000,
      retries,
      ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
      ...(key === undefined ? {} : { key }),
      ...(authority === undefined ? {} : { authority }),
      ...more,
    },
  };
}

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
      ...firstOfEach(given).flatMap((it) => hookMistakes(path, it.field, it.definition.hook)),
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
      const last = drafts.findIndex((it) => it.phase === 'Promoting') - 1;
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
