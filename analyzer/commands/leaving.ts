import { setTimeout as sleep } from 'node:timers/promises';

/** How long a process that is told to end may take; the usual grace of a pod is 30 s. */
export interface LeavingLimits {
  /** For the rollbacks that are decided: their push. */
  readonly pushSeconds: number;
  /** For telling others of them. */
  readonly wordsSeconds: number;
}

/** Together well below 30 s. */
export const LEAVING: LeavingLimits = { pushSeconds: 15, wordsSeconds: 5 };

/** The wish of somebody outside that this process ends. */
export interface Leaving {
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly signal: AbortSignal;
  /** Waits, though not for long once the process is to end. */
  lastWords(all: readonly Promise<unknown>[]): Promise<void>;
  /** Ends the process where it is to end: whatever still hangs is not waited for. */
  leave(): void;
}

/** Listens for signals. The second one ends the process at once. */
export function openLeaving({ pushSeconds, wordsSeconds }: LeavingLimits = LEAVING): Leaving {
  const stop = new AbortController();
  const { signal } = stop;
  for (const [name, number] of [
    ['SIGTERM', 15],
    ['SIGINT', 2],
  ] as const)
    process.on(name, () => {
      if (signal.aborted) process.exit(128 + number);
      stop.abort();
      setTimeout(() => process.exit(1), (pushSeconds + wordsSeconds) * 1000).unref();
    });
  return {
    signal,
    async lastWords(all) {
      const done = Promise.allSettled(all);
      const asked = new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve());
      });
      // A timer that nobody waits for any more keeps no process alive.
      const late = asked.then(() => sleep(wordsSeconds * 1000, undefined, { ref: false }));
      await Promise.race([done, late]);
    },
    leave() {
      if (signal.aborted) process.exit();
    },
  };
}
