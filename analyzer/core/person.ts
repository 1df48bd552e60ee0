import { describeSteps } from '../../lib/plan/describe.ts';
import { identityOf, lastStep, type Plan, type Step } from '../../lib/plan/plan.ts';
import { refusals } from './admission/refuse.ts';
import type { Change } from './change.ts';
import { failureOf, isHeldBack } from './failure.ts';
import { disagreement } from './integrity.ts';
import { plainMessage } from './message.ts';
import { status } from './phase.ts';
import {
  atRest,
  canBeRemoved,
  type PlanTree,
  positionText,
  stepIndex,
  undoPosition,
} from './position.ts';
import { nextBack } from './rollout.ts';
import { first } from './rules/at-rest.ts';
import { type Move, noteMove, staying } from './rules/decision.ts';
import { isApproved, START } from './rules/gate.ts';
import type { Rollout, Situation } from './situation.ts';
import type { State } from './state.ts';

/** What a person asks for, and why. */
export interface Request {
  /** Name and address of the person. */
  readonly by: string;
  readonly reason: string;
}

/**
 * Begins a release of which Git knows nothing, also where the cluster runs it: the one thing that the analyzer does
 * not do by itself.
 *
 * @throws Error when Git knows it, or when its newest plan may not begin
 */
export function initialize(situation: Situation, { by, reason }: Request): Move {
  const { id } = situation;
  if (situation.rollout.kind !== 'absent')
    throw new Error(
      `${id} is known to the run branch already (${status(situation).reason}): there is nothing to initialize`,
    );
  const decision = first(situation);
  if (decision.kind !== 'move') throw new Error(`${id} cannot be initialized: ${decision.reason}`);
  return { ...decision, reason: `initialized by ${by}: ${reason}` };
}

/** Stops a rollout where it is. Only a necessary rollback still happens. @throws Error when paused already */
export function pause(situation: Situation, { by, reason }: Request): Move {
  if (situation.rollout.kind === 'absent')
    throw new Error(
      `${situation.id} has not started: there is nothing to pause yet. suspend: true in apps/ keeps it from starting`,
    );
  const { state } = unedited(situation);
  if (state.position.kind === 'back')
    throw new Error(
      `${situation.id} is rolling back (${positionText(state.position)}), and a rollback is never left half done`,
    );
  if (state.paused !== undefined)
    throw new Error(
      `${situation.id} is paused already: ${state.paused.reason}. \`perch resume\` goes on`,
    );
  return { ...noteMove(state, { kind: 'paused', reason }, reason), paused: { reason, by } };
}

/**
 * Goes on after a pause, and after an edit of Git by hand: a revert that left everything consistent is kept,
 * anything else is written over with the files of the position.
 *
 * @param situation with the plans that its state names, even where the folders were edited
 * @throws Error when there is nothing to resume
 */
export function resume(situation: Situation, { reason }: Request): Move {
  const { state } = running(situation);
  const edited = disagreement(situation, running(situation)) !== undefined;
  if (state.paused === undefined && !edited)
    throw new Error(`${situation.id} is neither paused nor edited: nothing to resume`);
  // Deadlines start again after a pause that the analyzer itself asked for, or it would pause at once.
  const again = edited || state.paused?.by === undefined;
  return again
    ? { ...staying(state, reason), transition: 'resume' }
    : noteMove(state, { kind: 'resumed', reason }, reason);
}

/** Gives a failed candidate another chance. @throws Error when no candidate failed */
export function retry(situation: Situation, { reason }: Request): Move {
  const { state } = unedited(situation);
  if (state.failed === undefined)
    throw new Error(`${situation.id}: no candidate failed, there is nothing to retry`);
  if (!atRest(state.position))
    throw new Error(
      `${situation.id} is still under way (${positionText(state.position)}): retry it after its rollback, see perch wait --for failed`,
    );
  const { candidate } = state.failed;
  return { ...noteMove(state, { kind: 'retried', candidate, reason }, reason), failed: undefined };
}

/** Takes a running candidate back and remembers it as failed. @throws Error when none is running */
export function abort(situation: Situation, { by, reason }: Request): Move {
  const rollout = running(situation);
  const { state } = rollout;
  if (state.position.kind === 'back')
    throw new Error(`${situation.id} is rolling back already: ${positionText(state.position)}`);
  if (state.position.kind !== 'step')
    throw new Error(
      `${situation.id} has no rollout to abort: it is ${positionText(state.position)}`,
    );
  return {
    ...staying(state, `aborted by ${by}: ${reason}`),
    transition: 'back',
    to: nextBack(rollout),
    verdict: 'fail',
    failed: failureOf(rollout.plan.plan, state.position.step, `aborted: ${reason}`),
  };
}

/**
 * Opens one gate: that of the step where the release is, before a rollout the one before step 01. A gate ahead opens only
 * where its step is named, so that asking twice opens nothing that nobody has looked at.
 *
 * @param step the step whose gate it is, of those of `gates` @default - the present one
 * @throws Error when there is no gate to open, with what the release waits for instead
 */
export function promote(situation: Situation, { by, reason }: Request, step?: string): Move {
  const { state, plan } = promotable(situation);
  if (state.paused !== undefined) throw new Error(pausedText(situation.id, state.paused.reason));
  const meant = step ?? presentGate(situation);
  const gate = gates(situation).find((it) => it.step === meant);
  if (gate === undefined || gate.isOpen) throw new Error(noGate(situation, gate));
  const waiting = meant === START && situation.dist.kind === 'known' ? situation.dist.value : plan;
  const candidate = identityOf(waiting.plan);
  const approved = [...(state.approved ?? []), { candidate, step: meant, by, reason }];
  return { ...noteMove(state, { kind: 'gateOpened', step: meant, reason }, reason), approved };
}

/**
 * Lets the whole rollout wait for no check and no gate; what takes it back still does. It also ends a pause that the
 * analyzer itself asked for: what it asked a person about, a person has decided.
 *
 * @throws Error when no rollout is under way, or it waits for nothing already
 */
export function promoteFull(situation: Situation, { by, reason }: Request): Move {
  const { state } = promotable(situation);
  if (state.paused?.by !== undefined)
    throw new Error(pausedText(situation.id, state.paused.reason));
  if (state.position.kind !== 'step')
    throw new Error(
      `${situation.id} has no rollout under way (${status(situation).reason}): promote --full when it has begun`,
    );
  if (state.fast !== undefined)
    throw new Error(`${situation.id} waits for no check and no gate already: ${state.fast.reason}`);
  const fast = { reason: `promoted by ${by}`, by };
  // As after `resume`: deadlines start again, or it would pause at once.
  return state.paused === undefined
    ? { ...noteMove(state, { kind: 'fast', reason }, reason), fast }
    : { ...staying(state, reason), transition: 'resume', fast };
}

/** A gate that a person can open, or has opened. */
export interface PersonGate {
  /** The step at whose end it is; `start` is before step 01. */
  readonly step: string;
  readonly isOpen: boolean;
}

/** The gates from where the release is to the end of its rollout; before a rollout the one before step 01. */
export function gates(situation: Situation): readonly PersonGate[] {
  const { state, plan, stable } = running(situation);
  const gateOf = (of: Plan, step: string) => ({ step, isOpen: isApproved(state, of, step) });
  if (state.position.kind === 'step')
    return plan.plan.steps
      .slice(stepIndex(plan.plan, state.position.step))
      .filter((it) => canBeOpened(state, it))
      .map((it) => gateOf(plan.plan, it.name));
  const { dist } = situation;
  if (!atRest(state.position) || dist.kind !== 'known' || stable === undefined) return [];
  const { plan: newest } = dist.value;
  const waits = identityOf(newest) !== identityOf(stable.plan) && !isHeldBack(state.failed, newest);
  const hasGates = (dist.value.plan.start ?? []).length > 0;
  return waits && hasGates ? [gateOf(dist.value.plan, START)] : [];
}

/** The step whose gate opens where no step is named. */
export function presentGate(situation: Situation): string {
  const { position } = running(situation).state;
  return position.kind === 'step' ? position.step : START;
}

/** Whether there is something to resume: a pause, or an edit by hand. */
export function isHeld(situation: Situation): boolean {
  const { state } = situation;
  return (state.kind === 'known' && state.value.paused !== undefined) || isEdited(situation);
}

/** Whether what Git holds is not what the state says, or cannot be read. */
export function isEdited(situation: Situation): boolean {
  const rollout = situation.rollout;
  if (rollout.kind === 'known') return disagreement(situation, rollout.value) !== undefined;
  return rollout.kind === 'broken';
}

/** Gates, and hooks of which nobody can tell whether they ran. */
function canBeOpened({ hooks = [] }: State, step: Step): boolean {
  const runs = hooks.filter((it) => it.step === step.name);
  const newest = runs.filter(
    (it, index) => runs.findLastIndex((one) => one.hook === it.hook) === index,
  );
  const untold = newest.some((it) => it.outcome === undefined || it.outcome === 'unknown');
  return (step.gates ?? []).length > 0 || untold;
}

/** @throws Error for a rollback, and for an edit by hand */
function promotable(situation: Situation): Rollout {
  const it = unedited(situation);
  if (it.state.position.kind !== 'back') return it;
  throw new Error(
    `${situation.id} is rolling back (${positionText(it.state.position)}): there is nothing to promote`,
  );
}

function pausedText(id: string, reason: string): string {
  return `${id} is paused: ${reason}. \`perch resume\` it first`;
}

/** Why nothing opens. @param gate the one that was meant, which is open; undefined where there is none */
function noGate(situation: Situation, gate: PersonGate | undefined): string {
  const { id } = situation;
  const { state, plan } = running(situation);
  const { position } = state;
  if (gate === undefined && position.kind !== 'step')
    return (
      `${id} is ${positionText(position)}, and no candidate waits at a gate before step 01: ` +
      status(situation).reason
    );
  const present = presentGate(situation);
  const ahead = gates(situation).find((it) => !it.isOpen && it.step !== present);
  const next =
    ahead === undefined
      ? ''
      : `. The next closed gate is that of ${ahead.step}: \`perch promote ${id} --step ${ahead.step}\` opens it now`;
  if (gate !== undefined) return `${id}: ${openText(situation, gate.step)}${next}`;
  const waits = needs(plan.plan, present);
  if (ahead !== undefined) return `${id}: ${present} has no gate, it needs: ${waits}${next}`;
  return (
    `${id} has no closed gate in ${present} or ahead. ${present} waits for: ${waits}. ` +
    '`perch promote --full` waits for no check'
  );
}

function openText(situation: Situation, step: string): string {
  const { state, plan } = running(situation);
  const opened = state.approved?.findLast((it) => it.step === step);
  const by = opened === undefined ? '' : `, ${opened.by} opened it (${opened.reason})`;
  const waits =
    step === START
      ? `The release waits for: ${status(situation).reason}`
      : `In all, ${step} needs: ${needs(plan.plan, step)}`;
  return `the gate of ${step} is open already${by}. ${waits}`;
}

/** What must be true to leave a step. */
function needs(plan: Plan, step: string): string {
  return describeSteps(plan)[stepIndex(plan, step)]?.gate ?? '';
}

/**
 * Takes a complete release back to an earlier one, by the same sequence as any rollback; the candidate that is
 * left counts as failed.
 *
 * @param earlierThan finds the plan of a candidate that was complete before the present one
 * @throws Error while a rollout is under way, and where the plan is of the present candidate
 */
export function undo(
  situation: Situation,
  { by, reason }: Request,
  earlierThan: (present: string) => PlanTree,
): Move {
  const { state, plan } = unedited(situation);
  if (state.position.kind !== 'complete')
    throw new Error(
      `${situation.id} is not complete (${positionText(state.position)}): ` +
        (state.position.kind === 'stable'
          ? 'it was rolled back already'
          : '`perch abort` rolls a rollout back'),
    );
  const candidate = identityOf(plan.plan);
  const earlier = earlierThan(candidate);
  if (identityOf(earlier.plan) === candidate)
    throw new Error(`${situation.id} runs ${candidate} already: name an earlier candidate`);
  const refused = unsafe(earlier.plan, plan.plan);
  if (refused.length > 0)
    throw new Error(
      `${situation.id} cannot go straight back to ${identityOf(earlier.plan)}: ${refused.join('; ')}`,
    );
  return {
    ...staying(state, `undone by ${by}: ${reason}`),
    transition: 'undo',
    to: undoPosition(plan.plan),
    stable: earlier,
    verdict: 'fail',
    failed: failureOf(plan.plan, lastStep(plan.plan).name, `undone: ${reason}`),
  };
}

/** As for a plan that follows another, but that routes which came since may go: every rollback takes them. */
function unsafe({ shape }: Plan, present: Plan): readonly string[] {
  return refusals(shape, { ...present.shape, routes: shape.routes });
}

/**
 * Deletes a release from the run ref; the GitOps tool then deletes it from the cluster.
 *
 * @param now Unix seconds
 * @throws Error while the release is in dist/ or a rollout is under way
 */
export function remove(situation: Situation, { by, reason }: Request, now: number): Change {
  const { id } = situation;
  if (situation.dist.kind === 'broken')
    throw new Error(`${situation.dist.reason}; is ${id} gone from it?`);
  if (situation.dist.kind === 'known')
    throw new Error(
      `${id} is still in dist/: delete it from apps/, run \`npm run synth\`, merge, then remove it`,
    );
  const rollout = situation.rollout;
  if (rollout.kind === 'absent')
    throw new Error(`${id} is not on the run branch: nothing to remove`);
  if (rollout.kind === 'known' && !canBeRemoved(rollout.value.state.position))
    throw new Error(
      `${id} is under way (${positionText(rollout.value.state.position)}): let it roll back first`,
    );
  return {
    release: id,
    message: plainMessage({
      topic: id,
      headline: 'removed',
      body: [[reason, `By ${by}.`]],
      trailers: [
        [
          { name: 'Perch-Release', value: id },
          { name: 'Perch-Step', value: 'removed' },
        ],
      ],
    }),
    at: Math.floor(now),
    writes: [
      { kind: 'delete', path: `live/${id}` },
      { kind: 'delete', path: `rollouts/${id}` },
    ],
  };
}

function running(situation: Situation): Rollout {
  const rollout = situation.rollout;
  if (rollout.kind === 'known') return rollout.value;
  if (rollout.kind === 'broken') throw new Error(rollout.reason);
  throw new Error(
    `${situation.id} has not started: there is no rollouts/${situation.id}/state.yaml`,
  );
}

/** What an edit by hand left must not be written over in passing. @throws Error while one stands */
function unedited(situation: Situation): Rollout {
  const it = running(situation);
  const differs = disagreement(situation, it);
  if (differs === undefined) return it;
  throw new Error(`${situation.id} was edited by hand: ${differs}. \`perch resume\` it first`);
}
