/** The API group of routes. */
export const NETWORKING = 'networking.istio.io';

/** API groups that Istio reads: its own, and the Gateway API. */
export const ISTIO_GROUPS: readonly string[] = [
  NETWORKING,
  'security.istio.io',
  'telemetry.istio.io',
  'extensions.istio.io',
  'gateway.networking.k8s.io',
];
