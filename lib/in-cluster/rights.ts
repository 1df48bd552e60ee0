import { Construct } from 'constructs';
import * as z from 'zod';
import { aPlan, syncObjects } from '../gitops/sync.ts';
import type { JsonObject } from '../manifest/json.ts';
import { put } from '../manifest/put.ts';
import { reprove } from '../mistake.ts';
import { extended, fields, listOf, mapOf } from '../props/fields.ts';
import { readProps } from '../props/read.ts';
import { askedKinds, type KindIn, kindIn, kindName, pluralOf } from './resources.ts';

/** Whom the rights are given to. */
export type Subject = z.infer<typeof subject>;

const subject = z.discriminatedUnion('kind', [
  fields({
    kind: z.literal('ServiceAccount'),
    name: z.string(),
    namespace: z.string(),
  }),
  fields({
    kind: z.enum(['User', 'Group']),
    name: z.string(),
  }),
]);

/** What decides the rights of an analyzer. */
export interface RightsOptions extends z.infer<typeof rightsOptions> {}

/** The schema of `RightsOptions`. */
export const rightsOptions = fields({
  /** The releases: `Manifests` hands them to its factory. */
  plans: listOf(aPlan),
  /**
   * Kinds that the newest plans no longer name. The analyzer asks for them until the rollout that removes them is
   * over, and may read them only while they stand here.
   * @default - none
   */
  leaving: listOf(kindIn).optional(),
  /**
   * Names of kinds in paths, by `group/Kind`, for groups that nothing is known of:
   * `{ 'autoscaling.k8s.io/VerticalPodAutoscaler': 'verticalpodautoscalers' }`.
   * @default - none
   */
  resources: mapOf(z.string()).optional(),
  /**
   * One ClusterRole for all namespaces instead of a Role in each: fewer objects, and the right to read these kinds
   * everywhere.
   * @default false
   */
  clusterWide: z.boolean().optional(),
  /**
   * What applies the releases, and is read to learn what is applied.
   * @default - none: that is read from the releases' objects alone
   */
  sync: syncObjects.optional(),
  /**
   * Whether the analyzer may create Events in the releases' namespaces, the only thing that it can ever write to
   * a cluster.
   * @default false
   */
  events: z.boolean().optional(),
});

/** The rights of an analyzer in one cluster. */
export interface AnalyzerRightsProps extends z.infer<typeof analyzerRightsProps> {}

/** The schema of `AnalyzerRightsProps`. */
export const analyzerRightsProps = extended(rightsOptions, {
  subject: subject,
  /**
   * Name of the Roles.
   * @default 'perch'
   */
  name: z.string().optional(),
});

/**
 * Roles that let an analyzer get what the plans mark as asked, and nothing else: no list, no watch, no Secrets.
 * `Analyzer` makes its own; for further clusters, put one into a folder of `Manifests` for each of them.
 */
export class AnalyzerRights extends Construct {
  constructor(scope: Construct, id: string, props: AnalyzerRightsProps) {
    super(scope, id);
    const { given, reproofs } = readProps('AnalyzerRights', analyzerRightsProps, props);
    reprove(this, ...reproofs);
    if (given !== undefined) this.#make(given);
  }

  #make(props: AnalyzerRightsProps): void {
    const { name = 'perch', plans, sync, leaving = [] } = props;
    const grant = (namespace: string | undefined, of: string, rules: readonly JsonObject[]) =>
      this.#grant(props.subject, { namespace, name: of }, rules);
    const namespaces = [...new Set(plans.map((it) => it.namespace))].sort();
    const wanted = this.#readable([...askedKinds(plans), ...leaving], props.resources ?? {});
    if (props.clusterWide === true) grant(undefined, name, getRules(wanted));
    else
      for (const namespace of new Set(wanted.map((it) => it.namespace).sort()))
        grant(namespace, name, getRules(wanted.filter((it) => it.namespace === namespace)));
    if (sync !== undefined)
      grant(sync.namespace, `${name}-sync`, [
        { apiGroups: [sync.resource.group], resources: [sync.resource.name], verbs: ['get'] },
      ]);
    if (props.events === true)
      for (const namespace of namespaces)
        grant(namespace, `${name}-events`, [
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

  #grant(
    whom: Subject,
    { namespace, name }: { readonly namespace: string | undefined; readonly name: string },
    rules: readonly JsonObject[],
  ): void {
    const scope = namespace === undefined ? 'Cluster' : '';
    const metadata = namespace === undefined ? { name } : { name, namespace };
    const group = 'rbac.authorization.k8s.io';
    const apiVersion = `${group}/v1`;
    const known = whom.kind === 'ServiceAccount' ? whom : { apiGroup: group, ...whom };
    put(this, { apiVersion, kind: `${scope}Role`, metadata, rules });
    put(this, {
      apiVersion,
      kind: `${scope}RoleBinding`,
      metadata,
      roleRef: { apiGroup: group, kind: `${scope}Role`, name },
      subjects: [{ ...known }],
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
