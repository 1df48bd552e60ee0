import type { Message } from './message.ts';

/** Why a message was not taken. */
export type FailureKind =
  /** What logs in is not known there, may not do this, or cannot be read here. */
  | 'unauthorised'
  /** It is not taken as it is; sending it again changes nothing. */
  | 'refused'
  | 'rate-limited'
  /** It cannot be reached, fails, redirects, or answers what no such product answers. */
  | 'unavailable';

/** What came of a message. */
export type Delivery =
  | { readonly kind: 'sent' }
  | {
      readonly kind: 'failed';
      readonly failure: FailureKind;
      /** Names the host, and repeats nothing secret. */
      readonly reason: string;
      /** After how many seconds the product wants to be asked again. @default - it does not say */
      readonly retryAfterSeconds?: number | undefined;
    };

/** Where people are told. What goes wrong outside is an answer, never an exception. */
export interface Channel {
  /** Whether it opens incidents, and closes them at the end of a rollout: the end is told whatever its severity. */
  readonly closes: boolean;
  /** @param until ends it early */
  send(message: Message, until: AbortSignal): Promise<Delivery>;
}
