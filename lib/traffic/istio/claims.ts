import { type JsonObject, listAt, type Manifest, objectAt } from '../../manifest/json.ts';
import type { Names } from '../../names.ts';
import type { Claim } from '../claim.ts';
import { plain } from '../plain.ts';
import { isVirtualService } from './groups.ts';
import { type IstioProps, seconds } from './props.ts';

/** What tells who gets a request, in a VirtualService of ours or of the author's. */
interface Edge {
  readonly hosts: readonly string[];
  /** `mesh`, or with a namespace. */
  readonly gateways: readonly string[];
  /** Conditions by which the routes tell requests apart. */
  readonly matches: readonly JsonObject[];
  /** Whether the sidecars of all namespaces see it; of what only some see, nobody knows who sees both. */
  readonly isForAll: boolean;
}

/** The requests that the release's VirtualServices take; a delegate has those that its root hands on. */
export function istioClaims(
  props: IstioProps,
  ours: { readonly hosts: readonly string[]; readonly gateways: readonly string[] },
  { namespace }: Names,
  workload: readonly Manifest[],
): readonly Claim[] {
  const { delegation, virtualServices, match } = props;
  if (virtualServices === undefined && delegation === true) return [];
  const all = plain({ match: match ?? [] }, seconds);
  const edges: readonly Edge[] =
    virtualServices === undefined
      ? [{ ...ours, matches: conditions('http', all), isForAll: true }]
      : workload
          .filter((it) => isVirtualService(it))
          .filter(({ metadata }) => virtualServices.some((it) => it.name === metadata.name))
          .map(edgeOf);
  return edges.flatMap((it) => claimsAt(it, namespace));
}

function edgeOf(object: Manifest): Edge {
  const spec = objectAt(object, 'spec');
  const gateways = textsAt(spec, 'gateways');
  const lists = ['http', 'tcp', 'tls'] as const;
  const exported = textsAt(spec, 'exportTo');
  return {
    hosts: textsAt(spec, 'hosts'),
    gateways: gateways.length === 0 ? ['mesh'] : gateways,
    matches: lists.flatMap((key) => listAt(spec, key).flatMap((it) => conditions(key, it))),
    isForAll: exported.length === 0 || exported.includes('*'),
  };
}

function textsAt(spec: JsonObject, key: string): readonly string[] {
  const list = spec[key];
  return Array.isArray(list) ? list.map(String) : [];
}

/** Each by itself: a route without any is for all requests. */
function conditions(list: string, rule: JsonObject): readonly JsonObject[] {
  const all = listAt(rule, 'match');
  // Its name is for people.
  return (all.length === 0 ? [{}] : all).map(({ name: _, ...it }) => ({ [list]: it }));
}

/** At a gateway Istio joins the routes of one host, and in the mesh it follows one VirtualService of a host alone. */
function claimsAt({ hosts, gateways, matches, isForAll }: Edge, own: string): readonly Claim[] {
  const all = hosts.map((it) => fullHost(it, own));
  return gateways.flatMap((it): readonly Claim[] => {
    if (it === 'mesh')
      return isForAll ? all.map((host) => ({ gateway: it, host, requests: null })) : [];
    const gateway = it.includes('/') ? it : `${own}/${it}`;
    return all.flatMap((host) => matches.map((requests) => ({ gateway, host, requests })));
  });
}

/** Istio completes a short name with the namespace and the cluster's domain. */
function fullHost(host: string, own: string): string {
  const name = host.replace(/\.svc(?:\.cluster\.local)?$/, '');
  return name.includes('.') || name === '*' ? name : `${name}.${own}`;
}
