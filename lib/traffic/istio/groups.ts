import type { Manifest } from '../../manifest/json.ts';
import { isKind } from '../../manifest/manifest.ts';

/** The API group of routes. */
export const NETWORKING = 'networking.istio.io';

/** Whether an object is a VirtualService, in any version. */
export function isVirtualService(object: Manifest): boolean {
  return isKind(object, NETWORKING, 'VirtualService');
}

/** API groups that Istio reads: its own, and the Gateway API. */
export const ISTIO_GROUPS: readonly string[] = [
  NETWORKING,
  'security.istio.io',
  'telemetry.istio.io',
  'extensions.istio.io',
  'gateway.networking.k8s.io',
];
