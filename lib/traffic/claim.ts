import type { Json } from '../manifest/json.ts';

/** Requests to a host at a gateway that a release takes. */
export interface Claim {
  /** Tells the gateway from all others; `mesh` is that of the sidecars. */
  readonly gateway: string;
  readonly host: string;
  /**
   * Which of the host's requests, as one match of a route says it: releases can share a host by its paths, for example.
   * Null: the host cannot be shared there.
   */
  readonly requests: Json;
}
