import type { Duration } from 'cdk8s';
import type { Json, JsonObject, Labels, Manifest } from '../json.ts';
import type { Mistake } from '../mistake.ts';
import { type Names, TRACKS } from '../names.ts';
import type { Track } from '../plan/plan.ts';
import { selectorOf } from '../tracks.ts';
import { isKind } from '../workload.ts';
import type { IstioProps } from './istio-props.ts';
import { ISTIO_QUERIES } from './istio-queries.ts';
import { ownRouteMistakes, weighted } from './own-virtual-service.ts';
import { plain } from './plain.ts';
import type { Router, RouterContext, Routing, Weights } from './router.ts';

const API_VERSION = 'networking.istio.io/v1';

/** Label by which the apex Service finds the pods of both tracks where one host has two subsets. */
const RELEASE_LABEL = 'perch/release';

/** Splits HTTP traffic with an Istio VirtualService. */
export function istio(props: IstioProps = {}): Router {
  return {
    kind: 'istio',
    queries: ISTIO_QUERIES,
    sharedLabels: (names): Labels =>
      props.subsets === true ? { [RELEASE_LABEL]: names.apex } : {},
    mistakes: (context) => [...propMistakes(props, context), ...ownMistakes(props, context)],
    owns: (object) => isOwn(props, object),
    routes: (context, weights) => routes(props, context, weights),
    policies: (context) => policies(props, context),
  };
}

function isOwn(props: IstioProps, object: Manifest): boolean {
  return isVirtualService(object) && object.metadata.name === props.virtualService;
}

function isVirtualService(object: Manifest): boolean {
  return isKind(object, 'networking.istio.io', 'VirtualService');
}

function routes(props: IstioProps, context: RouterContext, weights: Weights): Routing[] {
  const pointers = ['/spec/http'];
  if (props.virtualService === undefined)
    return [{ object: virtualService(props, context, weights), pointers }];
  return context.workload
    .filter((it) => isOwn(props, it))
    .map((it) => ({ object: weighted(it, context.names, weights), pointers }));
}

function virtualService(props: IstioProps, context: RouterContext, weights: Weights): Manifest {
  const { names } = context;
  const edge =
    props.delegation === true ? {} : { hosts: hosts(props, names), gateways: gateways(props) };
  return {
    apiVersion: API_VERSION,
    kind: 'VirtualService',
    metadata: { name: names.apex, namespace: names.namespace },
    spec: { ...edge, http: [{ ...settings(props), route: split(props, context, weights) }] },
  };
}

function hosts(props: IstioProps, names: Names): string[] {
  const given = props.hosts ?? [];
  return given.includes('*') || given.includes(names.apex) ? [...given] : [...given, names.apex];
}

function gateways(props: IstioProps): string[] {
  return props.gateways === undefined || props.gateways.length === 0
    ? ['mesh']
    : [...props.gateways];
}

function settings(props: IstioProps): JsonObject {
  const { match, rewrite, headers, corsPolicy, retries, timeout } = props;
  return plain({ match, rewrite, headers, corsPolicy, retries, timeout }, seconds);
}

function seconds(it: Duration): string {
  return `${it.toMilliseconds() / 1000}s`;
}

function split(props: IstioProps, context: RouterContext, weights: Weights): Json[] {
  const { names, port } = context;
  return TRACKS.map((track) => {
    const target =
      props.subsets === true ? { host: names.apex, subset: track } : { host: names[track] };
    return { destination: { ...target, port: { number: port } }, weight: weights[track] };
  });
}

function policies(props: IstioProps, context: RouterContext): Routing[] {
  const { names } = context;
  if (props.subsets !== true)
    return TRACKS.map((track) => ({ object: rule(props, names, names[track], {}), pointers: [] }));
  const subset = (track: Track) => ({ name: track, labels: selectorOf(context.label, track) });
  const object = rule(props, names, names.apex, { subsets: TRACKS.map(subset) });
  return [{ object, pointers: ['/spec/subsets'] }];
}

function rule(props: IstioProps, names: Names, host: string, spec: JsonObject): Manifest {
  const trafficPolicy =
    props.trafficPolicy === undefined ? undefined : plain(props.trafficPolicy, seconds);
  return {
    apiVersion: API_VERSION,
    kind: 'DestinationRule',
    metadata: { name: host, namespace: names.namespace },
    spec: { host, ...(trafficPolicy === undefined ? {} : { trafficPolicy }), ...spec },
  };
}

function propMistakes(props: IstioProps, context: RouterContext): Mistake[] {
  const { path } = context;
  if (props.delegation !== true) return [];
  return (['hosts', 'gateways'] as const)
    .filter((key) => (props[key] ?? []).length > 0)
    .map((key) => ({
      path,
      problem: `traffic.${key} cannot be given with delegation`,
      got: props[key],
      remedy: `leave ${key} to the VirtualService that delegates, or leave delegation out`,
    }));
}

/** Props that shape a VirtualService of ours, and say nothing about the author's. */
const SHAPING = [
  'hosts',
  'gateways',
  'retries',
  'timeout',
  'match',
  'rewrite',
  'headers',
  'corsPolicy',
  'delegation',
] as const;

function ownMistakes(props: IstioProps, context: RouterContext): Mistake[] {
  const { path } = context;
  const name = props.virtualService;
  if (name === undefined) return [];
  const ignored = SHAPING.filter((key) => props[key] !== undefined).map((key) => ({
    path,
    problem: `traffic.${key} has no effect beside traffic.virtualService`,
    got: plain({ it: props[key] }, seconds).it,
    remedy: `write it into the VirtualService ${name}`,
  }));
  const own = context.workload.find((it) => isOwn(props, it));
  if (own !== undefined) return [...ignored, ...ownRouteMistakes(path, own, context.names)];
  const known = context.workload.filter(isVirtualService).map((it) => it.metadata.name);
  const remedy = `make one of this name in workload (it makes ${known.length === 0 ? 'none' : known.join(', ')})`;
  return [
    ...ignored,
    { path, problem: 'traffic.virtualService names no VirtualService', got: name, remedy },
  ];
}
