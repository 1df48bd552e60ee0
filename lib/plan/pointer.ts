/** The value at a JSON pointer (RFC 6901); undefined where there is none. */
export function at(object: unknown, pointer: string): unknown {
  return atKeys(object, pointer.split('/').slice(1).map(unescapePointer));
}

/** The value at the end of a path of keys; undefined where there is none. */
export function atKeys(object: unknown, keys: readonly string[]): unknown {
  let value = object;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
  }
  return value;
}

function unescapePointer(part: string): string {
  return part.includes('~') ? part.replaceAll('~1', '/').replaceAll('~0', '~') : part;
}

/** A key as one part of a JSON pointer. */
export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
