import {
  type Ability,
  CAN,
  type Capabilities,
  cannot,
  type Limit,
  matchesBy,
  type Shares,
} from '../capabilities.ts';
import type { GatewayApiProps, GatewaySupport } from './props.ts';
import { FRACTION_PARTS } from './rules.ts';

/** What a route of the Gateway API can say, and this gateway does. */
export function gatewayCapabilities(props: GatewayApiProps): Capabilities {
  return {
    matches: props.kind === 'GRPCRoute' ? MATCHES_OF_CALLS : MATCHES_OF_REQUESTS,
    mirrors: supports(props, 'mirrorPercent') ? ANY_PART : { kind: 'shares', total: 1, ...WHOLE },
    affinity: affinity(props),
    baseline: CAN,
  };
}

const SOURCE = cannot(
  'the Gateway API does not know them',
  'let those clients send a header and match it, or use istio()',
);
const MATCHES_OF_REQUESTS = matchesBy(
  ['headers', 'cookies', 'queryParams', 'path', 'method'],
  SOURCE,
);
const MATCHES_OF_CALLS = {
  ...matchesBy(['headers'], cannot('a GRPCRoute matches calls by headers', 'match a header')),
  sourceLabels: SOURCE,
};

const ANY_PART: Shares = {
  kind: 'shares',
  total: FRACTION_PARTS,
  because: `its fractions are parts of ${FRACTION_PARTS}`,
  remedy: 'use fewer decimals',
};

/** A gateway that does not know the field copies everything, and nobody says so. */
export const WHOLE: Limit = {
  because: 'not every gateway can, and Contour 1.33 takes it and copies all',
  remedy:
    "mirror 100 %, or say supports: ['mirrorPercent'] if your GatewayClass lists HTTPRouteRequestPercentageMirror in its supportedFeatures",
};

function affinity(props: GatewayApiProps): Ability {
  if (props.kind === 'GRPCRoute') return cannot('clients of gRPC keep none', 'leave affinity out');
  if (supports(props, 'backendResponseHeaders')) return CAN;
  return cannot(
    'not every gateway changes the answers of one backend',
    "say supports: ['backendResponseHeaders'] if yours takes a ResponseHeaderModifier in backendRefs, or leave affinity out",
  );
}

/** Whether the author's gateway can something, as far as it is said or known. */
export function supports({ supports, metrics }: GatewayApiProps, what: GatewaySupport): boolean {
  const known: readonly GatewaySupport[] = metrics === undefined ? [] : ['backendResponseHeaders'];
  return [...known, ...(supports ?? [])].includes(what);
}
