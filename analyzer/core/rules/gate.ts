import { type Gate, type Hook, identityOf, type Plan } from '../../../lib/plan/plan.ts';
import type { Ask, HookReading, Observation } from '../observation.ts';
import type { State } from '../state.ts';
import { askHook, hookReading } from './ask.ts';

/** The name under which the gates before step 01 are approved. */
export const START = 'start';

/** Why gates are closed, or what must be asked to tell. */
export type Closed = { readonly reason: string; readonly asks?: readonly Ask[] };

/** Whether a person has opened a step's gates. */
export function isApproved(state: State | undefined, plan: Plan, step: string): boolean {
  const candidate = identityOf(plan);
  return state?.approved?.some((it) => it.candidate === candidate && it.step === step) ?? false;
}

/** The first gate that is not open; undefined where all are. */
export function closedGate(
  gates: readonly Gate[],
  answers: Observation['answers'],
): Closed | undefined {
  for (const it of gates) {
    if (it.kind === 'person') return { reason: 'waits for a person: `perch promote`' };
    const reading = hookReading(answers, it.hook);
    if (reading === undefined)
      return { reason: `hook ${it.hook} was not asked`, asks: [askHook(it.hook)] };
    if (!hasPassed(reading))
      return { reason: `waits for hook ${it.hook}: ${readingText(reading)}` };
  }
  return undefined;
}

/** Whether a hook's answer is a yes; anything unknown is none. */
export function hasPassed(reading: HookReading): boolean {
  return reading.kind === 'answered' && reading.passed;
}

/** What a hook said, for people. */
export function readingText(reading: HookReading): string {
  switch (reading.kind) {
    case 'answered':
      return `HTTP ${reading.status}${reading.text === '' ? '' : `, ${reading.text}`}`;
    case 'unknown':
    case 'unsent':
      return reading.reason;
    case 'running':
      return 'it runs';
    case 'lost':
      return 'it was started, and nobody can tell what became of it';
  }
}

/** The hooks of a plan by their names in a step. @throws Error for a name that it does not have */
export function hooksNamed(plan: Plan, names: readonly string[] = []): readonly Hook[] {
  return names.map((name) => {
    const found = plan.hooks?.find((it) => it.name === name);
    if (found === undefined)
      throw new Error(`release ${plan.release}: its plan has no hook "${name}"`);
    return found;
  });
}
