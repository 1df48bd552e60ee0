import type { Situation } from '../../analyzer/core/situation.ts';
import type { State } from '../../analyzer/core/state.ts';
import type { Gate, Plan, Step } from '../../lib/plan/plan.ts';
import { Broken } from './broken.ts';
import type { Hooks } from './hooks.ts';
import type { Commit } from './oracle.ts';
import type { World } from './world.ts';

/** Who is asked beside cluster and metric store. */
export interface Asking {
  readonly hooks: Hooks;
}

/** Looks whether everybody who had to be asked was, and said yes. */
export interface GateOracle {
  /** @throws Broken when something happened that must never happen */
  check(commit: Commit): void;
}

/** What persons have said about one release. */
interface Memory {
  /** `<candidate> <step>` of gates that were opened in this rollout. */
  readonly opened: Set<string>;
  /** Whether somebody, or an earlier promotion, lets the rollout wait for nothing. */
  fast: boolean;
  readonly promoted: string[];
}

export function createGateOracle(world: World, { hooks }: Asking): GateOracle {
  const memories = new Map<string, Memory>();
  let called = 0;

  function checkCalls(): void {
    for (const call of hooks.log.slice(called)) {
      called++;
      if (call.startedAt === '')
        throw new Broken('hook-twice', `${call.hook} was called without a record`);
      const before = hooks.log
        .slice(0, called - 1)
        .filter(
          (it) => it.hook === call.hook && it.release === call.release && it.step === call.step,
        );
      if (before.some((it) => it.startedAt === call.startedAt))
        throw new Broken('hook-twice', `${call.hook} twice for its run of ${call.startedAt}`);
    }
  }

  /** Within one rollout a run that passed, or that nobody can tell of, is not made again. */
  function checkRuns(commit: Commit, state: State): void {
    const begun = Date.parse(state.steps[0]?.at ?? state.at) / 1000;
    const own = hooks.log.filter((it) => it.release === commit.after.id && it.at >= begun);
    for (const call of own) {
      const later = own.find(
        (it) => it.hook === call.hook && it.step === call.step && it.at > call.at,
      );
      const { end } = call.run;
      if (later !== undefined && !call.repeatable && (end === 'passed' || end === 'unknown'))
        throw new Broken('hook-twice', `${call.hook} ran again at ${later.at}, it had ${end}`);
    }
  }

  function checkLeft(commit: Commit, plan: Plan, state: State, step: Step, memory: Memory): void {
    for (const file of step.jobs ?? []) {
      const name = plan.files[file]?.name ?? '';
      if (world.job(name, commit.at) !== 'complete')
        throw new Broken('job', `left ${step.name} while Job ${name} is not complete`);
    }
    const signal = step.hooks?.find((it) => typeOf(plan, it) === 'rollback');
    if (signal !== undefined && hooks.isOpen(signal, commit.at))
      throw new Broken('signal', `left ${step.name} though ${signal} asks for a rollback`);
    if (memory.fast) return;
    if (memory.opened.has(`${state.candidate} ${step.name}`)) return;
    checkOpen(step.gates ?? [], commit.at, `left ${step.name}`);
    const begun = Date.parse(state.steps[0]?.at ?? state.at) / 1000;
    for (const hook of step.hooks ?? []) {
      if (!isLong(plan, hook)) continue;
      const passed = hooks.log.some(
        (it) =>
          it.hook === hook &&
          it.release === commit.after.id &&
          it.step === step.name &&
          it.at >= begun &&
          it.run.end === 'passed' &&
          it.at + it.run.seconds <= commit.at,
      );
      if (!passed) throw new Broken('hook-pending', `left ${step.name} before ${hook} had passed`);
    }
  }

  function checkOpen(gates: readonly Gate[], at: number, what: string): void {
    for (const it of gates)
      if (it.kind === 'person' || !hooks.isOpen(it.hook, at))
        throw new Broken('gate', `${what} through the closed gate ${JSON.stringify(it)}`);
  }

  return {
    check(commit) {
      const { id } = commit.after;
      const memory: Memory = memories.get(id) ?? { opened: new Set(), fast: false, promoted: [] };
      memories.set(id, memory);
      checkCalls();
      const [old, next] = [stateOf(commit.before), stateOf(commit.after)];
      if (next === undefined) return;
      const plan = planOf(commit.after);
      if (commit.asked === 'promote')
        for (const it of next.approved ?? []) memory.opened.add(`${it.candidate} ${it.step}`);
      if (commit.asked === 'full') memory.fast = true;
      if (next.kind === 'start') {
        const last = memory.promoted.slice(0, plan?.rollbackWindow ?? 0);
        memory.fast = last.includes(next.candidate);
        const isOpened = memory.opened.has(`${next.candidate} start`);
        if (next.position.kind === 'step' && !isOpened)
          checkOpen(plan?.start ?? [], commit.at, 'started');
        for (const it of memory.opened) if (!it.endsWith(' start')) memory.opened.delete(it);
      }
      const step = plan?.steps.find(
        (it) => old?.position.kind === 'step' && it.name === old.position.step,
      );
      const goesOn = next.kind === 'next' || next.kind === 'complete';
      if (goesOn && old !== undefined && plan !== undefined && step !== undefined)
        checkLeft(commit, plan, old, step, memory);
      if (goesOn && plan?.suspend === true)
        throw new Broken('suspended', `went on at ${commit.at} though its plan is suspended`);
      if (next.position.kind === 'step') checkRuns(commit, next);
      if (next.kind === 'complete') {
        memory.fast = false;
        memory.promoted.unshift(next.candidate);
        const rest = memory.promoted.slice(1).filter((it) => it !== next.candidate);
        memory.promoted.splice(1, memory.promoted.length, ...rest);
      }
    },
  };
}

function typeOf(plan: Plan, hook: string): string | undefined {
  return plan.hooks?.find((it) => it.name === hook)?.type;
}

function isLong(plan: Plan, name: string): boolean {
  const hook = plan.hooks?.find((it) => it.name === name);
  return hook?.type === 'pre-rollout' || hook?.once === true;
}

function stateOf(situation: Situation): State | undefined {
  return situation.state.kind === 'known' ? situation.state.value : undefined;
}

function planOf(situation: Situation): Plan | undefined {
  return situation.plan.kind === 'known' ? situation.plan.value.plan : undefined;
}
