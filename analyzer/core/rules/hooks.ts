import type { Hook } from '../../../lib/plan/plan.ts';
import { judgedStep } from '../judge/judge.ts';
import type { HookReading } from '../observation.ts';
import { type HookRecord, isoTime, unix } from '../state.ts';
import { askHook, hookReading } from './ask.ts';
import { type Context, type Decision, type Move, noteMove } from './decision.ts';
import { hasPassed, hooksNamed, isApproved, readingText } from './gate.ts';
import { backBecause } from './must-go-back.ts';

/** A hook asks for a rollback; asked in every step, whatever else the release waits for. */
export function signalled(context: Context): Decision | undefined {
  const { observation } = context;
  const all = hooksOf(context).filter((it) => it.type === 'rollback');
  const unasked = all.filter((it) => hookReading(observation.answers, it.name) === undefined);
  if (unasked.length > 0)
    return {
      kind: 'hold',
      reason: 'hooks were not asked',
      asks: unasked.map((it) => askHook(it.name)),
    };
  const signal = all.find((it) => hasPassed(readingOf(context, it)));
  if (signal === undefined) return undefined;
  const said = readingText(readingOf(context, signal));
  return backBecause(context, `hook ${signal.name} asks for a rollback: ${said}`);
}

/** Every hook of the step must have done its work; one that cannot tell whether to roll back holds, too. */
export function hooksPending(context: Context): Decision | undefined {
  const all = hooksOf(context);
  const signals = all.filter((it) => it.type === 'rollback');
  for (const hook of [...signals, ...all.filter((it) => it.type !== 'rollback')]) {
    const decision =
      hook.type === 'rollback'
        ? unsure(context, hook)
        : hook.type === 'pre-rollout' || hook.once === true
          ? runOnce(context, hook)
          : runEach(context, hook);
    if (decision !== undefined) return decision;
  }
  return undefined;
}

function unsure(context: Context, hook: Hook): Decision | undefined {
  const reading = readingOf(context, hook);
  if (reading.kind === 'answered') return undefined;
  const reason = `inconclusive: hook ${hook.name}: ${readingText(reading)}`;
  return { kind: 'hold', reason };
}

/** Started by one commit, so that nobody else starts it, and ended by another. */
function runOnce(context: Context, hook: Hook): Decision | undefined {
  const { rollout, now } = context;
  const record = lastRun(context, hook);
  if (record === undefined) return start(context, hook);
  if (record.outcome === 'passed') return undefined;
  if (record.outcome === undefined) return running(context, hook, record);
  const stuck = record.outcome === 'unknown' && hook.repeatable !== true;
  if (stuck) return untold(context, hook);
  const again = unix(record.endedAt ?? record.startedAt) + rollout.plan.plan.analysis.checkSeconds;
  if (now >= again) return start(context, hook);
  const reason = `hook ${hook.name} ${DID[record.outcome]}; it runs again`;
  return { kind: 'hold', reason, untilSeconds: again };
}

function running(context: Context, hook: Hook, record: HookRecord): Decision | undefined {
  const reading = hookReading(context.observation.answers, hook.name);
  if (reading === undefined)
    return { kind: 'hold', reason: `hook ${hook.name} runs`, asks: [askHook(hook.name)] };
  if (reading.kind === 'running') return { kind: 'hold', reason: `hook ${hook.name} runs` };
  if (reading.kind === 'lost') return lost(context, hook, record);
  return ended(context, hook, { ...record, ...outcomeOf(reading) }, reading);
}

/** This process did not start it. Another one that did may still wait for the answer, and write it down. */
function lost(context: Context, hook: Hook, record: HookRecord): Decision | undefined {
  const { checkSeconds } = context.rollout.plan.plan.analysis;
  const longest = (hook.timeoutSeconds + LONGEST_REST_SECONDS) * (hook.retries + 1);
  const untilSeconds = unix(record.startedAt) + longest + checkSeconds;
  if (context.now >= untilSeconds)
    return hook.repeatable === true ? start(context, hook) : untold(context, hook);
  const by = 'by another analyzer, or before a restart';
  return {
    kind: 'hold',
    reason: `hook ${hook.name} was started ${by}; it may still run`,
    untilSeconds,
  };
}

/** Between two attempts of one call. */
const LONGEST_REST_SECONDS = 5;

/** Nobody can tell whether it ran, and running it twice may do harm: a person decides. */
function untold(context: Context, hook: Hook): Decision | undefined {
  const { plan } = context.rollout.plan;
  const { position } = context.rollout.state;
  const step = position.kind === 'step' ? position.step : '';
  if (isApproved(context.rollout.state, plan, step)) return undefined;
  const reason =
    `inconclusive: hook ${hook.name} was started, and nobody can tell whether it passed. ` +
    '`perch promote` takes it as passed, `perch abort` rolls back';
  return { kind: 'hold', reason };
}

/** Called again each check period; only a failure is written down. */
function runEach(context: Context, hook: Hook): Decision | undefined {
  const reading = hookReading(context.observation.answers, hook.name);
  if (reading === undefined)
    return { kind: 'hold', reason: `hook ${hook.name} was not called`, asks: [askHook(hook.name)] };
  if (hasPassed(reading)) return undefined;
  if (reading.kind !== 'answered')
    return { kind: 'hold', reason: `inconclusive: hook ${hook.name}: ${readingText(reading)}` };
  const record = lastRun(context, hook);
  // At most one failure each check period, however many analyzers call it, or one that was started again.
  const { checkSeconds } = context.rollout.plan.plan.analysis;
  const counts = record?.endedAt === undefined || reading.at >= unix(record.endedAt) + checkSeconds;
  if (!counts) return { kind: 'hold', reason: `hook ${hook.name} failed: ${readingText(reading)}` };
  const fresh = { hook: hook.name, step: stepName(context), startedAt: isoTime(reading.at) };
  return ended(context, hook, { ...fresh, ...outcomeOf(reading) }, reading);
}

const DID = {
  passed: 'passed',
  failed: 'failed',
  unknown: 'gave no answer',
  unsent: 'could not be called',
} as const;

const VERDICTS = {
  passed: 'pass',
  failed: 'fail',
  unknown: 'inconclusive',
  unsent: 'inconclusive',
} as const;

function outcomeOf(
  reading: Extract<HookReading, { readonly at: number }>,
): Pick<HookRecord, 'outcome' | 'endedAt'> {
  const endedAt = isoTime(reading.at);
  if (reading.kind !== 'answered') return { outcome: reading.kind, endedAt };
  return { outcome: reading.passed ? 'passed' : 'failed', endedAt };
}

function start(context: Context, hook: Hook): Move {
  const { state } = context.rollout;
  const run = { hook: hook.name, step: stepName(context), startedAt: isoTime(context.now) };
  return {
    ...noteMove(state, { kind: 'hookCalled', hook: hook.name }, `hook ${hook.name} is called`),
    hooks: [...(state.hooks ?? []), run],
    calls: hook.name,
  };
}

function ended(context: Context, hook: Hook, record: HookRecord, reading: HookReading): Move {
  const { state } = context.rollout;
  const others = (state.hooks ?? []).filter(
    (it) => it.hook !== record.hook || it.step !== record.step || it.startedAt !== record.startedAt,
  );
  const outcome = record.outcome ?? 'unknown';
  return {
    ...noteMove(
      state,
      { kind: 'hookEnded', hook: hook.name, outcome, reason: readingText(reading) },
      `hook ${hook.name} ${DID[outcome]}: ${readingText(reading)}`,
    ),
    hooks: [...others, record],
    verdict: VERDICTS[outcome],
  };
}

function lastRun(context: Context, hook: Hook): HookRecord | undefined {
  const step = stepName(context);
  return context.rollout.state.hooks
    ?.filter((it) => it.hook === hook.name && it.step === step)
    .at(-1);
}

function stepName({ rollout }: Context): string {
  return judgedStep(rollout)?.name ?? '';
}

function readingOf({ observation }: Context, hook: Hook): HookReading {
  return hookReading(observation.answers, hook.name) ?? { kind: 'lost' };
}

function hooksOf({ rollout }: Context): readonly Hook[] {
  return hooksNamed(rollout.plan.plan, judgedStep(rollout)?.hooks);
}
