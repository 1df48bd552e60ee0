import { setImmediate as othersTurn } from 'node:timers/promises';
import pLimit from 'p-limit';

/** One after the other: pieces that wait for the same turn would follow each other without a rest. */
const queue = pLimit(1);

/**
 * Does a piece of work that may take some tenths of a second, after everybody else had a turn: other releases, and
 * whoever asks the process to end. However many pieces wait, a signal is heard between two of them.
 */
export function inTurn<T>(work: () => T): Promise<T> {
  return queue(async () => {
    await othersTurn();
    return work();
  });
}
