import { type Authored, heldObject } from '../manifest/manifest.ts';
import type { Mistake, Reproof } from '../mistake.ts';
import { directiveRefusal } from '../plan/directives.ts';
import {
  contentRefusal,
  kindFault,
  kindRefusal,
  namespaceRefusal,
  policyWith,
} from '../plan/policy.ts';
import type { Refusal } from '../plan/refusal.ts';
import { unsupportedInstead } from '../workload/parts.ts';
import { schemaOf } from './schema.ts';

/** An object of a kind that a release holds only where it is allowed. */
export interface HeldKind {
  readonly path: string;
  /** As `group/Kind`. */
  readonly kind: string;
  readonly refusal: Refusal;
}

/** What an analyzer runs, and which kinds more that may hold. */
export interface Allowing {
  /** Ids of releases. */
  readonly releases: readonly string[];
  readonly allowKinds: readonly string[];
}

/** What the analyzer would refuse after the merge: objects that no release may hold. */
export interface Held {
  readonly mistakes: readonly Mistake[];
  /** Those that are none where their kind is allowed. */
  readonly kinds: readonly HeldKind[];
}

/** Looks for objects that no release may hold, or not each. */
export async function heldBy(objects: readonly Authored[]): Promise<Held> {
  const all = await Promise.all(objects.map(heldIn));
  return {
    mistakes: all.flatMap((it) => it.mistakes),
    kinds: all.flatMap((it) => it.kinds),
  };
}

async function heldIn({ path, object }: Authored): Promise<Held> {
  const it = heldObject(object);
  const refused = (refusal: Refusal | undefined) =>
    refusal === undefined ? [] : [mistakeOf(path, refusal)];
  // What to use instead of the kind is told elsewhere.
  if (unsupportedInstead(it.kind) !== undefined)
    return { mistakes: refused(directiveRefusal(it)), kinds: [] };
  const schema = await schemaOf(it.apiVersion, it.kind);
  // Whoever misspells a kind is told that.
  if (schema.kind === 'missing') return { mistakes: [], kinds: [] };
  const refusal = kindRefusal(it, EVERYWHERE);
  if (refusal?.kind === undefined)
    return { mistakes: refused(refusal ?? contentRefusal(it)), kinds: [] };
  const kinds = [{ path, kind: refusal.kind, refusal }];
  return { mistakes: refused(contentRefusal(it)), kinds };
}

/** What each release may hold, whoever runs it. */
const EVERYWHERE = policyWith();

/**
 * What is wrong with the kinds that a release holds. The analyzers that run it have the word; where none is known, the
 * release's author says what they allow.
 */
export function kindMistakes(
  held: readonly HeldKind[],
  own: readonly string[],
  analyzers: readonly Allowing[] = [],
): readonly Mistake[] {
  const isAllowed = (kind: string) =>
    analyzers.length === 0
      ? own.includes(kind)
      : analyzers.every((it) => it.allowKinds.includes(kind));
  return held
    .filter((it) => !isAllowed(it.kind))
    .map(({ path, kind, refusal }) => {
      const { problem, remedy } = mistakeOf(path, refusal);
      const word = `\`allowKinds: ['${kind}']\``;
      const where =
        analyzers.length === 0
          ? `here and with --allow-kind ${kind} at the analyzer`
          : 'of each new Analyzer that runs the release';
      return { path, problem, remedy: `${remedy}, or allow it with ${word} ${where}` };
    });
}

function mistakeOf(path: string, { problem, remedy }: Refusal): Mistake {
  return { path, problem: `the release ${problem}`, remedy };
}

/** What is wrong with where a release is, and with the kinds that it allows itself. */
export function policyMistakes(
  path: string,
  namespace: string,
  allowKinds: readonly string[] = [],
): readonly Mistake[] {
  const refusal = namespaceRefusal(namespace);
  return [
    ...(refusal === undefined ? [] : [mistakeOf(path, refusal)]),
    ...allowedMistakes(allowKinds).map((it) => ({ path, ...it })),
  ];
}

/** What is wrong with kinds that somebody allows. */
export function allowedMistakes(allowKinds: readonly string[]): readonly Reproof[] {
  return allowKinds.flatMap((got, index) => {
    const fault = kindFault(got);
    if (fault === undefined) return [];
    const problem = `allowKinds[${index}] cannot be allowed: ${fault}`;
    return [{ problem, got, remedy: 'correct it, or leave it out' }];
  });
}
