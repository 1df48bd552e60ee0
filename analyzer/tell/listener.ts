import type { Outcome } from '../tick/outcome.ts';
import type { TickReport } from '../tick/tick.ts';
import type { ToldFailure } from './failures.ts';

/** How one tick ended. */
export type TickEnd =
  | {
      readonly kind: 'done';
      readonly report: TickReport;
      /** Check points that failed, each told once. */
      readonly failures: readonly ToldFailure[];
      readonly seconds: number;
    }
  /** The repository could not be reached, or worse. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly seconds: number };

/** What listeners are told, in this order. */
export type Notice =
  | { readonly kind: 'began' }
  /** Right after a push, while the tick may still go on. */
  | { readonly kind: 'pushed'; readonly outcomes: readonly Outcome[] }
  | TickEnd;

/** That somebody was not told, as the log says it. */
export interface Failure {
  /** What did not happen: `a hook was not told`. */
  readonly what: string;
  readonly reason: string;
  /** @default - it is about no single release */
  readonly release?: string;
}

/** Is told of ticks and pushes, and tells others. It decides nothing, and no tick waits for it. */
export interface Listener {
  /** For the log. */
  readonly name: string;
  /** @returns who could not be told, and why; what is thrown is a bug */
  hear(notice: Notice): Promise<readonly Failure[]>;
  /** Leaves nothing open. */
  close(): Promise<void>;
}
