import { type Json, type JsonObject, listAt, type Manifest, objectAt } from '../json.ts';
import type { Mistake } from '../mistake.ts';
import { type Names, TRACKS } from '../names.ts';
import type { Track } from '../plan/plan.ts';
import { withSpec } from '../workload.ts';
import type { Weights } from './router.ts';

/** The author's VirtualService with our weights in those routes that name both tracks. */
export function weighted(object: Manifest, names: Names, weights: Weights): Manifest {
  const http = listAt(object, 'spec', 'http').map((it) =>
    isOurs(it, names) ? { ...it, route: withWeights(it, names, weights) } : it,
  );
  return withSpec(object, { http });
}

function withWeights(rule: JsonObject, names: Names, weights: Weights): Json[] {
  return listAt(rule, 'route').map((it) => {
    const track = trackOf(it, names);
    return track === undefined ? it : { ...it, weight: weights[track] };
  });
}

function isOurs(rule: JsonObject, names: Names): boolean {
  const tracks = listAt(rule, 'route').map((it) => trackOf(it, names));
  return TRACKS.every((track) => tracks.includes(track));
}

/** The track that a destination leads to: by the host of its Service, or by subset of the apex. */
function trackOf(route: JsonObject, names: Names): Track | undefined {
  const { host, subset } = objectAt(route, 'destination');
  return TRACKS.find(
    (it) => isHost(host, names[it], names) || (subset === it && isHost(host, names.apex, names)),
  );
}

/** Istio completes a short name with the namespace and the cluster's domain. */
function isHost(host: Json | undefined, service: string, names: Names): boolean {
  const full = `${service}.${names.namespace}`;
  return (
    host === service ||
    host === full ||
    host === `${full}.svc` ||
    host === `${full}.svc.cluster.local`
  );
}

/** What keeps us from splitting traffic in the author's VirtualService. */
export function ownRouteMistakes(path: string, object: Manifest, names: Names): Mistake[] {
  const ours = listAt(object, 'spec', 'http').filter((it) => isOurs(it, names));
  const { name } = object.metadata;
  if (ours.length === 0)
    return [
      {
        path,
        problem: `no http route of VirtualService ${name} names both tracks`,
        got: objectAt(object, 'spec').http,
        remedy: `give one route the destinations ${names.primary} and ${names.canary}`,
      },
    ];
  return ours
    .filter((it) => listAt(it, 'route').length !== TRACKS.length)
    .map((it) => ({
      path,
      problem: `a route of VirtualService ${name} names more than the two tracks`,
      got: it.route,
      remedy: 'their weights are ours and sum to 100: move the others to a route of their own',
    }));
}
