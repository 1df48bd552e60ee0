import { type JsonObject, type Manifest, objectAt } from '../../manifest/json.ts';
import { CAN, type Capabilities, cannot, matchesBy, type Shares } from '../capabilities.ts';
import type { RouterContext } from '../router.ts';
import { splitsHttp } from './own-virtual-service.ts';
import { type IstioProps, subsetsOf } from './props.ts';

/** A release as Istio routes it. */
export interface IstioParts {
  readonly props: IstioProps;
  readonly context: RouterContext;
  /** The http routes of our own VirtualService, before a step's traffic is in them. */
  readonly rules: readonly JsonObject[];
  /** The VirtualServices of the workload. */
  readonly own: readonly Manifest[];
}

/** What a VirtualService can say of the release's ports: requests are told apart by http routes alone. */
export function istioCapabilities({ props, context, rules, own }: IstioParts): Capabilities {
  const { virtualService: name, routes } = props;
  const found = own.find((it) => it.metadata.name === name);
  const hasHttp =
    name === undefined
      ? rules.length > 0
      : found === undefined ||
        splitsHttp(found, { name, routes, subsets: subsetsOf(props) }, context.names);
  if (!hasHttp) return CONNECTIONS;
  const { gateways = [] } = name === undefined ? props : objectAt(found, 'spec');
  const isAtGateways = Array.isArray(gateways) && gateways.length > 0 && !gateways.includes('mesh');
  return isAtGateways ? { ...REQUESTS, matches: MATCHES_AT_GATEWAYS } : REQUESTS;
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
