import { hashOf, listAt, type Manifest, objectAt } from '../manifest/json.ts';
import { type Authored, isKind, renamed } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import type { HashedNames } from './references.ts';
import { HASHED_ANNOTATION } from './versioned.ts';

const RBAC = 'rbac.authorization.k8s.io';

/**
 * Roles that allow reading contents by hashed names, under names of their own for each set of contents, and with them their
 * RoleBindings. Nobody at synth knows what the stable version's contents are called, so no one Role could allow both
 * versions theirs: each brings its own, and the stable one's stays as long as its contents.
 *
 * @param all with the hashed names in them
 */
export function withVersionedRoles(
  all: readonly Manifest[],
  names: HashedNames,
): readonly Manifest[] {
  const hashed = new Set([...names.ConfigMap.values(), ...names.Secret.values()]);
  const suffixes = new Map(
    all.flatMap((it): [string, string][] => {
      const named = contentsOf(it, hashed);
      return named.length === 0 ? [] : [[it.metadata.name, hashOf([...named], 8)]];
    }),
  );
  if (suffixes.size === 0) return all;
  return all.map((it) => {
    const role = isKind(it, RBAC, 'Role') ? it.metadata.name : roleOf(it);
    const suffix = role === undefined ? undefined : suffixes.get(role);
    if (suffix === undefined) return it;
    const object = renamed(it, `${it.metadata.name}-${suffix}`);
    if (isKind(it, RBAC, 'Role')) return object;
    return { ...object, roleRef: { ...objectAt(it.roleRef), name: `${role}-${suffix}` } };
  });
}

/** Hashed names that the rules of a Role name, sorted. */
function contentsOf(it: Manifest, hashed: ReadonlySet<string>): readonly string[] {
  if (!isKind(it, RBAC, 'Role')) return [];
  const named = listAt(it, 'rules').flatMap(({ resourceNames }) =>
    Array.isArray(resourceNames) ? resourceNames.map(String) : [],
  );
  return [...new Set(named.filter((one) => hashed.has(one)))].sort();
}

/** Name of the Role that a RoleBinding gives somebody; undefined for any other object. */
function roleOf(it: Manifest): string | undefined {
  const { kind, name } = objectAt(it.roleRef);
  const isBinding = isKind(it, RBAC, 'RoleBinding') && kind === 'Role';
  return isBinding && typeof name === 'string' ? name : undefined;
}

/**
 * A Role that gets another name with its contents, and that nothing in the workload binds: whoever binds it by the name that the
 * author gave it would have nothing.
 *
 * @param made the same objects as they are written
 */
export function unboundRoleMistakes(
  authored: readonly Authored[],
  made: readonly Manifest[],
): readonly Mistake[] {
  const bound = new Set(made.map(roleOf));
  return authored.flatMap(({ path, object }, index): Mistake[] => {
    const written = made[index]?.metadata.name ?? '';
    const { name } = object.metadata;
    if (!isKind(object, RBAC, 'Role') || written === name || bound.has(written)) return [];
    return [
      {
        path,
        problem: `Role ${name} names contents that get a hash, so each version has a Role of its own, and no RoleBinding of the workload binds it`,
        got: listAt(object, 'rules').map((it) => it.resourceNames),
        remedy: `make its RoleBinding in the workload too, or let the contents keep their names with the annotation ${HASHED_ANNOTATION}: "false"`,
      },
    ];
  });
}
