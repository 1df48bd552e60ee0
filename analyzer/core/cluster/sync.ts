import * as z from 'zod';
import { at } from '../../../lib/plan/pointer.ts';
import type { ObjectRef, SyncStatus } from './reading.ts';

/** What applies `live/` to a cluster, and tells of it in the status of an object. */
export type SyncTool = 'flux' | 'argo-cd';

/** The sync object of every release, with `{release}` and `{context}` in its name. */
export interface SyncTarget {
  readonly tool: SyncTool;
  readonly namespace: string;
  readonly name: string;
}

const KINDS = {
  flux: { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization' },
  'argo-cd': { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application' },
} satisfies Record<SyncTool, Pick<ObjectRef, 'apiVersion' | 'kind'>>;

const OID = /\b(?:[0-9a-f]{64}|[0-9a-f]{40})$/;

/**
 * Reads `flux:flux-system/{release}` or `argo-cd:argocd/{release}`.
 *
 * @throws Error that says what was expected
 */
export function parseSyncTarget(text: string): SyncTarget {
  const [, tool, namespace, name] =
    /^(flux|argo-cd):([a-z0-9][-a-z0-9]*)\/([-a-z0-9.{}]+)$/.exec(text) ?? [];
  const left = name?.replaceAll(/\{(?:release|context)\}/g, '');
  if ((tool !== 'flux' && tool !== 'argo-cd') || !namespace || !name || /[{}]/.test(left ?? ''))
    throw new Error(
      'expected flux:<namespace>/<name> or argo-cd:<namespace>/<name>, the name with {release} in it',
    );
  return { tool, namespace, name };
}

/** The sync object of one release in one cluster. */
export function syncRef(target: SyncTarget, release: string, context: string): ObjectRef {
  const { tool, namespace } = target;
  // Functions: in a text `$&` would stand for what is replaced.
  const name = target.name
    .replaceAll('{release}', () => release)
    .replaceAll('{context}', () => context);
  return { ...KINDS[tool], namespace, name };
}

const conditions = z.array(
  z.looseObject({
    type: z.string(),
    status: z.string().optional(),
    reason: z.string().optional(),
    message: z.string().optional(),
  }),
);

const syncOperation = z.looseObject({
  message: z.string().optional(),
  syncResult: z
    .looseObject({
      resources: z
        .array(
          z.looseObject({
            kind: z.string(),
            name: z.string(),
            status: z.string().optional(),
            message: z.string().optional(),
          }),
        )
        .optional(),
    })
    .optional(),
});

/**
 * Which commit a sync object says is applied, and what ails it. Flux moves `lastAppliedRevision` once all is
 * applied and pruned. Argo CD's `sync.revision` is what was compared: it counts only while Synced.
 */
export function syncStatus(tool: SyncTool, object: unknown): SyncStatus {
  return tool === 'flux' ? fluxStatus(object) : argoStatus(object);
}

function fluxStatus(object: unknown): SyncStatus {
  const revision = oid(at(object, '/status/lastAppliedRevision'));
  if (at(object, '/spec/suspend') === true) return { revision, trouble: 'it is suspended' };
  const ready = list(at(object, '/status/conditions')).find((it) => it.type === 'Ready');
  if (ready?.status !== 'False') return { revision };
  const trouble = said(ready.reason, ready.message);
  if (!FLUX_REFUSES.includes(ready.reason ?? '')) return { revision, trouble };
  return { revision, trouble, ...refusing(at(object, '/status/lastAttemptedRevision')) };
}

/** What Flux says when the API server refuses an object, and when the folder cannot be built. */
const FLUX_REFUSES: readonly string[] = ['ReconciliationFailed', 'BuildFailed'];

function argoStatus(object: unknown): SyncStatus {
  const state = at(object, '/status/sync/status');
  const revision = state === 'Synced' ? oid(at(object, '/status/sync/revision')) : undefined;
  const wrong = list(at(object, '/status/conditions')).find((it) => it.type.endsWith('Error'));
  const phase = at(object, '/status/operationState/phase');
  const failed = state !== 'Synced' && (phase === 'Failed' || phase === 'Error');
  // A failed sync is repeated in a SyncError as soon as Argo CD looks again.
  if (!failed || (wrong !== undefined && wrong.type !== 'SyncError'))
    return wrong === undefined
      ? { revision }
      : { revision, trouble: said(wrong.type, wrong.message) };
  const operation = at(object, '/status/operationState');
  const tried = at(operation, '/syncResult/revision') ?? at(operation, '/operation/sync/revision');
  const trouble = said(`sync ${phase}`, whySyncFailed(operation));
  return { revision, trouble, ...refusing(tried) };
}

function refusing(tried: unknown): Pick<SyncStatus, 'refuses'> {
  const refuses = oid(tried);
  return refuses === undefined ? {} : { refuses };
}

/** What the operation says, and of which objects: of an unknown kind it says only that something is not valid. */
function whySyncFailed(operation: unknown): string {
  const { message = '', syncResult } = syncOperation.safeParse(operation).data ?? {};
  const objects = (syncResult?.resources ?? [])
    .filter((it) => it.status === 'SyncFailed' && !message.includes(it.message ?? ''))
    .map((it) => `${it.kind} ${it.name}: ${it.message}`);
  return [message, ...objects].filter((it) => it !== '').join('; ');
}

function list(value: unknown): z.infer<typeof conditions> {
  return conditions.safeParse(value).data ?? [];
}

function oid(value: unknown): string | undefined {
  return typeof value === 'string' ? OID.exec(value)?.[0] : undefined;
}

/** A message may be pages of an API server's complaint. */
function said(reason: string | undefined, message: unknown): string {
  const text = typeof message === 'string' ? message.replaceAll(/[\p{C}\s]+/gu, ' ').trim() : '';
  const short = text.length > 300 ? `${text.slice(0, 300)} …` : text;
  return [reason, short].filter((it) => it !== undefined && it !== '').join(': ');
}
