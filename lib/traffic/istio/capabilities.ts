import { type JsonObject, objectAt } from '../../manifest/json.ts';
import { CAN, type Capabilities, cannot, matchesBy, type Shares } from '../capabilities.ts';
import type { RouterContext } from '../router.ts';
import { type Owned, splitsHttp } from './own-virtual-service.ts';
import type { IstioProps } from './props.ts';

/** A release as Istio routes it. */
export interface IstioParts {
  readonly props: IstioProps;
  readonly context: RouterContext;
  /** The http routes of our own VirtualService, before a step's traffic is in them. */
  readonly rules: readonly JsonObject[];
  /** Those VirtualServices of the workload that it is routed by; none where we write one. */
  readonly own: readonly Owned[];
}

/** What a VirtualService can say of the release's ports: requests are told apart by http routes alone. */
export function istioCapabilities({ props, rules, own }: IstioParts): Capabilities {
  const isOwn = props.virtualServices !== undefined;
  const hasHttp = isOwn ? own.length === 0 || own.some(splitsHttp) : rules.length > 0;
  if (!hasHttp) return CONNECTIONS;
  const all = isOwn ? own.map(({ object }) => objectAt(object, 'spec').gateways) : [props.gateways];
  // What one of them does not look at, it would take for every request.
  return all.some(isAtGateways) ? { ...REQUESTS, matches: MATCHES_AT_GATEWAYS } : REQUESTS;
}

function isAtGateways(gateways: unknown): boolean {
  return Array.isArray(gateways) && gateways.length > 0 && !gateways.includes('mesh');
}

/** Envoy copies millionths. */
const ANY_PART: Shares = {
  kind: 'shares',
  total: 1_000_000,
  because: 'it copies whole parts of a million',
  remedy: 'use fewer decimals',
};

const AT_GATEWAYS = ['headers', 'cookies', 'queryParams', 'path', 'method'] as const;
const MATCHES_AT_GATEWAYS = matchesBy(
  AT_GATEWAYS,
  cannot('a gateway does not know them', "add 'mesh' to gateways, or match a header"),
);

const REQUESTS: Capabilities = {
  matches: { ...MATCHES_AT_GATEWAYS, sourceLabels: CAN },
  mirrors: ANY_PART,
  affinity: CAN,
  baseline: CAN,
};

const WEIGHED = cannot(
  'no http route leads to the release, and connections can only be weighted',
  'use a strategy that shifts weights alone, or give the release an HTTP port',
);

const CONNECTIONS: Capabilities = {
  matches: matchesBy([], WEIGHED),
  mirrors: WEIGHED,
  affinity: WEIGHED,
  baseline: CAN,
};
