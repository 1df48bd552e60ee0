import type { HookAnswer, HookReading } from '../../analyzer/core/observation.ts';
import type { Asked, HookCalls } from '../../analyzer/hooks/calls.ts';
import type { Hook } from '../../lib/plan/plan.ts';
import { type Outage, within } from './faults.ts';

/** How the service behind a hook answers. */
export interface HookBehaviour {
  /** When it says yes; else it says no. */
  readonly yes: readonly Outage[];
  /** When nothing is heard of it. */
  readonly silent: readonly Outage[];
  /** What becomes of long runs, in their order; the last one again and again. */
  readonly runs: readonly [HookRun, ...HookRun[]];
}

/** One long run. */
export interface HookRun {
  readonly seconds: number;
  /** `unknown`: it ran, and its answer was lost. `unsent`: it did not run. */
  readonly end: 'passed' | 'failed' | 'unknown' | 'unsent';
}

/** A long run as it really was. */
export interface Call {
  readonly release: string;
  readonly hook: string;
  readonly repeatable: boolean;
  /** The step and the start that the state has recorded of it. */
  readonly step: string;
  readonly startedAt: string;
  /** Unix seconds. */
  readonly at: number;
  readonly run: HookRun;
}

/** Services that are asked and called, over fake time. */
export interface Hooks {
  /** As the analyzer sees them. @param now Unix seconds */
  calls(now: () => number): HookCalls;
  /** The analyzer's process forgets what it has called. */
  restart(): void;
  /** Whether a service would say yes. */
  isOpen(hook: string, at: number): boolean;
  /** Every long run so far. */
  readonly log: readonly Call[];
  /** How many times a no to a periodic hook, or a failed run, was told since then. */
  failuresTold(since: number): number;
}

/** @param behaviours by name of the hook; others say yes at once */
export function createHooks(behaviours: ReadonlyMap<string, HookBehaviour>): Hooks {
  const log: Call[] = [];
  const told: number[] = [];
  let running = new Map<string, Call>();
  let kept = new Map<string, HookAnswer & { readonly at: number }>();
  const of = (hook: string) => behaviours.get(hook) ?? ALWAYS;

  function ask(hook: Hook, at: number): HookAnswer & { readonly at: number } {
    if (within(of(hook.name).silent, at)) return { kind: 'unknown', reason: 'silence', at };
    const passed = within(of(hook.name).yes, at);
    if (!passed && hook.type === 'rollout') told.push(at);
    return { kind: 'answered', passed, status: passed ? 200 : 403, text: '', at };
  }

  function readRun(call: Call | undefined, now: number): HookReading {
    if (call === undefined) return { kind: 'lost' };
    const at = call.at + call.run.seconds;
    if (now < at) return { kind: 'running' };
    const { end } = call.run;
    if (end === 'unknown') return { kind: 'unknown', reason: 'reset', at };
    if (end === 'unsent') return { kind: 'unsent', reason: 'refused', at };
    if (end === 'failed') told.push(now);
    return { kind: 'answered', passed: end === 'passed', status: 200, text: '', at };
  }

  return {
    log,
    calls: (clock) => ({
      async read(asked, hook) {
        const now = clock();
        if (isLong(hook)) return readRun(running.get(runKey(asked, hook)), now);
        if (hook.type !== 'rollout') return ask(hook, now);
        const before = kept.get(hook.name);
        const isFresh = before !== undefined && now - before.at < asked.plan.analysis.checkSeconds;
        const answer = isFresh ? before : ask(hook, now);
        kept.set(hook.name, answer);
        return answer;
      },
      unfinished: () => false,
      start(asked, hook) {
        const record = asked.state?.hooks?.filter((it) => it.hook === hook.name).at(-1);
        const { runs } = of(hook.name);
        const index = log.filter((it) => it.hook === hook.name).length;
        const call: Call = {
          release: asked.release,
          hook: hook.name,
          repeatable: hook.repeatable === true,
          step: record?.step ?? '',
          startedAt: record?.startedAt ?? '',
          at: clock(),
          run: runs[Math.min(index, runs.length - 1)] ?? runs[0],
        };
        log.push(call);
        running.set(runKey(asked, hook), call);
      },
    }),
    restart() {
      running = new Map();
      kept = new Map();
    },
    isOpen: (hook, at) => within(of(hook).yes, at) && !within(of(hook).silent, at),
    failuresTold: (since) => told.filter((it) => it >= since).length,
  };
}

const ALWAYS: HookBehaviour = {
  yes: [{ start: 0, end: Infinity }],
  silent: [],
  runs: [{ seconds: 15, end: 'passed' }],
};

function isLong(hook: Hook): boolean {
  return hook.type === 'pre-rollout' || hook.once === true;
}

function runKey({ release, state }: Asked, hook: Hook): string {
  const run = state?.hooks?.filter((it) => it.hook === hook.name).at(-1);
  return `${release} ${hook.name} ${run?.step} ${run?.startedAt}`;
}
