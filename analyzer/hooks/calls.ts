import type { Hook, Plan } from '../../lib/plan/plan.ts';
import type { HookAnswer, HookReading } from '../core/observation.ts';
import type { State } from '../core/state.ts';
import type { HookClient } from './client.ts';
import { payloadOf } from './request.ts';

/** What is asked on behalf of a release. */
export interface Asked {
  readonly release: string;
  readonly plan: Plan;
  /** Absent before its first rollout. */
  readonly state: State | undefined;
  /** As `perch status` shows it. */
  readonly phase: string;
}

/** Calls that this process has made, so that a slow service holds up no other release. */
export interface HookCalls {
  /**
   * What is known of a hook now; asks where that is what it takes.
   * @param until ends waiting, and not the call @default - a short time alone
   */
  read(asked: Asked, hook: Hook, until?: AbortSignal): Promise<HookReading>;
  /** Calls a hook that runs once; its start has been committed. */
  start(asked: Asked, hook: Hook): void;
  /** Whether what it started still runs, or ended with an answer that no pass has been told yet. */
  unfinished(): boolean;
}

/** So long the pass that makes a call waits for its answer; a later one is there for the next pass. */
const PATIENCE_SECONDS = 2;

/** An answer that came too late for a pass is told to a later one, unless it is older than this. */
const LATE_SECONDS = 60;

/** Answers that are kept; the oldest go first. */
const MOST_CALLS = 1000;

interface Call {
  readonly ended: Promise<void>;
  /** Absent while it runs. */
  answer?: HookAnswer & { readonly at: number };
  /** Whether a pass has been told the answer. */
  told?: true;
}

/**
 * @param clock Unix seconds
 * @param patienceSeconds longer where there is no next pass
 */
export function hookCalls(
  client: HookClient,
  clock: () => number,
  patienceSeconds: number = PATIENCE_SECONDS,
): HookCalls {
  const calls = new Map<string, Call>();
  const started = new Set<Call>();
  const make = (key: string, { plan, phase }: Asked, hook: Hook): Call => {
    const answered = client.call(hook, payloadOf(plan, phase)).catch(broken);
    const call: Call = {
      ended: answered.then((answer) => {
        call.answer = { ...answer, at: clock() };
      }),
    };
    // Anew, so that the oldest stand first.
    calls.delete(key);
    calls.set(key, call);
    for (const [old, { answer }] of calls)
      if (calls.size > MOST_CALLS && answer !== undefined) calls.delete(old);
    return call;
  };
  return {
    async read(asked, hook, until) {
      if (runsOnce(hook)) return settled(calls.get(runKey(asked, hook)), { kind: 'lost' });
      const key = `${asked.release} ${asked.plan.candidate} ${stepOf(asked)} ${hook.name}`;
      const known = calls.get(key);
      // The pass that made a call has waited for it: a slow service holds up one pass, not each of them.
      const isRunning = known !== undefined && known.answer === undefined;
      if (isRunning || isFresh(known, hook, asked.plan, clock()))
        return settled(known, { kind: 'running' });
      const call = make(key, asked, hook);
      await within(call.ended, patienceSeconds, until);
      return settled(call, { kind: 'running' });
    },
    start(asked, hook) {
      started.add(make(runKey(asked, hook), asked, hook));
    },
    unfinished() {
      for (const it of started) if (it.told === true) started.delete(it);
      return started.size > 0;
    },
  };
}

/** Waits for an end so long at most. Keeps no process alive. */
async function within(ended: Promise<void>, seconds: number, until?: AbortSignal): Promise<void> {
  if (until?.aborted) return;
  await new Promise<void>((done) => {
    const timer = setTimeout(done, seconds * 1000).unref();
    until?.addEventListener('abort', () => done());
    void ended.finally(() => {
      clearTimeout(timer);
      done();
    });
  });
}

function settled(call: Call | undefined, otherwise: HookReading): HookReading {
  if (call === undefined) return otherwise;
  if (call.answer !== undefined) call.told = true;
  return call.answer ?? { kind: 'running' };
}

function runsOnce(hook: Hook): boolean {
  return hook.type === 'pre-rollout' || hook.once === true;
}

/**
 * A hook that is called each check period keeps its answer for so long; gates and signals are asked in each pass,
 * but for an answer that came too late for the last one: passes may be further apart than check points.
 */
function isFresh(call: Call | undefined, hook: Hook, plan: Plan, now: number): boolean {
  if (call?.answer === undefined) return false;
  const age = now - call.answer.at;
  const { checkSeconds } = plan.analysis;
  if (call.told !== true) return age < Math.max(checkSeconds, LATE_SECONDS);
  return hook.type === 'rollout' && age < checkSeconds;
}

/** One run has one key, in every process that knows the state. */
function runKey({ release, state }: Asked, hook: Hook): string {
  const run = state?.hooks?.filter((it) => it.hook === hook.name).at(-1);
  return `${release} ${hook.name} ${run?.step} ${run?.startedAt}`;
}

function stepOf({ state }: Asked): string {
  return state?.position.kind === 'step' ? state.position.step : 'start';
}

function broken(error: unknown): HookAnswer {
  return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) };
}
