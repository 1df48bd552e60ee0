import type { FileSet } from '../../analyzer/core/position.ts';
import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';
import { type Faults, type Refusal, within } from './faults.ts';
import { type Blobs, objectOf } from './plans.ts';
import { type Behaviour, type Held, keyOf, replaced } from './pods.ts';

/** What Git says of one release. */
export interface Live {
  readonly id: string;
  readonly files: FileSet;
  /** Unix seconds. */
  readonly committedAt: number;
  readonly revision: string;
}

/** One try to apply what Git says. */
export interface Attempt {
  readonly live: Live;
  readonly key: string;
  readonly at: number;
}

/** What applies Git to a simulated cluster: Flux, or Argo CD. */
export interface Sync {
  /** Tries that are to be made until a time. */
  due(until: number, all: readonly Live[]): Attempt[];
  attempt(it: Attempt): void;
  /** Since when all files of a release's newest commit are applied; undefined while they are not. */
  appliedSince(id: string): number | undefined;
  /** What the sync object of a release looks like. */
  object(kind: string, id: string): Manifest;
  /** Whether Git was read for a release, so that there is something to apply. */
  ids(): readonly string[];
  /** Somebody has edited, or deleted, an object in the cluster: the next try brings it back. */
  touch(): void;
  isEdited(): boolean;
}

/** What a sync works on. */
export interface Syncing {
  readonly blobs: Blobs;
  readonly behaviours: ReadonlyMap<string, Behaviour>;
  readonly faults: Faults;
  /** Objects of the cluster by `<kind>/<name>`. */
  readonly held: Map<string, Held>;
}

/** Stands for the content of an object that somebody has edited in the cluster. */
export const EDITED = 'edited';

/** A sync of all releases, over fake time. */
export function createSync({ blobs, behaviours, faults, held }: Syncing): Sync {
  const applied = new Map<string, { key: string; at: number; revision: string }>();
  const wanted = new Map<string, string>();
  const tried = new Map<string, string>();
  const refused = new Map<string, Refused>();
  let dirty = false;

  function apply({ id, files }: Live, at: number, skips: (object: Manifest) => boolean): void {
    const there = new Set<string>();
    for (const { oid } of files.values()) {
      const object = objectOf(oid, blobs);
      const key = keyOf(object);
      there.add(key);
      const old = held.get(key);
      if (old?.oid === oid || skips(object)) continue;
      const next = { owner: id, object, oid, breaks: faults.breaks };
      held.set(key, replaced(old, next, behaviours, at));
    }
    for (const [key, { owner }] of held) if (owner === id && !there.has(key)) held.delete(key);
    dirty = [...held.values()].some((it) => it.oid === EDITED);
  }

  /** The first of a commit's objects that the cluster does not take. */
  function refusedOf({ files }: Live, at: number): string | undefined {
    const active = faults.refusals.filter((it) => within([it], at));
    if (active.length === 0) return undefined;
    for (const { oid } of files.values()) {
      const object = objectOf(oid, blobs);
      const found = active.find((it) => it.matches(object));
      if (found !== undefined) return `${keyOf(object)}: ${found.message}`;
    }
    return undefined;
  }

  function isShown({ files }: Live): boolean {
    return [...files.values()].every(
      ({ oid }) => held.get(keyOf(objectOf(oid, blobs)))?.oid === oid,
    );
  }

  function note({ id, revision }: Live, reason: string | undefined): void {
    if (reason === undefined) refused.delete(id);
    else refused.set(id, { reason, tried: revision });
  }

  return {
    due: (until, all) =>
      all.flatMap((live) => {
        const key = [...live.files].map(([name, file]) => `${name} ${file.oid}`).join('\n');
        wanted.set(live.id, key);
        const at = live.committedAt + faults.syncLag;
        if (until < at) return [];
        const before = applied.get(live.id);
        const isSame = before?.key === key;
        if (isSame && !dirty) {
          note(live, refusedOf(live, until));
          if (!refused.has(live.id)) applied.set(live.id, { ...before, revision: live.revision });
          return [];
        }
        // What was refused, or edited, is tried again and again.
        return [{ live, key, at: isSame || tried.get(live.id) === key ? until : at }];
      }),
    attempt({ live, key, at }) {
      tried.set(live.id, key);
      const reason = refusedOf(live, at);
      note(live, reason);
      if (reason === undefined) {
        apply(live, at, () => false);
        applied.set(live.id, { key, at, revision: live.revision });
      } else if (faults.tool === 'argo-cd') {
        apply(live, at, (it) => refuses(faults.refusals, it, at));
        // What is refused now may have been taken before: then the cluster shows the commit all the same.
        const revision = applied.get(live.id)?.revision ?? '';
        if (isShown(live)) applied.set(live.id, { key, at, revision });
        else applied.delete(live.id);
      }
    },
    appliedSince: (id) => {
      const it = applied.get(id);
      return it !== undefined && it.key === wanted.get(id) && !dirty ? it.at : undefined;
    },
    object: (kind, id) => {
      const it = { refused: refused.get(id), revision: applied.get(id)?.revision };
      return kind === 'Application' ? application(it) : kustomization(it);
    },
    ids: () => [...wanted.keys()],
    touch: () => {
      dirty = true;
    },
    isEdited: () => dirty,
  };
}

/** Whether a cluster does not take an object at a time. */
export function refuses(all: readonly Refusal[], object: Manifest, at: number): boolean {
  return all.some((it) => within([it], at) && it.matches(object));
}

/** What was tried, and why it was refused. */
interface Refused {
  readonly reason: string;
  readonly tried: string;
}

interface Synced {
  readonly refused: Refused | undefined;
  readonly revision: string | undefined;
}

function kustomization({ refused, revision }: Synced): Manifest {
  if (refused === undefined) return { status: { lastAppliedRevision: revision } };
  const { reason: message, tried: lastAttemptedRevision } = refused;
  const ready = { type: 'Ready', status: 'False', reason: 'ReconciliationFailed', message };
  return { status: { lastAppliedRevision: revision, lastAttemptedRevision, conditions: [ready] } };
}

function application({ refused, revision }: Synced): Manifest {
  if (refused === undefined)
    return {
      status: { sync: { status: revision === undefined ? 'Unknown' : 'Synced', revision } },
    };
  const message = `one or more objects failed: ${refused.reason}`;
  const operationState = { phase: 'Failed', message, syncResult: { revision: refused.tried } };
  return { status: { sync: { status: 'OutOfSync' }, operationState } };
}
