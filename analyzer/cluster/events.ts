import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { ObjectRef } from '../core/cluster/reading.ts';
import { type ApiReply, type ApiSession, apiSessions } from './api-session.ts';
import type { Cluster } from './cluster.ts';
import type { KubernetesOptions } from './kubernetes.ts';
import { Unreachable } from './unreachable.ts';

/** One Event, as events.k8s.io/v1 has it. */
export interface ClusterEvent {
  /** The object that it stands at. */
  readonly regarding: ObjectRef;
  readonly type: 'Normal' | 'Warning';
  /** Why, in one word. */
  readonly reason: string;
  /** The decision behind it, as in `perch_decisions_total`. */
  readonly action: string;
  /** For people; cut to the 1024 bytes that the API server takes. */
  readonly note: string;
  /** Makes its name: the same key is written once, by whichever analyzer is first. */
  readonly key: string;
  /** Unix seconds. */
  readonly at: number;
}

/** Writes Events into one cluster: the only thing that is ever written to a cluster. */
export interface EventWriter {
  /** @returns why some were not written; none when all were */
  write(events: readonly ClusterEvent[]): Promise<readonly string[]>;
}

/** What the events say of their author. */
const CONTROLLER = 'perch';
const MAX_NOTE_BYTES = 1024;
/** For everything that one tick has to tell: the next one must not wait for it. */
const BATCH_SECONDS = 10;

/**
 * Creates Events and nothing else; its account needs the verb `create` on `events` of `events.k8s.io`.
 *
 * @param cluster the same cluster, read: an Event names the uid of its object, so that `kubectl describe` shows it
 */
export function kubernetesEvents(options: KubernetesOptions, cluster: Cluster): EventWriter {
  const { timeoutSeconds = 5 } = options;
  const sessions = apiSessions({ ...options, timeoutSeconds });
  return {
    write: async (events) => {
      if (events.length === 0) return [];
      const given = AbortSignal.timeout(BATCH_SECONDS * 1000);
      try {
        const session = await sessions.open(given);
        const failures: string[] = [];
        // One after the other: there are few, and a busy API server has better things to do.
        for (const event of events) {
          const reply = await create(session, event, await uidOf(cluster, event.regarding, given));
          if (reply.status === 401) sessions.forget();
          failures.push(...failureOf(reply, event));
        }
        return failures;
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        return [error.message];
      }
    },
  };
}

const identified = z.looseObject({ metadata: z.looseObject({ uid: z.string() }) });

async function uidOf(
  cluster: Cluster,
  ref: ObjectRef,
  given: AbortSignal,
): Promise<string | undefined> {
  const answer = await cluster.read([ref], given);
  const reading = answer.kind === 'known' ? answer.value.objects[0] : undefined;
  if (reading?.kind !== 'found') return undefined;
  return identified.safeParse(reading.object).data?.metadata.uid;
}

function create(
  session: ApiSession,
  event: ClusterEvent,
  uid: string | undefined,
): Promise<ApiReply> {
  const { regarding, type, reason, action, at } = event;
  const namespace = namespaceOf(event);
  const suffix = createHash('sha256').update(event.key).digest('hex').slice(0, 16);
  return session.post(`/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`, {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace, name: `${regarding.name}.${suffix}` },
    // MicroTime: six digits.
    eventTime: new Date(at * 1000).toISOString().replace('Z', '000Z'),
    type,
    reason,
    action,
    note: cut(event.note),
    regarding: { ...regarding, namespace, ...(uid === undefined ? {} : { uid }) },
    reportingController: CONTROLLER,
    reportingInstance: CONTROLLER,
  });
}

function failureOf({ status }: ApiReply, event: ClusterEvent): readonly string[] {
  const where = `events.events.k8s.io in namespace ${namespaceOf(event)}`;
  // Another analyzer, or this one before a restart, told it already.
  if (status === 201 || status === 409) return [];
  if (status === 403)
    return [
      `HTTP 403 for ${where}: this account may not create them; give its role the verb create on them`,
    ];
  return [`HTTP ${status} for ${where}`];
}

function namespaceOf({ regarding }: ClusterEvent): string {
  return regarding.namespace ?? 'default';
}

/** At most so many bytes, and no half character at the end. */
function cut(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= MAX_NOTE_BYTES) return note;
  return `${new TextDecoder().decode(bytes.subarray(0, MAX_NOTE_BYTES - 6)).replace(/\uFFFD+$/, '')}…`;
}
