import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import { job } from '../../../lib/index.ts';
import type { KubernetesObject } from '../stack/api.ts';
import type { Stack } from '../stack/stack.ts';
import type { Field, Tool } from './field.ts';
import { ANSWERS, type StoryProps, type Version } from './release.ts';

/** Part of the tag of a version that brings an object of a kind that the cluster does not have. */
export const UNKNOWN_KIND = 'monitored';

/** Tag of a version whose Deployments the cluster refuses. */
export const FORBIDDEN = 'forbidden';

/** A release that the cluster refuses for a kind that it does not have. */
export function withUnknownKind(id: string): StoryProps {
  return { id, checks: ANSWERS, more: monitor };
}

/** A release whose Job runs before promotion, if the cluster lets it. */
export function withJob(id: string): StoryProps {
  const jobs = [job('acceptance', { before: 'promotion' })];
  // Its rollback must come from its checks, and not from its deadline.
  return { id, checks: ANSWERS, jobs, more: acceptance, progressSeconds: 120 };
}

function monitor(scope: Construct, { tag }: Version): void {
  if (!tag.includes(UNKNOWN_KIND)) return;
  new ApiObject(scope, 'monitor', {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: { name: 'app' },
    spec: { selector: {}, endpoints: [{ port: 'http' }] },
  });
}

function acceptance(scope: Construct): void {
  new ApiObject(scope, 'acceptance', {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'acceptance' },
    spec: {
      template: {
        metadata: { labels: { app: 'acceptance' } },
        spec: { restartPolicy: 'Never', containers: [{ name: 'test', image: 'acceptance:v1' }] },
      },
    },
  });
}

/** What the API server is told to refuse, before there is any release. */
export function forbid(stack: Stack): Promise<void> {
  const isForbidden = `object.spec.template.spec.containers.exists(it, it.image.endsWith(':${FORBIDDEN}'))`;
  return refusing(stack, [
    { name: 'no-jobs', group: 'batch', resource: 'jobs', allowed: 'false' },
    { name: 'no-such-images', group: 'apps', resource: 'deployments', allowed: `!${isForbidden}` },
  ]);
}

/** One rule of an API server, for everybody and everywhere. */
export interface Policy {
  readonly name: string;
  readonly group: string;
  readonly resource: string;
  /** CEL: what the object must be. */
  readonly allowed: string;
}

/** Makes an API server refuse objects. */
export async function refusing({ kubernetes }: Stack, policies: readonly Policy[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: policies.flatMap(objectsOf) };
  await kubernetes.kubectl(['apply', '--filename=-'], JSON.stringify(list));
}

function objectsOf({ name, group, resource, allowed }: Policy): readonly object[] {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const rule = {
    apiGroups: [group],
    apiVersions: ['v1'],
    operations: ['CREATE', 'UPDATE'],
    resources: [resource],
  };
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: [rule] },
        validations: [{ expression: allowed, message: `${name} is the rule here` }],
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ];
}

/** What a sync tool keeps of a release: every object of its, sorted, and whether it has applied the newest commit. */
export async function kept({ stack, tool }: Field, id: string): Promise<readonly string[]> {
  return KEPT[tool](stack, id);
}

const KEPT: Readonly<Record<Tool, (stack: Stack, id: string) => Promise<readonly string[]>>> = {
  async flux({ api }, id) {
    const path = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations';
    const { status } = await api.get<Kustomization>(`${path}/${id}`);
    const ready = status?.conditions.find((it) => it.type === 'Ready')?.status;
    const all = (status?.inventory?.entries ?? []).map((it) => it.id);
    return [`Ready: ${ready}`, ...all.sort()];
  },
  async 'argo-cd'({ api }, id) {
    const path = `/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/${id}`;
    const { status } = await api.get<Application>(path);
    const all = (status?.resources ?? []).map((it) => `${it.kind} ${it.name}`);
    return [`Synced: ${status?.sync?.status}`, ...all.sort()];
  },
};

interface Kustomization {
  readonly status?: {
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
    readonly inventory?: { readonly entries: readonly { readonly id: string }[] };
  };
}

interface Application {
  readonly status?: {
    readonly sync?: { readonly status?: string };
    readonly resources?: readonly { readonly kind: string; readonly name: string }[];
  };
}

interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number;
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly image: string }[] };
    };
  };
}

/** What the Deployments of a release are told to run: `refused-primary: 2 story:v1`. */
export async function told({ stack }: Field, id: string): Promise<readonly string[]> {
  const path = `/apis/apps/v1/namespaces/${id}/deployments`;
  const { items } = await stack.api.get<{ readonly items: readonly Deployment[] }>(path);
  const texts = items.map(({ metadata, spec }) => {
    const image = spec.template.spec.containers[0]?.image;
    return `${metadata.name}: ${spec.replicas} ${image}`;
  });
  return texts.sort();
}
