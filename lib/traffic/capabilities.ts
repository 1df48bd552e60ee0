import type { RequestMatch } from './traffic.ts';

/** Why a router cannot do something, and what to do instead. */
export interface Limit {
  /** Ends a sentence that says what it cannot do. */
  readonly because: string;
  readonly remedy: string;
}

/** Something that a router cannot do. */
export interface Inability extends Limit {
  readonly kind: 'cannot';
}

/** Whether a router can do something. */
export type Ability = { readonly kind: 'can' } | Inability;

/** Shares of the requests in whole parts of a total, and why no others. */
export interface Shares extends Limit {
  readonly kind: 'shares';
  /** How many parts are all requests: 100 is whole percents, and 1 is all or none. */
  readonly total: number;
}

/** What a match can ask for. */
export type MatchPart = keyof RequestMatch;

/** What a router can do besides splitting all requests by weights. A step that asks for more is refused. */
export interface Capabilities {
  /** By what requests are told apart that go to the canary, or are copied to it. */
  readonly matches: Readonly<Record<MatchPart, Ability>>;
  /** How large a part of the requests it copies to the canary. */
  readonly mirrors: Shares | Inability;
  /** Whether users of the canary stay there by a cookie. */
  readonly affinity: Ability;
  /** Whether a third track can have a weight. */
  readonly baseline: Ability;
}

/** It can. */
export const CAN: Ability = { kind: 'can' };

/** It cannot. */
export function cannot(because: string, remedy: string): Inability {
  return { kind: 'cannot', because, remedy };
}

/** Matches by these parts alone. */
export function matchesBy(
  parts: readonly MatchPart[],
  otherwise: Inability,
): Capabilities['matches'] {
  const of = (part: MatchPart) => (parts.includes(part) ? CAN : otherwise);
  return {
    headers: of('headers'),
    cookies: of('cookies'),
    queryParams: of('queryParams'),
    sourceLabels: of('sourceLabels'),
    path: of('path'),
    method: of('method'),
  };
}

/** Weights that are relative to their sum, which the author chooses. */
export function relativeWeights(total: number): Shares {
  return {
    kind: 'shares',
    total,
    because: `its weights are whole numbers that add up to ${total}`,
    remedy:
      total < 10_000 ? 'use fewer decimals, or raise traffic.weightTotal' : 'use fewer decimals',
  };
}
