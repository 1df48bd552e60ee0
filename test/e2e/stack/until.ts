import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until something is so; what throws is not yet.
 *
 * @param isSo asked five times a second
 * @param seconds @default 60
 * @throws Error with the last one that it threw, when it takes longer
 */
export async function until(isSo: () => Promise<boolean>, seconds = 60): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  let cause: unknown;
  for (;;) {
    try {
      if (await isSo()) return;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${seconds} s: ${cause ?? isSo}`, { cause });
    }
    await sleep(200);
  }
}
