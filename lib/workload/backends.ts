import { isObject, type Json, type JsonObject, listAt, type Manifest } from '../manifest/json.ts';
import { type Authored, isKind } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import type { Names } from '../names.ts';
import type { PlacedReproof } from './warnings.ts';

/** A Service that an object sends requests to. */
interface Backend {
  readonly name: string;
  /** By number or name. @default - the object names none */
  readonly port?: number | string | undefined;
}

/** What a release's objects can send requests to. */
export interface Reachable {
  /** Every Service that the release writes. */
  readonly services: readonly Manifest[];
  readonly names: Names;
  /** What the author called the workload. */
  readonly workload: string;
}

/** What is wrong with where an object sends requests: to Services or ports that the release had, or should have. */
export function backendMistakes(
  { path, object }: Authored,
  { services, names, workload }: Reachable,
): readonly Mistake[] {
  const whose = `${object.kind} ${object.metadata.name}`;
  const known = new Map(services.map((it) => [it.metadata.name, listAt(it, 'spec', 'ports')]));
  const { apex, primary, canary, baseline, workloads } = names;
  const meant = [workload, apex, primary, canary, baseline, ...Object.values(workloads)];
  return unique(backendsIn(object)).flatMap(({ name, port }): readonly Mistake[] => {
    const ports = known.get(name);
    if (ports === undefined) {
      if (!meant.includes(name)) return [];
      const problem = `${whose} leads to Service ${name}, which nothing makes`;
      const remedy = known.has(apex)
        ? `name ${apex}, which is the release's Service`
        : known.size > 0
          ? `name one of ${[...known.keys()].join(', ')}`
          : 'give the release a service, or leave it out';
      return [{ path, problem, got: name, remedy }];
    }
    if (port === undefined || ports.some((it) => it.name === port || it.port === port)) return [];
    const has = ports.map((it) => `${it.name} (${it.port})`).join(', ');
    const problem = `${whose} leads to a port that Service ${name} does not have`;
    return [{ path, problem, got: port, remedy: `use one of ${has}` }];
  });
}

/** An Ingress of the release that leads to nothing of it. */
export function idleIngress(
  { path, object }: Authored,
  services: readonly Manifest[],
): readonly PlacedReproof[] {
  if (!isKind(object, 'networking.k8s.io', 'Ingress')) return [];
  const names = unique(backendsIn(object)).map((it) => it.name);
  const isKnown = names.some((name) => services.some((it) => it.metadata.name === name));
  if (names.length === 0 || isKnown) return [];
  const problem = `Ingress ${object.metadata.name} leads to no Service of the release`;
  const remedy = 'name a Service of the release, or manage it outside of the release';
  return [{ path, problem, got: names, remedy }];
}

function unique(all: readonly Backend[]): readonly Backend[] {
  return [...new Map(all.map((it) => [`${it.name} ${it.port}`, it])).values()];
}

/** As Ingresses, routes of the Gateway API, of Istio and of Traefik name them. */
function backendsIn(object: Manifest): readonly Backend[] {
  const found: Backend[] = [];
  const { namespace } = object.metadata;
  const add = (it: JsonObject, name: Json | undefined, port: Json | undefined) => {
    const isOurs = it.namespace === undefined || it.namespace === namespace;
    const isService = it.kind === undefined || it.kind === 'Service';
    if (typeof name === 'string' && isOurs && isService) found.push({ name, port: portIn(port) });
  };
  visit(object.spec, (it) => {
    const { service, destination } = it;
    if (object.kind === 'Ingress' && isObject(service)) add(service, service.name, service.port);
    const ofTraefik = object.kind.startsWith('IngressRoute') ? listAt(it, 'services') : [];
    for (const one of [...listAt(it, 'backendRefs'), ...ofTraefik]) add(one, one.name, one.port);
    if (isObject(destination) && typeof destination.host === 'string')
      add(destination, hostName(destination.host, namespace), destination.port);
  });
  return found;
}

function portIn(port: Json | undefined): number | string | undefined {
  const value = isObject(port) ? (port.name ?? port.number) : port;
  return typeof value === 'number' || typeof value === 'string' ? value : undefined;
}

/** A Service by its short name, or by one with its namespace; undefined is another host. */
function hostName(host: string, namespace: string | undefined): string | undefined {
  const [name, where, ...rest] = host.split('.');
  const isCluster =
    rest.length === 0 || (rest[0] === 'svc' && (rest.length === 1 || rest.length === 3));
  return where === undefined || (where === namespace && isCluster) ? name : undefined;
}

function visit(value: Json | undefined, see: (it: JsonObject) => void): void {
  if (Array.isArray(value)) for (const it of value) visit(it, see);
  if (!isObject(value)) return;
  see(value);
  for (const it of Object.values(value)) visit(it, see);
}
