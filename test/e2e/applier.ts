import { parse } from 'yaml';
import type { ObjectRef } from '../../analyzer/core/cluster/reading.ts';
import type { Kubernetes } from './servers/kubernetes.ts';

/** What GitOps tools do with `live/`, through kubectl. */
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

/** Strict: a field that the API server does not know is an error, not a warning. */
const APPLY = [
  'apply',
  '--server-side',
  `--field-manager=${MANAGER}`,
  '--force-conflicts',
  '--validate=strict',
  '--filename=-',
];

/** One inventory, as a Flux Kustomization has. */
export function applier(kubectl: Kubernetes['kubectl']): Applier {
  let inventory: readonly ObjectRef[] = [];
  return {
    async dryRun(texts) {
      await kubectl([...APPLY, '--dry-run=server'], stream(texts));
    },
    async apply(texts) {
      await kubectl(APPLY, stream(texts));
      const wanted = texts.map((it) => refOf(parse(it)));
      const gone = inventory.filter((old) => !wanted.some((it) => isSame(it, old)));
      for (const ref of gone) await kubectl(['delete', '--wait=false', ...argumentsOf(ref)]);
      inventory = wanted;
      return gone;
    },
  };
}

/** How kubectl is told an object. */
export function argumentsOf({ apiVersion, kind, namespace, name }: ObjectRef): readonly string[] {
  const [group, version] = apiVersion.split('/');
  const type = version === undefined ? kind : `${kind}.${version}.${group}`;
  return [type, name, ...(namespace === undefined ? [] : [`--namespace=${namespace}`])];
}

/** The order in which Flux applies kinds, as far as it matters; what is not listed comes after. */
const KINDS = ['Secret', 'ConfigMap', 'Service', 'Deployment', 'HorizontalPodAutoscaler'];

function stream(texts: readonly string[]): string {
  const rank = (text: string) => {
    const index = KINDS.indexOf(refOf(parse(text)).kind);
    return index < 0 ? KINDS.length : index;
  };
  return texts.toSorted((a, b) => rank(a) - rank(b)).join('---\n');
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
  return JSON.stringify(argumentsOf(one)) === JSON.stringify(argumentsOf(other));
}
