import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { FAILED_ANNOTATION, type Pod as PlayedPod, workloadOf } from '../stack/player/pods.ts';
import type { Stack } from '../stack/stack.ts';
import { POD_ANNOTATION } from '../stack/stages.ts';
import type { Field } from './field.ts';

/** What happens to the environment in the middle of a bake. */
export type Outage = (field: Field) => Promise<void>;

/** Every object is gone; Git is applied to a new cluster. */
export async function loseCluster(field: Field): Promise<void> {
  await field.rebuild();
}

/** Nobody's requests are answered, and routes and endpoints are learned anew. */
export async function restartGateway({ stack: { gateway } }: Field): Promise<void> {
  await gateway.envoy.stop();
  await gateway.contour.stop();
  await sleep(1000);
  await gateway.contour.start();
  await gateway.envoy.start();
}

/** How long requests still go to a machine that is gone: until its pods are no endpoints any more. */
const UNNOTICED_MS = 6000;
/** And until somebody takes its pods away. */
const UNTOUCHED_MS = 2000;

/** A machine dies, with pods of both tracks of every release; another one takes its place. */
export async function loseNode({ stack }: Field): Promise<void> {
  const all = await podsOf(stack);
  const lost = [...new Set(all.map((it) => it.spec.nodeName))].find((it) => hasEach(all, it));
  expect(lost, 'no node has pods of all tracks').toBeDefined();
  const pods = all.filter((it) => it.spec.nodeName === lost).map(pathOf);
  const dead = { [FAILED_ANNOTATION]: '100', [POD_ANNOTATION]: 'never-ready' };
  await Promise.all(pods.map((it) => stack.api.patch(it, { metadata: { annotations: dead } })));
  await sleep(UNNOTICED_MS);
  await Promise.all(pods.map((it) => stack.api.patch(`${it}/status`, NOT_READY)));
  await sleep(UNTOUCHED_MS);
  await Promise.all(pods.map((it) => stack.api.delete(it)));
}

/** As the node controller says it of pods whose node is silent. */
const NOT_READY = {
  status: {
    conditions: [
      { type: 'PodScheduled', status: 'True' },
      { type: 'Initialized', status: 'True' },
      { type: 'ContainersReady', status: 'False' },
      { type: 'Ready', status: 'False', reason: 'NodeStatusUnknown' },
    ],
  },
};

interface Pod extends PlayedPod {
  readonly spec: NonNullable<PlayedPod['spec']> & { readonly nodeName?: string };
}

async function podsOf({ api }: Stack): Promise<readonly Pod[]> {
  const { items } = await api.get<{ readonly items: readonly Pod[] }>('/api/v1/pods');
  return items.filter((it) => it.metadata.deletionTimestamp === undefined);
}

/** Whether a node has a pod of every workload. */
function hasEach(all: readonly Pod[], node: string | undefined): boolean {
  const there = all.filter((it) => it.spec.nodeName === node).map(workloadOf);
  return all.every((it) => there.includes(workloadOf(it)));
}

function pathOf({ metadata: { namespace, name } }: Pod): string {
  return `/api/v1/namespaces/${namespace}/pods/${name}`;
}
