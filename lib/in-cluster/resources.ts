import * as z from 'zod';
import { groupOf } from '../manifest/manifest.ts';
import type { Plan } from '../plan/plan.ts';
import { fields } from '../props/fields.ts';
import { isChecked } from '../validation/schema.ts';
import { makesSecret } from '../workload/secret-sources.ts';

/** Objects of one kind in one namespace. */
export interface KindIn extends z.infer<typeof kindIn> {}

/** The schema of `KindIn`. */
export const kindIn = fields({
  namespace: z.string(),
  /** Empty for the core group. */
  group: z.string(),
  kind: z.string(),
});

/** The kinds that the analyzer asks the cluster for: what plans mark as asked, each once. */
export function askedKinds(plans: readonly Plan[]): readonly KindIn[] {
  const all = plans.flatMap((plan) =>
    Object.values(plan.files)
      .filter((it) => it.asked)
      .map((it) => ({
        namespace: it.namespace ?? plan.namespace,
        group: groupOf(it.apiVersion),
        kind: it.kind,
      })),
  );
  return [...new Map(all.map((it) => [JSON.stringify(it), it])).values()];
}

/** `group/Kind`, or the kind alone in the core group. */
export function kindName({
  group,
  kind,
}: {
  readonly group: string;
  readonly kind: string;
}): string {
  return group === '' ? kind : `${group}/${kind}`;
}

/**
 * How the API server names a kind in paths and Roles, where that is known: the rule by which Kubernetes, Istio,
 * Gateway API, Flux and Argo CD name theirs, which the end-to-end suite holds against a real API server, and
 * SealedSecrets and ExternalSecrets as well. Of other groups nothing is known, and nothing is guessed.
 */
export function pluralOf(group: string, kind: string): string | undefined {
  if (!isChecked(group, kind) && !makesSecret(group, kind)) return undefined;
  const name = kind.toLowerCase();
  if (name === 'endpoints') return name;
  if (/(?:s|x|ch|sh)$/.test(name)) return `${name}es`;
  return /[^aeiou]y$/.test(name) ? `${name.slice(0, -1)}ies` : `${name}s`;
}
