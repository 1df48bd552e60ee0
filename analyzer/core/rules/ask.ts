import type { Ask, HookReading, Reply } from '../observation.ts';

/** One key for one question, whoever asks it. */
export function askKey(ask: Ask): string {
  return `${ask.kind} ${ask.hook}`;
}

/** The question what a hook of the plan says. */
export function askHook(hook: string): Ask {
  return { kind: 'hook', hook };
}

/** What a hook said; undefined where it was not asked. */
export function hookReading(
  answers: ReadonlyMap<string, Reply> | undefined,
  hook: string,
): HookReading | undefined {
  return answers?.get(askKey(askHook(hook)))?.reading;
}
