import { at } from '../../analyzer/core/cluster/liveness.ts';
import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';

/** Requests that are treated alike, and where they go. */
export interface Rule {
  /** What they must say, any of these; none: requests that no rule before has claimed. */
  readonly asks: readonly unknown[];
  readonly to: readonly Destination[];
  /** Copies of them, whose answers nobody sees; the weight is a percent. */
  readonly copies: readonly Destination[];
}

/** A Service, as seen by who follows its selector. */
export interface Destination {
  /** `metadata.name` of what runs the pods that it selects; the Service's own name where no object tells. */
  readonly workloads: readonly string[];
  /** As it is written; requests are split in proportion. */
  readonly weight: number;
}

/**
 * Where requests to a release go, as the objects in a cluster say: its VirtualService or route of the Gateway API,
 * else its Service alone. Written without a look at how the objects are rendered.
 *
 * @param apex name of the Service that users know
 */
export function rulesOf(objects: readonly Manifest[], apex: string): readonly Rule[] {
  const mesh = objects.find((it) => it.kind === 'VirtualService' && leadsFrom(it, apex));
  if (mesh !== undefined)
    return list(mesh, '/spec/http')
      .map((it) => meshRule(it, objects))
      .map(last);
  const route = objects.find((it) => it.kind === 'HTTPRoute' && nameOf(it) === apex);
  if (route !== undefined)
    return list(route, '/spec/rules')
      .map((it) => gatewayRule(it, objects))
      .map(last);
  const service = objects.find((it) => it.kind === 'Service' && nameOf(it) === apex);
  if (service === undefined) return [];
  return [{ asks: [], to: [destination(objects, apex, undefined, 100)], copies: [] }];
}

/** Whether any pods are asked for. */
export function runs(workload: Manifest | undefined): boolean {
  return workload !== undefined && replicasOf(workload) > 0;
}

/** Pods that a workload asks for; 1 where its number is an autoscaler's, or the nodes', to say. */
export function replicasOf(workload: Manifest): number {
  const replicas = at(workload, '/spec/replicas');
  return typeof replicas === 'number' ? replicas : 1;
}

/** Whether an object runs pods that serve. */
export function isWorkload({ kind }: Manifest): boolean {
  return kind === 'Deployment' || kind === 'StatefulSet' || kind === 'DaemonSet';
}

/** `metadata.name`. */
export function nameOf(object: Manifest): string {
  return String(at(object, '/metadata/name'));
}

/** Both routers write the rule for all other requests last. */
function last(rule: Rule, index: number, all: readonly Rule[]): Rule {
  return index === all.length - 1 ? { ...rule, asks: [] } : rule;
}

function leadsFrom(service: Manifest, apex: string): boolean {
  return nameOf(service) === apex;
}

function meshRule(rule: unknown, objects: readonly Manifest[]): Rule {
  const to = (place: unknown, weight: number) => {
    const [host, subset] = [at(place, '/host'), at(place, '/subset')];
    return destination(objects, String(host), subset, weight);
  };
  const routes = list(rule, '/route');
  const copied = at(rule, '/mirror');
  return {
    asks: list(rule, '/match'),
    to: routes.map((it) => to(at(it, '/destination'), number(it, '/weight', 100))),
    copies: copied === undefined ? [] : [to(copied, number(rule, '/mirrorPercentage/value', 100))],
  };
}

function gatewayRule(rule: unknown, objects: readonly Manifest[]): Rule {
  const copies = list(rule, '/filters').flatMap((it) => {
    const name = at(it, '/requestMirror/backendRef/name');
    const percent = number(it, '/requestMirror/percent', 100);
    return name === undefined ? [] : [destination(objects, String(name), undefined, percent)];
  });
  return {
    asks: list(rule, '/matches'),
    to: list(rule, '/backendRefs').map((it) =>
      destination(objects, String(at(it, '/name')), undefined, number(it, '/weight', 1)),
    ),
    copies,
  };
}

function destination(
  objects: readonly Manifest[],
  host: string,
  subset: unknown,
  weight: number,
): Destination {
  const name = host.split('.')[0] ?? host;
  const service = objects.find((it) => it.kind === 'Service' && nameOf(it) === name);
  const selector = at(service, '/spec/selector');
  // Objects that are none of the release's, or that say nothing of pods, stand for themselves.
  if (selector === undefined) return { workloads: [name], weight };
  const wanted = { ...record(selector), ...subsetLabels(objects, name, subset) };
  const workloads = objects.filter((it) => isWorkload(it) && carries(it, wanted));
  return { workloads: workloads.map(nameOf), weight };
}

function subsetLabels(
  objects: readonly Manifest[],
  service: string,
  subset: unknown,
): Readonly<Record<string, unknown>> {
  if (subset === undefined) return {};
  const all = objects
    .filter((it) => it.kind === 'DestinationRule' && hostIs(it, service))
    .flatMap((it) => list(it, '/spec/subsets'));
  const found = all.find((it) => at(it, '/name') === subset);
  // A subset that no rule knows selects nothing.
  return found === undefined ? { 'no such subset': subset } : record(at(found, '/labels'));
}

function hostIs(rule: Manifest, service: string): boolean {
  return String(at(rule, '/spec/host')).split('.')[0] === service;
}

function carries(workload: Manifest, wanted: Readonly<Record<string, unknown>>): boolean {
  const labels = record(at(workload, '/spec/template/metadata/labels'));
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function list(object: unknown, pointer: string): readonly unknown[] {
  const value = at(object, pointer);
  return Array.isArray(value) ? value : [];
}

function number(object: unknown, pointer: string, otherwise: number): number {
  const value = at(object, pointer);
  return typeof value === 'number' ? value : otherwise;
}
