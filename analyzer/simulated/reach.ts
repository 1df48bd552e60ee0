import { gatewayApiReach } from '../../lib/traffic/gateway-api/reach.ts';
import { istioReach } from '../../lib/traffic/istio/reach.ts';
import { kubernetesReach } from '../../lib/traffic/kubernetes/reach.ts';
import type { HeldObject, Reach, Rule } from '../../lib/traffic/reach.ts';

/** Meshes and gateways first: who has none of them is led by the Service alone. */
const ROUTERS: readonly Reach[] = [istioReach, gatewayApiReach, kubernetesReach];

/**
 * Where requests to a release go, as the objects in a cluster say; no rules where nothing leads to it.
 *
 * @param apex name of the Service that users know
 */
export function rulesOf(objects: readonly HeldObject[], apex: string): readonly Rule[] {
  for (const reach of ROUTERS) {
    const rules = reach(objects, apex);
    if (rules !== undefined) return rules;
  }
  return [];
}
