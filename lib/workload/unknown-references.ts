import { isObject, type Json, type JsonObject } from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import {
  type HashedNames,
  hashedName,
  isElsewhere,
  isOutput,
  REFERENTS,
  type Referent,
  withHashedNames,
} from './references.ts';
import { HASHED_ANNOTATION } from './versioned.ts';

/** A text that could be a name, by what it stands at. */
interface Text {
  readonly text: string;
  readonly where: string;
  /** A key of its own, a key whose object has it as `name`, or what an argument or variable is called. */
  readonly at: 'key' | 'holder' | 'flag';
  readonly key: string;
}

/** What names of such places look like: only what is hardly anything else. */
const NAMING: Readonly<Record<Referent, Readonly<Record<Text['at'], RegExp>>>> = {
  ConfigMap: {
    key: /config-?map(?:s|-?names?|-?ref)?$/i,
    holder: /configmap(?:key)?(?:ref|selector|reference)?s?$/i,
    flag: /config[-_]?map[\w-]*$/i,
  },
  Secret: {
    key: /(?:secret|credential)(?:s|-?names?|-?ref)?$/i,
    holder: /(?:secret|credential)(?:key)?(?:ref|selector|reference)?s?$/i,
    flag: /(?:^|[-_.])secret(?:s|[-_]?names?|[-_]?ref)?$/i,
  },
};

/**
 * What is wrong with an object that names a hashed ConfigMap or Secret at a place that is not known, where it is not
 * rewritten.
 */
export function unknownReferences(
  { path, object }: Authored,
  names: HashedNames,
): readonly Mistake[] {
  const { kind, metadata } = object;
  if (kind === 'ConfigMap' || kind === 'Secret') return [];
  const found: Mistake[] = [];
  walk(withHashedNames(object, names), '', (it, place) => {
    for (const { text, where, at, key } of textsIn(it, place))
      for (const referent of REFERENTS) {
        if (!NAMING[referent][at].test(key) || isOutput(object, key)) continue;
        if (isElsewhere(it, referent, object)) continue;
        if (hashedName(text, names[referent], object) === text) continue;
        found.push({
          path,
          problem: `${where} of ${kind} ${metadata.name} names ${referent} ${text}, which is written under a name with its hash`,
          got: text,
          remedy: `let the ${referent} keep its name with the annotation ${HASHED_ANNOTATION}: "false"`,
        });
      }
  });
  return found;
}

function textsIn(it: JsonObject, place: string): readonly Text[] {
  const holder = place.slice(place.lastIndexOf('.') + 1);
  const fields = Object.entries(it).flatMap(([name, value]) => {
    const all: readonly Json[] = Array.isArray(value) ? value : [value ?? null];
    const where = place === '' ? name : `${place}.${name}`;
    const texts = all.flatMap((text): readonly Text[] => {
      if (typeof text !== 'string') return [];
      return [
        name === 'name'
          ? { text, where, at: 'holder', key: holder }
          : { text, where, at: 'key', key: name },
      ];
    });
    const isArguments = name === 'args' || name === 'command';
    return [...texts, ...(isArguments ? flagsIn(all).map((one) => ({ ...one, where })) : [])];
  });
  const { name, value: text } = it;
  if (holder !== 'env' || typeof name !== 'string' || typeof text !== 'string') return fields;
  return [...fields, { text, where: `${place} ${name}`, at: 'flag', key: name }];
}

/** Both `--flag=value` and `--flag value`. */
function flagsIn(args: readonly Json[]): readonly Omit<Text, 'where'>[] {
  return args.flatMap((it, index) => {
    if (typeof it !== 'string' || !it.startsWith('-')) return [];
    const split = it.indexOf('=');
    const text = split < 0 ? args[index + 1] : it.slice(split + 1);
    if (typeof text !== 'string') return [];
    return [{ text, at: 'flag', key: split < 0 ? it : it.slice(0, split) }];
  });
}

function walk(
  value: Json | undefined,
  place: string,
  see: (it: JsonObject, place: string) => void,
): void {
  if (Array.isArray(value)) for (const it of value) walk(it, place, see);
  if (!isObject(value)) return;
  see(value, place);
  for (const [key, it] of Object.entries(value))
    walk(it, place === '' ? key : `${place}.${key}`, see);
}
