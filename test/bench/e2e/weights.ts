import type { Api, KubernetesObject } from '../../e2e/stack/api.ts';
import { until } from '../../e2e/stack/until.ts';

/** A canary's weight in the API server, from one moment on. */
export interface WeightChange {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly weight: number;
}

/** The weights of all routes, as the API server tells of them. */
export interface Weights {
  of(release: string): readonly WeightChange[];
  /** Waits for a weight, now or after a moment. @throws Error when it takes longer */
  until(release: string, weight: number, options?: Waiting): Promise<WeightChange>;
  stop(): Promise<void>;
}

/** What to wait for. */
export interface Waiting {
  /** Milliseconds since 1970; earlier ones do not count. @default 0 */
  readonly since?: number;
  /** @default 120 */
  readonly seconds?: number;
}

interface Route extends KubernetesObject {
  readonly spec: {
    readonly rules?: readonly {
      readonly backendRefs?: readonly { readonly name: string; readonly weight?: number }[];
    }[];
  };
}

/** Follows all routes by one watch. */
export function followWeights(api: Api): Weights {
  const changes = new Map<string, WeightChange[]>();
  const end = new AbortController();
  const path = '/apis/gateway.networking.k8s.io/v1/httproutes';
  const following = api.follow<Route>(path, (routes) => note(changes, routes), end.signal);
  const of = (release: string) => changes.get(release) ?? [];
  return {
    of,
    async until(release, weight, { since = 0, seconds = 120 } = {}) {
      const find = () => of(release).find((it) => it.at >= since && it.weight === weight);
      await until(async () => find() !== undefined, seconds);
      const found = find();
      if (found === undefined) throw new Error(`${release} never had weight ${weight}`);
      return found;
    },
    async stop() {
      end.abort();
      await following;
    },
  };
}

function note(changes: Map<string, WeightChange[]>, routes: ReadonlyMap<string, Route>): void {
  const at = Date.now();
  for (const { metadata, spec } of routes.values()) {
    const backends = spec.rules?.[0]?.backendRefs ?? [];
    const weight = backends.find((it) => it.name === `${metadata.name}-canary`)?.weight;
    if (weight === undefined) continue;
    const known = changes.get(metadata.name) ?? [];
    if (known.at(-1)?.weight !== weight) known.push({ at, weight });
    changes.set(metadata.name, known);
  }
}
