import {
  isObject,
  type Json,
  type JsonObject,
  listAt,
  type Manifest,
  objectAt,
} from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { podSpecOf } from './containers.ts';
import { isContent } from './versioned.ts';

/** A key of a ConfigMap or Secret without which a container does not start. */
interface Wanted {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: Json | undefined;
  readonly key: Json | undefined;
  readonly where: string;
}

/** What is wrong with pods that want a key which a ConfigMap or Secret of the workload does not have. */
export function missingKeys(
  { path, object }: Authored,
  contents: readonly Manifest[],
): readonly Mistake[] {
  const spec = podSpecOf(object);
  const wanted = [...inVariables(spec), ...inVolumes(spec)];
  return wanted.flatMap(({ kind, name, key, where }) => {
    const content = contents.find(
      (it) => isContent(it) && it.kind === kind && it.metadata.name === name,
    );
    if (content === undefined || typeof key !== 'string') return [];
    const keys = keysOf(content);
    if (keys.includes(key)) return [];
    const problem = `${where} of ${object.kind} ${object.metadata.name} wants a key that ${kind} ${name} does not have: the pods would never start`;
    const remedy =
      keys.length === 0 ? `${kind} ${name} has none; add it` : `it has ${keys.join(', ')}`;
    return [{ path, problem, got: key, remedy }];
  });
}

function keysOf(content: Manifest): readonly string[] {
  return ['data', 'stringData', 'binaryData'].flatMap((it) => Object.keys(objectAt(content, it)));
}

function inVariables(spec: JsonObject): readonly Wanted[] {
  const containers = [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')];
  return containers.flatMap((container) =>
    listAt(container, 'env').flatMap(({ name: variable, valueFrom }) => {
      const where = `variable ${String(variable)}`;
      const { configMapKeyRef, secretKeyRef } = objectAt(valueFrom);
      return [
        ...needed('ConfigMap', configMapKeyRef, where),
        ...needed('Secret', secretKeyRef, where),
      ];
    }),
  );
}

function needed(kind: Wanted['kind'], it: Json | undefined, where: string): readonly Wanted[] {
  if (!isObject(it) || it.optional === true) return [];
  return [{ kind, name: it.name, key: it.key, where }];
}

function inVolumes(spec: JsonObject): readonly Wanted[] {
  return listAt(spec, 'volumes').flatMap((volume) => {
    const where = `volume ${String(volume.name)}`;
    return [volume, ...listAt(volume, 'projected', 'sources')].flatMap(({ configMap, secret }) => [
      ...items('ConfigMap', configMap, where),
      ...items('Secret', secret, where),
    ]);
  });
}

function items(kind: Wanted['kind'], it: Json | undefined, where: string): readonly Wanted[] {
  if (!isObject(it) || it.optional === true) return [];
  const name = it.secretName ?? it.name;
  return listAt(it, 'items').map(({ key }) => ({ kind, name, key, where }));
}
