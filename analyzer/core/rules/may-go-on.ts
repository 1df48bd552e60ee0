import { pointsIn, type Step } from '../../../lib/plan/plan.ts';
import { brokenText, failedText } from '../judge/failed-point.ts';
import { judgedStep, nextFailureAt } from '../judge/judge.ts';
import { isProvedSafe, nextIntervalAt } from '../judge/proof.ts';
import { totalLine, undecidedText } from '../judge/proof-text.ts';
import { nextPosition, stepOf } from '../position.ts';
import { failedChecksText, ofWanted } from '../round.ts';
import { holdsNothing, servesNobody } from './broken-primary.ts';
import { type Context, type Decision, type Rule, seenIn } from './decision.ts';
import { closedGate, isApproved } from './gate.ts';
import { opensAt } from './hours.ts';
import { limitsOf, standingsAt } from './limits.ts';

/** Nothing is judged, and nothing follows, before the cluster shows what Git says. */
export function notLive({ observation, rollout }: Context): Decision | undefined {
  const live = observation.cluster?.live;
  const place =
    rollout.state.position.kind === 'step'
      ? rollout.state.position.step
      : rollout.state.position.kind;
  if (live?.kind === 'live') return undefined;
  if (live === undefined || live.kind === 'unknown')
    return {
      kind: 'hold',
      reason: `${place}: the cluster cannot be read: ${live?.reason ?? 'not asked'}`,
    };
  return {
    kind: 'hold',
    reason: `${place} is not live yet: ${live.reason}`,
    untilSeconds: live.untilSeconds,
    stuck: true,
  };
}

/** The tracks that the step names must be able to take their traffic. */
export function notReady(context: Context): Decision | undefined {
  const { observation, rollout } = context;
  const step = stepOf(rollout.plan.plan, rollout.state.position);
  for (const track of step?.ready ?? []) {
    const it = observation.cluster?.ready[track];
    if (it?.kind === 'ready' || (track === 'primary' && holdsNothing(context))) continue;
    // Past its deadline only a person, or a newer plan, can help: what could be decided was decided before.
    const overdue = it?.kind === 'notReady' && it.deadlinePassed ? { overdue: true as const } : {};
    const reason = `the ${track} is not ready: ${it?.reason ?? 'unknown'}`;
    return { kind: 'hold', reason, stuck: true, ...overdue };
  }
  return undefined;
}

/** Enough points must have passed, and the newest must not be bad. */
export function notBaked(context: Context): Decision | undefined {
  const { passed, newest, nextAt, trouble } = context.judgement;
  const needed = neededIn(context);
  const { failures, excused } = context.judgement;
  if (excused.length > 0 && (newest === 'unknown' || (newest === 'fail' && failures.length === 0)))
    return {
      kind: 'hold',
      reason: `${sharedFailure(context)}${environment(context)}; it bakes again`,
      untilSeconds: nextAt,
    };
  if (newest === 'fail')
    return { kind: 'hold', reason: newestFailure(context), untilSeconds: nextAt };
  if (needed === 0) return notWaited(context);
  if (trouble !== undefined) return { kind: 'hold', reason: `inconclusive: ${trouble}` };
  if (newest === 'unknown')
    return {
      kind: 'hold',
      reason: `inconclusive: ${silentChecks(context)}`,
      untilSeconds: nextAt,
    };
  if (passed < needed) {
    const isGuarded = judgedStep(context.rollout)?.stay.kind === 'guard';
    const reason = isGuarded
      ? 'no check point of the promotion has passed yet'
      : `${ofWanted(passed, needed)} checks passed`;
    return {
      kind: 'hold',
      reason,
      untilSeconds: sooner(context, nextAt ?? nextFailureAt(context.rollout, context.now)),
    };
  }
  return undefined;
}

/** How many points must have passed: fewer where tests have proved that the next step is safe. */
export function neededIn({ judgement, proof, rollout }: Context): number {
  const early = earlySeconds(judgedStep(rollout), proof);
  return early === undefined || judgement.needed === 0
    ? judgement.needed
    : pointsIn(rollout.plan.plan, early);
}

/** What is enough of a step's bake time as things are proved; undefined where all of it must pass. */
function earlySeconds(step: Step | undefined, proof: Context['proof']): number | undefined {
  const stay = step?.stay;
  if (stay === undefined || stay.kind === 'guard' || proof === undefined) return undefined;
  return isProvedSafe(proof) ? stay.leastSeconds : undefined;
}

/** The tests must be sure that the next step is safe, and must not see the environment fail. */
export function notProven({ proof, rollout, now }: Context): Decision | undefined {
  if (proof === undefined) return undefined;
  if (proof.trouble !== undefined)
    return { kind: 'hold', reason: `inconclusive: ${proof.trouble}` };
  if (proof.isSafe && proof.shared.length === 0) return undefined;
  const untilSeconds = nextIntervalAt(rollout, now);
  return { kind: 'hold', reason: undecidedText(proof), untilSeconds };
}

/** What failed, by how much, and how many failures that makes. */
function newestFailure(context: Context): string {
  const failing = context.judgement.newestSaid.filter((it) => it.verdict === 'fail');
  const point = { at: Infinity, checks: failing };
  return failedText(failing, standingsAt(limitsOf(context), point));
}

/** What fails now, where the newest point does; the outage itself may be over. */
function sharedFailure({ judgement: { newestSaid } }: Context): string {
  const failing = newestSaid.filter((it) => it.verdict === 'fail');
  return failing.length === 0 ? '' : `${brokenText(failing)}; `;
}

function silentChecks({ judgement: { newestSaid } }: Context): string {
  const unknown = newestSaid.filter((it) => it.verdict === 'unknown');
  const said = unknown.filter((it) => it.text !== undefined);
  const names = unknown.filter((it) => it.text === undefined).map((it) => it.check.name);
  return [
    ...(names.length === 0
      ? []
      : [`${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} no data`]),
    ...said.map((it) => `${it.check.name} ${it.text}`),
  ].join(', ');
}

/** Jobs of the step must have ended well. */
export function jobsRunning({ observation, rollout }: Context): Decision | undefined {
  for (const file of judgedStep(rollout)?.jobs ?? []) {
    const status = observation.cluster?.jobs?.get(file) ?? { kind: 'unknown', reason: 'not asked' };
    if (status.kind === 'complete') continue;
    const name = rollout.plan.plan.files[file]?.name;
    return { kind: 'hold', reason: `Job ${name} is not complete: ${status.reason}` };
  }
  return undefined;
}

/** Where the release says when steps may begin, the candidate gets no more traffic outside of these hours. */
export function outOfHours({ rollout, now }: Context): Decision | undefined {
  const { plan } = rollout.plan;
  const to = nextPosition(plan, rollout.state.position);
  const phase = to?.kind === 'step' ? stepOf(plan, to)?.phase : undefined;
  if (phase !== 'Progressing' && phase !== 'Promoting') return undefined;
  const untilSeconds = opensAt(plan.hours ?? [], now);
  if (untilSeconds === undefined) return undefined;
  return { kind: 'hold', reason: 'outside of the hours in which steps may begin', untilSeconds };
}

/** The author lets nothing go on. */
export function suspended({ rollout }: Context): Decision | undefined {
  if (rollout.plan.plan.suspend !== true || rollout.state.position.kind === 'back')
    return undefined;
  return { kind: 'hold', reason: 'suspended by its plan' };
}

/** The step's gates must be open, by themselves or by a person's word. */
export function gateClosed({ rollout, observation }: Context): Decision | undefined {
  const step = judgedStep(rollout);
  if (step === undefined || isApproved(rollout.state, rollout.plan.plan, step.name))
    return undefined;
  const closed = closedGate(step.gates ?? [], observation.answers);
  return closed === undefined ? undefined : { kind: 'hold', ...closed, atGate: true };
}

/** Leaves a rule out where something is so. */
export function unless(isSo: (context: Context) => boolean, rule: Rule): Rule {
  return (context) => (isSo(context) ? undefined : rule(context));
}

/** Left out of a rollout that waits for nothing: what is asked of it is to be live and ready. */
export function unlessFast(rule: Rule): Rule {
  return unless(({ rollout }) => rollout.state.fast !== undefined, rule);
}

/** Without checks, time alone must pass. */
function notWaited(context: Context): Decision | undefined {
  const { rollout, observation, proof, now } = context;
  const { position } = rollout.state;
  const step = position.kind === 'step' ? stepOf(rollout.plan.plan, position) : undefined;
  const live = observation.cluster?.live;
  const whole = step?.stay.kind === 'wait' ? step.stay.seconds : 0;
  const seconds = earlySeconds(step, proof) ?? whole;
  const until = (live?.kind === 'live' ? live.sinceSeconds : now) + seconds;
  if (now >= until) return undefined;
  const isTested = (step?.tests ?? []).length > 0;
  return {
    kind: 'hold',
    reason: `bakes for ${seconds} s${isTested ? '' : ', without checks'}`,
    untilSeconds: sooner(context, until),
  };
}

/** Where evidence may end the step early, its next interval may change the answer. */
function sooner({ rollout, now }: Context, untilSeconds: number | undefined): number | undefined {
  const stay = judgedStep(rollout)?.stay;
  if (stay === undefined || stay.kind === 'guard' || stay.leastSeconds === undefined)
    return untilSeconds;
  return Math.min(untilSeconds ?? Infinity, nextIntervalAt(rollout, now));
}

/** Everything that the step asks for is known to be true. */
export function goOn(context: Context): Decision {
  const { rollout } = context;
  const to = nextPosition(rollout.plan.plan, rollout.state.position);
  if (to === undefined)
    throw new Error(`release ${rollout.state.release}: nothing follows its position`);
  return {
    kind: 'move',
    transition: to.kind === 'complete' ? 'complete' : 'next',
    to,
    pins: false,
    failed: rollout.state.failed,
    verdict: isJudged(context) ? 'pass' : 'none',
    reason: whyOn(context),
    ...seenIn(context),
  };
}

/** Whether checks had to pass. */
function isJudged(context: Context): boolean {
  const { rollout, judgement, proof } = context;
  const isAsked = judgement.needed > 0 || proof !== undefined;
  return isAsked && rollout.state.fast === undefined && !servesNobody(context);
}

function whyOn(context: Context): string {
  const { rollout, judgement, proof, observation } = context;
  const { fast, approved } = rollout.state;
  const primary = observation.cluster?.ready.primary;
  const why = primary?.kind === 'notReady' ? `: ${primary.reason}` : '';
  if (fast !== undefined)
    return `live and ready; ${fast.reason}${why && `; the primary is not ready${why}`}`;
  if (servesNobody(context))
    return `live and ready; the primary serves nobody${why}, so no check is waited for`;
  const step = judgedStep(rollout)?.name;
  const by = approved?.find((it) => it.step === step);
  const passed = [
    ...(judgement.needed > 0
      ? [`${ofWanted(judgement.passed, neededIn(context))} checks passed`]
      : []),
    ...(proof === undefined ? [] : [totalLine(proof)]),
    ...(judgement.excused.length > 0 ? [environment(context)] : []),
  ];
  const said = passed.length === 0 ? 'live and ready' : passed.join('; ');
  return by === undefined ? said : `${said}; approved by ${by.by}: ${by.reason}`;
}

function environment({ judgement }: Context): string {
  const count = judgement.excused.length;
  const verb = count === 1 ? 'is' : 'are';
  return `the environment was down: ${failedChecksText(count)} ${verb} not the candidate's`;
}
