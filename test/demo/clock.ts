import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

/** The demo's one clock: everything that has a time has it from here. */
export interface Clock {
  /** Whole Unix seconds. */
  readonly now: () => number;
  /** How many times faster than a real clock. */
  readonly factor: number;
  /**
   * Lets time pass, as fast as the factor allows; where the work in between took longer, it does not wait
   * until the pace is reached again. @throws when the demo is stopped
   */
  pass(seconds: number): Promise<void>;
}

/** What a clock is made of. */
export interface ClockOptions {
  /** Unix seconds. */
  readonly start: number;
  readonly factor: number;
  readonly signal: AbortSignal;
}

/**
 * Stands still between two calls of `pass`: a slow machine makes the demo slower, never different, so that
 * every run makes the same commits.
 */
export function paced({ start, factor, signal }: ClockOptions): Clock {
  const began = performance.now();
  let now = start;
  return {
    factor,
    now: () => now,
    async pass(seconds) {
      now += seconds;
      const restMs = began + ((now - start) / factor) * 1000 - performance.now();
      // Servers in this process get a turn in any case.
      if (restMs < 1) await setImmediate(undefined, { signal });
      else await sleep(restMs, undefined, { signal });
    },
  };
}
