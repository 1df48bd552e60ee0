import type { Json } from '../manifest/json.ts';

/** A host at a gateway whose requests a release takes. */
export interface Claim {
  /** Tells the gateway from all others. */
  readonly gateway: string;
  readonly host: string;
  /** Which of the host's requests, as the author says it: releases can share a host by its paths, for example. */
  readonly requests: Json;
}
