import { type GatewayApiProps, gatewayApi, type Traffic } from '../../../lib/index.ts';
import { type JsonObject, listAt } from '../../../lib/manifest/json.ts';
import { mistakeText } from '../../../lib/mistake.ts';
import { namesOf } from '../../../lib/names.ts';
import { routerMistakes } from '../../../lib/traffic/mistakes.ts';
import type { RouterContext } from '../../../lib/traffic/router.ts';
import { trackLabelOf } from '../../../lib/workload/track-label.ts';

/** What a router is told of a release `shop`. */
export const SHOP: RouterContext = {
  path: 'shop',
  names: namesOf({ name: 'shop', namespace: 'prod' }),
  port: 80,
  ports: [],
  label: trackLabelOf(undefined, 'shop'),
  apex: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'shop' } },
  candidate: 'abcdef0123',
  tracks: ['primary', 'canary'] as const,
  workload: [],
};

/** A router behind a Gateway of Contour's; more of the route can be given. */
export function gateway(props: Partial<GatewayApiProps> = {}) {
  return gatewayApi({
    parentRefs: [{ name: 'public' }],
    metrics: 'contour',
    ...props,
  } as GatewayApiProps);
}

/** The rules of the route for one step's traffic. */
export function rules(
  traffic: Traffic,
  props: Partial<GatewayApiProps> = {},
): readonly JsonObject[] {
  const [only] = gateway(props).routes(SHOP, traffic);
  return listAt(only?.object ?? {}, 'spec', 'rules');
}

/** What is wrong with traffic, as text. */
export function wrongs(traffic: Traffic, props: Partial<GatewayApiProps> = {}): readonly string[] {
  return routerMistakes(gateway(props), SHOP, [traffic]).map(mistakeText);
}
