/** An object of a release, as far as it is judged by what it is. */
export interface HeldObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** The plain data below these keys; undefined where there is none. */
  readonly at: (...keys: readonly string[]) => unknown;
}

/** Why a release must not hold something, in the words of synth and of the analyzer. */
export interface Refusal {
  /** Continues “the release”. */
  readonly problem: string;
  readonly remedy: string;
  /** What may be allowed instead. */
  readonly kind?: string;
}
