import { type Authored, heldObject } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { directiveRefusal } from '../plan/directives.ts';
import {
  contentRefusal,
  kindFault,
  kindRefusal,
  namespaceRefusal,
  type Policy,
} from '../plan/policy.ts';
import type { HeldObject, Refusal } from '../plan/refusal.ts';
import { unsupportedInstead } from '../workload/parts.ts';
import { schemaOf } from './schema.ts';

/** What the analyzer would refuse after the merge: objects that no release may hold. */
export async function heldMistakes(
  objects: readonly Authored[],
  policy: Policy,
): Promise<readonly Mistake[]> {
  const found = await Promise.all(objects.map((it) => heldMistake(it, policy)));
  return found.flat();
}

async function heldMistake({ path, object }: Authored, policy: Policy): Promise<Mistake[]> {
  const held = heldObject(object);
  const refusal = await refusalOf(held, policy);
  return refusal === undefined ? [] : [mistakeOf(path, refusal)];
}

async function refusalOf(it: HeldObject, policy: Policy): Promise<Refusal | undefined> {
  // What to use instead of the kind is told elsewhere.
  if (unsupportedInstead(it.kind) !== undefined) return directiveRefusal(it);
  const schema = await schemaOf(it.apiVersion, it.kind);
  // Whoever misspells a kind is told that.
  if (schema.kind === 'missing') return undefined;
  return kindRefusal(it, policy) ?? contentRefusal(it);
}

function mistakeOf(path: string, { problem, remedy, kind }: Refusal): Mistake {
  const allow =
    kind === undefined
      ? ''
      : `, or allow it with \`allowKinds: ['${kind}']\` here and with --allow-kind ${kind} at the analyzer`;
  return { path, problem: `the release ${problem}`, remedy: `${remedy}${allow}` };
}

/** What is wrong with where a release is, and with the kinds that it allows itself. */
export function policyMistakes(
  path: string,
  namespace: string,
  allowKinds: readonly string[] = [],
): readonly Mistake[] {
  const refusal = namespaceRefusal(namespace);
  const kinds = allowKinds.flatMap((got, index) => {
    const fault = kindFault(got);
    if (fault === undefined) return [];
    const problem = `allowKinds[${index}] cannot be allowed: ${fault}`;
    return [{ path, problem, got, remedy: 'correct it, or leave it out' }];
  });
  return [...(refusal === undefined ? [] : [mistakeOf(path, refusal)]), ...kinds];
}
