import type { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import type * as z from 'zod';
import { isObject, type Manifest } from '../manifest/json.ts';
import { put } from '../manifest/put.ts';
import type { Reproof } from '../mistake.ts';
import { type Fields, listOf, thing } from '../props/fields.ts';

/** Objects of a file or chart: those of a kind, of a kind and a name, or those for which a function says so. */
export type ObjectChoice =
  | { readonly kind: string; readonly name?: string }
  | ((object: Manifest) => boolean);

/** Changes an object of a file or chart, as in `it.addJsonPatch(JsonPatch.replace('/spec/replicas', 3))`. */
export type ObjectPatch = (object: ApiObject) => void;

/** The props that every source of objects has. */
export const choiceProps = {
  /**
   * Objects that are left out, such as `{ kind: 'Service', name: 'shop' }`.
   * @default - none
   */
  omit: listOf(
    thing<ObjectChoice>(
      {
        what: 'a choice of objects',
        remedy: "give { kind: 'Service', name: 'shop' }, or a function (object) => …",
      },
      isChoice,
    ),
  ).optional(),
  /**
   * Called with each object that is not left out, to change it.
   * @default - each stays as it is
   */
  patch: thing<ObjectPatch>(
    { what: 'a function', remedy: 'give one that changes an object: (object) => { … }' },
    (it) => typeof it === 'function',
  ).optional(),
};

function isChoice(value: unknown): boolean {
  if (typeof value === 'function') return true;
  if (!isObject(value) || typeof value.kind !== 'string') return false;
  const others = Object.keys(value).filter((it) => it !== 'kind' && it !== 'name');
  return others.length === 0 && ['string', 'undefined'].includes(typeof value.name);
}

/** What is done with the objects of a source. */
export type Choice = z.infer<Fields<typeof choiceProps>>;

/** Adds the chosen objects below a scope. @returns what is wrong with the choice */
export function putChosen(
  scope: Construct,
  objects: readonly Manifest[],
  { omit = [], patch = () => undefined }: Choice,
): readonly Reproof[] {
  const kept = objects.filter((it) => !omit.some((choice) => isChosen(it, choice)));
  for (const it of kept) patch(put(scope, it));
  return omit.flatMap((got) => {
    // A function may be one for many files.
    if (typeof got === 'function' || objects.some((it) => isChosen(it, got))) return [];
    const known = objects.map((it) => `${it.kind} ${it.metadata.name}`).join(', ');
    return [{ problem: 'omit names no object', got, remedy: `name one of ${known}` }];
  });
}

function isChosen(object: Manifest, choice: ObjectChoice): boolean {
  if (typeof choice === 'function') return choice(object);
  const { kind, name = object.metadata.name } = choice;
  return object.kind === kind && object.metadata.name === name;
}
