import { setImmediate as othersTurn } from 'node:timers/promises';
import pLimit from 'p-limit';

/** One after the other: pieces that wait for the same turn would follow each other without a rest. */
const queue = pLimit(1);

/** Characters that take less than some hundredths of a second to read. */
const SHORT_TEXT = 20_000;

/** Reads a text at once, or in a turn of its own where it is long. */
export async function unhurried<T>(text: string, read: () => T): Promise<T> {
  return text.length < SHORT_TEXT ? read() : inTurn(read);
}

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
