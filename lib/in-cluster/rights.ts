import { Construct } from 'constructs';
import type { Sync } from '../gitops/sync.ts';
import type { JsonObject } from '../manifest/json.ts';
import { put } from '../manifest/put.ts';
import { reprove } from '../mistake.ts';
import type { Plan } from '../plan/plan.ts';
import { askedKinds, type KindIn, kindName, pluralOf } from './resources.ts';

/** Whom the rights are given to. */
export type Subject =
  | { readonly kind: 'ServiceAccount'; readonly name: string; readonly namespace: string }
  | { readonly kind: 'User' | 'Group'; readonly name: string };

/** What decides the rights of an analyzer. */
export interface RightsOptions {
  /** The releases: `Manifests` hands them to its factory. */
  readonly plans: readonly Plan[];
  /**
   * Kinds that the newest plans no longer name. The analyzer asks for them until the rollout that removes them is
   * over, and may read them only while they stand here.
   * @default - none
   */
  readonly leaving?: readonly KindIn[];
  /**
   * Names of kinds in paths, by `group/Kind`, for groups that nothing is known of:
   * `{ 'autoscaling.k8s.io/VerticalPodAutoscaler': 'verticalpodautoscalers' }`.
   * @default - none
   */
  readonly resources?: Readonly<Record<string, string>>;
  /**
   * One ClusterRole for all namespaces instead of a Role in each: fewer objects, and the right to read these kinds
   * everywhere.
   * @default false
   */
  readonly clusterWide?: boolean;
  /**
   * What applies the releases, and is read to learn what is applied.
   * @default - none: that is read from the releases' objects alone
   */
  readonly sync?: Sync;
  /**
   * Whether the analyzer may create Events in the releases' namespaces, the only thing that it can ever write to
   * a cluster.
   * @default false
   */
  readonly events?: boolean;
}

/** The rights of an analyzer in one cluster. */
export interface AnalyzerRightsProps extends RightsOptions {
  readonly subject: Subject;
  /**
   * Name of the Roles.
   * @default 'perch'
   */
  readonly name?: string;
}

/**
 * Roles that let an analyzer get what the plans mark as asked, and nothing else: no list, no watch, no Secrets.
 * `Analyzer` makes its own; for further clusters, put one into a folder of `Manifests` for each of them.
 */
export class AnalyzerRights extends Construct {
  readonly #subject: Subject;

  constructor(scope: Construct, id: string, props: AnalyzerRightsProps) {
    super(scope, id);
    this.#subject = props.subject;
    const { name = 'perch', plans, sync, leaving = [] } = props;
    const namespaces = [...new Set(plans.map((it) => it.namespace))].sort();
    const wanted = this.#readable([...askedKinds(plans), ...leaving], props.resources ?? {});
    if (props.clusterWide === true) this.#grant(undefined, name, getRules(wanted));
    else
      for (const namespace of new Set(wanted.map((it) => it.namespace).sort()))
        this.#grant(namespace, name, getRules(wanted.filter((it) => it.namespace === namespace)));
    if (sync !== undefined)
      this.#grant(sync.namespace, `${name}-sync`, [
        { apiGroups: [sync.resource.group], resources: [sync.resource.name], verbs: ['get'] },
      ]);
    if (props.events === true)
      for (const namespace of namespaces)
        this.#grant(namespace, `${name}-events`, [
          { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
        ]);
  }

  #readable(kinds: readonly KindIn[], resources: Readonly<Record<string, string>>): Readable[] {
    return kinds.flatMap((it) => {
      const known = kindName(it);
      const resource = Object.hasOwn(resources, known)
        ? resources[known]
        : pluralOf(it.group, it.kind);
      if (resource !== undefined && resource !== 'secrets') return [{ ...it, resource }];
      const secret = it.group === '' && it.kind === 'Secret';
      reprove(this, {
        problem: secret
          ? 'Secrets are never read'
          : 'a release holds a kind whose name in Roles is not known',
        got: known,
        remedy: secret
          ? 'leave it out'
          : `give it with resources: { '${known}': '…' }; kubectl api-resources lists the names`,
      });
      return [];
    });
  }

  #grant(namespace: string | undefined, name: string, rules: readonly JsonObject[]): void {
    const scope = namespace === undefined ? 'Cluster' : '';
    const metadata = namespace === undefined ? { name } : { name, namespace };
    const group = 'rbac.authorization.k8s.io';
    const apiVersion = `${group}/v1`;
    const { kind } = this.#subject;
    const subject =
      kind === 'ServiceAccount' ? this.#subject : { apiGroup: group, ...this.#subject };
    put(this, { apiVersion, kind: `${scope}Role`, metadata, rules });
    put(this, {
      apiVersion,
      kind: `${scope}RoleBinding`,
      metadata,
      roleRef: { apiGroup: group, kind: `${scope}Role`, name },
      subjects: [{ ...subject }],
    });
  }
}

interface Readable extends KindIn {
  readonly resource: string;
}

/** One rule for each group, in the order of their names. */
function getRules(kinds: readonly Readable[]): readonly JsonObject[] {
  const groups = [...new Set(kinds.map((it) => it.group))].sort();
  return groups.map((group) => {
    const inside = kinds.filter((it) => it.group === group).map((it) => it.resource);
    return { apiGroups: [group], resources: [...new Set(inside)].sort(), verbs: ['get'] };
  });
}
