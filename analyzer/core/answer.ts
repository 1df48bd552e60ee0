/** What a question to the outside world brought: an answer, or the reason why there is none. */
export type Answer<T> =
  | { readonly kind: 'known'; readonly value: T }
  | {
      readonly kind: 'unknown';
      readonly reason: string;
      /** Who took too long, or gave no answer however often it was asked. @default - there is another reason */
      readonly late?: string | undefined;
    };

/** What a file in Git held. */
export type Loaded<T> =
  | { readonly kind: 'known'; readonly value: T }
  | { readonly kind: 'absent' }
  | { readonly kind: 'broken'; readonly reason: string };
