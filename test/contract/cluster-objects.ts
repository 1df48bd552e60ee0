import { z } from 'zod';
import type { Cluster } from '../../analyzer/cluster/cluster.ts';
import type { ObjectRef } from '../../analyzer/core/cluster/reading.ts';

/** A JSON object that is sent to the API server. */
export type Json = Readonly<Record<string, unknown>>;

/** An API server, and the people and controllers that write to it. */
export interface ClusterUnderTest {
  /** What is tested. */
  readonly cluster: Cluster;
  /** As a GitOps controller does: a forced server-side apply by `kustomize-controller`. */
  apply(object: Json): Promise<void>;
  /** A person's edit, as a JSON merge patch. */
  edit(ref: ObjectRef, patch: Json): Promise<void>;
  /** What the HPA does. */
  scale(ref: ObjectRef, replicas: number): Promise<void>;
  /** What the object's own controller does. */
  setStatus(ref: ObjectRef, status: Json): Promise<void>;
  remove(ref: ObjectRef): Promise<void>;
  /** Returns when the server's clock shows another second. */
  nextSecond(): Promise<void>;
  /** The server's time in Unix seconds. */
  now(): number;
}

/** Where the contract's objects are. */
export const namespace = 'default';
/** A reference, but for the name. */
export const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace };
/** A reference, but for the name. */
export const virtualService = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  namespace,
};

/** A Deployment of step 01. */
export function deploymentOf(name: string, replicas?: number): Json {
  const labels = { app: name };
  const containers = [{ name: 'app', image: 'example.org/app:1' }];
  return {
    apiVersion: deployment.apiVersion,
    kind: deployment.kind,
    metadata: { name, namespace, annotations: { 'perch/step': 'app/01' } },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}

/** Routes of step 02, whose list of weights is one field to the API server. */
export function routes(name: string, canaryWeight: number, step = 'app/02'): Json {
  const route = (track: string, weight: number) => ({
    destination: { host: `${name}-${track}` },
    weight,
  });
  return {
    apiVersion: virtualService.apiVersion,
    kind: virtualService.kind,
    metadata: { name, namespace, annotations: { 'perch/step': step, 'perch/digest': 'abc' } },
    spec: {
      hosts: [name],
      http: [{ route: [route('primary', 100 - canaryWeight), route('canary', canaryWeight)] }],
    },
  };
}

const shown = z.looseObject({
  metadata: z.looseObject({
    generation: z.number(),
    annotations: z.record(z.string(), z.string()),
    managedFields: z.array(
      z.looseObject({
        manager: z.string(),
        time: z.string().optional(),
        fieldsV1: z.looseObject({
          'f:metadata': z
            .looseObject({ 'f:annotations': z.record(z.string(), z.unknown()).optional() })
            .optional(),
        }),
      }),
    ),
  }),
});

/** Reads one object, and the entry of managedFields that owns its step annotation. */
export async function read({ cluster }: ClusterUnderTest, ref: ObjectRef) {
  const answer = await cluster.read([ref]);
  const reading = answer.kind === 'known' ? answer.value.objects[0] : undefined;
  if (reading?.kind !== 'found') throw new Error(`not found: ${JSON.stringify(answer)}`);
  const { metadata } = shown.parse(reading.object);
  const owners = metadata.managedFields.filter(
    ({ fieldsV1 }) => fieldsV1['f:metadata']?.['f:annotations']?.['f:perch/step'] !== undefined,
  );
  const [owner, ...more] = owners;
  if (owner === undefined || more.length > 0)
    throw new Error(`${owners.length} owners of the step`);
  return {
    object: reading.object,
    generation: metadata.generation,
    annotations: metadata.annotations,
    manager: owner.manager,
    /** Unix seconds. */
    since: Date.parse(owner.time ?? '') / 1000,
  };
}

/** The `spec.replicas` of a Deployment. */
export async function replicas(subject: ClusterUnderTest, name: string): Promise<unknown> {
  const { object } = await read(subject, { ...deployment, name });
  return (object as { readonly spec: Json }).spec.replicas;
}
