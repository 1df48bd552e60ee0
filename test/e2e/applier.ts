import { parse } from 'yaml';
import type { ObjectRef } from '../../analyzer/core/cluster/reading.ts';
import type { Kubernetes } from './servers/kubernetes.ts';
import { type Api, ApiError, openApi } from './stack/api.ts';

/** What GitOps tools do with `live/`, by the API that they use. */
export interface Applier {
  /** Asks the API server whether it would take these manifests. @throws Error with why not */
  dryRun(texts: readonly string[]): Promise<void>;
  /**
   * Applies the manifests, then removes what was applied before and is not among them.
   *
   * @returns what was removed
   * @throws Error with what the API server said
   */
  apply(texts: readonly string[]): Promise<readonly ObjectRef[]>;
}

/** The name under which Flux' kustomize-controller owns fields. */
export const MANAGER = 'kustomize-controller';

/** One inventory, as a Flux Kustomization has. */
export function applier(server: Pick<Kubernetes, 'url' | 'certificate' | 'token'>): Applier {
  const api = openApi(server);
  const pathOf = paths(api);
  let inventory: readonly ObjectRef[] = [];
  const send = async (texts: readonly string[], dryRun: boolean) => {
    const objects = texts.map((it) => parse(it) as Named).toSorted((a, b) => rank(a) - rank(b));
    // Strict: a field that the API server does not know is an error, not a warning.
    for (const it of objects)
      await api.apply(await pathOf(refOf(it)), it, { fieldManager: MANAGER, strict: true, dryRun });
    return objects.map(refOf);
  };
  return {
    async dryRun(texts) {
      await send(texts, true);
    },
    async apply(texts) {
      const wanted = await send(texts, false);
      const gone = inventory.filter((old) => !wanted.some((it) => isSame(it, old)));
      for (const ref of gone) await removed(api, await pathOf(ref));
      inventory = wanted;
      return gone;
    },
  };
}

async function removed(api: Api, path: string): Promise<void> {
  try {
    await api.delete(path);
  } catch (error) {
    // What it belonged to may have taken it along.
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}

/** Paths of objects, by what the API server says of their kinds. */
function paths(api: Api): (ref: ObjectRef) => Promise<string> {
  const known = new Map<string, Promise<Resources>>();
  return async ({ apiVersion, kind, namespace, name }) => {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const found = known.get(root) ?? api.get<Resources>(root);
    known.set(root, found);
    const { resources } = await found;
    const plural = resources.find((it) => it.kind === kind && !it.name.includes('/'))?.name;
    if (plural === undefined) throw new Error(`the API server has no ${kind} in ${apiVersion}`);
    const place = namespace === undefined ? root : `${root}/namespaces/${namespace}`;
    return `${place}/${plural}/${name}`;
  };
}

interface Resources {
  readonly resources: readonly { readonly kind: string; readonly name: string }[];
}

/** The order in which Flux applies kinds, as far as it matters; what is not listed comes after. */
const KINDS = ['Secret', 'ConfigMap', 'Service', 'Deployment', 'HorizontalPodAutoscaler'];

function rank({ kind }: Named): number {
  const index = KINDS.indexOf(kind);
  return index < 0 ? KINDS.length : index;
}

interface Named {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

function refOf({ apiVersion, kind, metadata }: Named): ObjectRef {
  const { name, namespace } = metadata;
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

function isSame(one: ObjectRef, other: ObjectRef): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
