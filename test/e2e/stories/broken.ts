import { blueGreen } from '../../../lib/index.ts';
import type { KubernetesObject } from '../stack/api.ts';
import type { Stack } from '../stack/stack.ts';
import { POD_ANNOTATION } from '../stack/stages.ts';
import { until } from '../stack/until.ts';
import { type Policy, refusing } from './refused.ts';
import { ANSWERS, type StoryProps } from './release.ts';

/** Tag of a version that runs as a canary, and whose pods as the primary's are refused. */
export const UNLUCKY = 'unlucky';

/** Until something is too late. */
export const DEADLINE_SECONDS = 15;

/** Every release whose primary breaks. */
export const BROKEN: readonly StoryProps[] = [
  { id: 'stepped' },
  { id: 'switched', strategy: blueGreen() },
  { id: 'unjudged', skipAnalysis: true },
  { id: 'breaks' },
  { id: 'returns' },
].map((it) => ({ ...it, checks: ANSWERS, progressSeconds: DEADLINE_SECONDS }));

/** The pods of the unlucky version in the primary of `returns`. */
const UNLUCKY_PODS: Policy = {
  name: 'no-luck',
  group: '',
  resource: 'pods',
  allowed:
    "!(has(object.metadata.labels) && 'perch/track' in object.metadata.labels && " +
    "object.metadata.labels['perch/track'] == 'primary' && " +
    "object.metadata.labels['app'] == 'returns' && " +
    `object.spec.containers.exists(it, it.image.endsWith(':${UNLUCKY}')))`,
};

/** What is said to the API server before there is any release. */
export function jinx(stack: Stack): Promise<void> {
  return refusing(stack, [UNLUCKY_PODS]);
}

/** Lets every pod of a primary crash again and again. */
export function breakPrimary(stack: Stack, id: string): Promise<void> {
  return play(stack, id, 'crash-loop', 0);
}

/** Lets them be well again. */
export function mendPrimary(stack: Stack, id: string): Promise<void> {
  return play(stack, id, null, 2);
}

async function play(
  { api }: Stack,
  id: string,
  behaviour: string | null,
  ready: number,
): Promise<void> {
  const label = encodeURIComponent(`app=${id},perch/track=primary`);
  const pods = `/api/v1/namespaces/${id}/pods`;
  const { items } = await api.get<Pods>(`${pods}?labelSelector=${label}`);
  const annotations = { [POD_ANNOTATION]: behaviour };
  for (const { metadata } of items)
    await api.patch(`${pods}/${metadata.name}`, { metadata: { annotations } });
  await until(async () => (await available(api, id)) === ready, 40);
}

async function available({ get }: Stack['api'], id: string): Promise<number> {
  const path = `/apis/apps/v1/namespaces/${id}/deployments/${id}-primary`;
  const { status } = await get<Deployment>(path);
  return status.availableReplicas ?? 0;
}

interface Pods {
  readonly items: readonly KubernetesObject[];
}

interface Deployment {
  readonly status: { readonly availableReplicas?: number };
}
