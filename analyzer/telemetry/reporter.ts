import type { TickReport } from '../tick/tick.ts';

/** How one tick ended. */
export type TickEnd =
  | { readonly kind: 'done'; readonly report: TickReport; readonly seconds: number }
  /** The repository could not be reached, or worse. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly seconds: number };

/** Is told of every tick after its push, and tells others. It decides nothing; its own failures are logged. */
export interface Reporter {
  ticked(end: TickEnd): Promise<void>;
  /** Leaves nothing open. */
  close(): Promise<void>;
}
