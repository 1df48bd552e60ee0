import { isObject, type Json, type Manifest, objectAt } from './json.ts';

/** What the API server alone writes, what kubectl and controllers write for themselves. */
const WRITTEN: readonly (readonly [path: readonly string[], keys: readonly string[]])[] = [
  [
    ['metadata'],
    [
      'creationTimestamp',
      'deletionGracePeriodSeconds',
      'deletionTimestamp',
      'generation',
      'managedFields',
      'resourceVersion',
      'selfLink',
      'uid',
    ],
  ],
  [
    ['metadata', 'annotations'],
    ['deployment.kubernetes.io/revision', 'kubectl.kubernetes.io/last-applied-configuration'],
  ],
  [[], ['status']],
];

/**
 * Takes away what a cluster, and not the object's author, writes, as `kubectl get -o yaml` shows it. Go's printers write
 * some of these fields without a value; that those were there says nothing.
 *
 * @param object a copy that is ours
 * @returns what said something, such as `metadata.uid`
 */
export function takeExported(object: Manifest): readonly string[] {
  return WRITTEN.flatMap(([path, keys]) => {
    const holder = objectAt(object, ...path);
    return keys.flatMap((key) => {
      const value = holder[key];
      Reflect.deleteProperty(holder, key);
      return isNothing(value) ? [] : [[...path, key].join('.')];
    });
  });
}

/** Go's zero values, in whatever they stand. */
function isNothing(value: Json | undefined): boolean {
  if (isObject(value)) return Object.values(value).every(isNothing);
  if (Array.isArray(value)) return value.every(isNothing);
  return value === undefined || value === null || value === 0 || value === '' || value === false;
}
