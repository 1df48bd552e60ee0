import { checkText } from '../../lib/plan/judge.ts';
import { attemptOf, identityOf, type Plan } from '../../lib/plan/plan.ts';
import type { Evidence } from './judge/judge.ts';
import { saidOf, testLine } from './judge/proof-text.ts';
import { type Message, plainMessage, type Trailer } from './message.ts';
import { canaryWeight, type Position, positionText, stepOf } from './position.ts';
import { round } from './round.ts';
import type { Move } from './rules/decision.ts';
import type { Note, State } from './state.ts';

/** What an explanation is made of. */
export interface Transition {
  readonly id: string;
  readonly move: Move;
  readonly plan: Plan;
  /** The state before, and after. */
  readonly from: State | undefined;
  readonly state: State;
}

/** What the commit of a transition says: a line that a person understands, the numbers behind it, trailers. */
export function explain(transition: Transition): Message {
  const { id, move, plan, from, state } = transition;
  return plainMessage({
    topic: id,
    headline: headline(move, plan, from, state),
    body: body(transition),
    trailers: [trailers(transition)],
  });
}

function headline(move: Move, plan: Plan, from: State | undefined, state: State): string {
  const images = versionText(plan);
  switch (move.transition) {
    case 'start':
      return `${move.to.kind === 'init' ? 'initialize' : 'start'} ${images} (${plan.candidate})${attemptText(plan, from)}`;
    case 'complete':
      return from?.position.kind === 'init'
        ? `initialized ${images}`
        : `promoted ${images} (${plan.candidate})`;
    case 'adopt':
      return `configuration changed in ${positionText(move.to)}`;
    case 'configure':
      return 'configuration changed';
    case 'back':
      return backHeadline(move, plan, from);
    case 'note':
      return move.note === undefined ? 'note' : noteText(move.note);
    case 'undo':
      return `undo ${images}: back to ${move.stable === undefined ? 'before' : versionText(move.stable.plan)}`;
    case 'resume':
      return move.fast === undefined ? `resumed at ${positionText(move.to)}` : FULL;
    case 'next':
      return stepHeadline(plan, from?.position, state.position);
  }
}

/** Said of a candidate that failed before alone: in any other start the number means nothing. */
function attemptText(plan: Plan, from: State | undefined): string {
  return from?.failed?.candidate === identityOf(plan) ? `, attempt ${attemptOf(plan)}` : '';
}

function stepHeadline(plan: Plan, from: Position | undefined, to: Position): string {
  const step = stepOf(plan, to);
  const before = from === undefined ? undefined : stepOf(plan, from);
  const promotes = step?.phase === 'Promoting' && before?.phase !== 'Promoting';
  // Where Services exist already, nothing is promoted but the weight.
  if (promotes && plan.shape.services === undefined)
    return `promote: the primary gets ${versionText(plan)}`;
  const weight = canaryWeight(plan, to);
  const was = from === undefined ? 0 : canaryWeight(plan, from);
  return was === weight && step !== undefined ? `step ${step.name}` : `weight ${was} → ${weight}`;
}

/** What is released, for people: its images, or the Service that exists already. */
function versionText({ images, shape: { services } }: Plan): string {
  return services === undefined ? images.map(shortImage).join(', ') : services.candidate;
}

function backHeadline(move: Move, plan: Plan, from: State | undefined): string {
  const weight = from === undefined ? 0 : canaryWeight(plan, from.position);
  if (move.to.kind === 'stable') return 'rolled back: the stable set is restored';
  if (move.to.kind === 'back' && move.to.part === 'primary')
    return 'roll back: restore the primary';
  return weight === 0 ? 'roll back: restore the routes' : `roll back: weight ${weight} → 0`;
}

const FULL = 'promoted by a person: waits for no check and no gate';

/** What a note was about: `hook load-test passed`. */
export function noteText(it: Note): string {
  switch (it.kind) {
    case 'hookCalled':
      return `hook ${it.hook} is called`;
    case 'hookEnded':
      return `hook ${it.hook} ${it.outcome}`;
    case 'gateOpened':
      return `gate of ${it.step} opened`;
    case 'fast':
      return FULL;
    case 'retried':
      return `retry ${it.candidate}`;
    case 'notStarted':
      return `candidate ${it.candidate} is not started`;
    case 'paused':
    case 'resumed':
      return it.kind;
  }
}

function body({ move, state }: Transition): Message['body'] {
  const who = state.by === undefined ? [] : [`By ${state.by}.`];
  const lines = [
    ...(move.judgement?.evidence ?? []).map(evidenceLine),
    ...(move.proof?.tests ?? []).map((it) => testLine(saidOf(it))),
  ];
  return [[sentence(move.reason), ...who], ...(lines.length === 0 ? [] : [lines])];
}

/** One check in numbers: `success-rate ≥ 99 %: latest 99.87, worst 99.61, 4 of 4 points passed`. */
export function evidenceLine(it: Evidence): string {
  const values =
    it.trouble ??
    (it.latest === undefined
      ? 'no data'
      : it.worst === undefined
        ? (it.said ?? `latest ${round(it.latest)}`)
        : `latest ${round(it.latest)}, worst ${round(it.worst)}`);
  const { name, dryRun } = it.check;
  const dry = dryRun === true ? ' (dry run)' : '';
  return `${name} ${checkText(it.check)}: ${values}; ${it.passed} of ${it.points} points passed, ${it.failed} failed${dry}`;
}

function trailers({ id, move, plan, state }: Transition): readonly Trailer[] {
  return [
    { name: 'Perch-Release', value: id },
    { name: 'Perch-Transition', value: String(state.transition) },
    { name: 'Perch-Step', value: positionText(move.to) },
    { name: 'Perch-Verdict', value: move.verdict },
    { name: 'Perch-Plan', value: `${plan.candidate} ${state.plan}` },
  ];
}

/** The image without the folders before its name. */
function shortImage(image: string): string {
  return image.slice(image.lastIndexOf('/') + 1);
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
