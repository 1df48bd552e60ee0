import { at } from '../plan/pointer.ts';

/** An object as a cluster holds it. */
export type HeldObject = Readonly<Record<string, unknown>>;

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
 * Where requests to a release go, as one router's objects in a cluster say; undefined where it has none there.
 * Written without a look at how the router renders them.
 *
 * @param apex name of the Service that users know
 */
export type Reach = (objects: readonly HeldObject[], apex: string) => readonly Rule[] | undefined;

/** Whether an object runs pods that serve. */
export function isWorkload({ kind }: HeldObject): boolean {
  return kind === 'Deployment' || kind === 'StatefulSet' || kind === 'DaemonSet';
}

/** `metadata.name`. */
export function nameOf(object: HeldObject): string {
  return String(at(object, '/metadata/name'));
}

/** The object of a kind with a name; undefined where there is none. */
export function named(
  objects: readonly HeldObject[],
  kind: string,
  name: string,
): HeldObject | undefined {
  return objects.find((it) => it.kind === kind && nameOf(it) === name);
}

/**
 * Follows the selector of a Service.
 *
 * @param labels that its pods must carry besides
 */
export function destination(
  objects: readonly HeldObject[],
  { service, weight, labels = {} }: Backend,
): Destination {
  const selector = at(named(objects, 'Service', service), '/spec/selector');
  // Objects that are none of the release's, or that say nothing of pods, stand for themselves.
  if (selector === undefined) return { workloads: [service], weight };
  const wanted = { ...record(selector), ...labels };
  const workloads = objects.filter((it) => isWorkload(it) && carries(it, wanted));
  return { workloads: workloads.map(nameOf), weight };
}

/**
 * The rules of the routes that lead to a release: of the one with its name, and of an author's own that lead where the
 * Service does that users know; undefined where it has none. Each object has requests of its own, so their rules stand one after the other, and
 * the rule for all other requests of the named one comes last.
 *
 * @param rulesIn the rules of one object, in their order
 */
export function rulesOfRoutes(
  objects: readonly HeldObject[],
  { kinds, apex }: { readonly kinds: readonly string[]; readonly apex: string },
  rulesIn: (route: HeldObject) => readonly Rule[],
): readonly Rule[] | undefined {
  const routes = objects.filter((it) => kinds.includes(String(it.kind)));
  const users = named(objects, 'Service', apex);
  const ours = users && destination(objects, { service: apex, weight: 1 }).workloads;
  const own = routes.filter((it) => nameOf(it) !== apex).map(rulesIn);
  const leading = own.filter((rules) =>
    rules.some(({ to }) => to.some(({ workloads }) => workloads.some((it) => ours?.includes(it)))),
  );
  const written = routes.find((it) => nameOf(it) === apex);
  if (written === undefined && leading.length === 0) return undefined;
  return [...leading.flat(), ...(written === undefined ? [] : lastForAll(rulesIn(written)))];
}

/** What a rule names as a destination. */
export interface Backend {
  readonly service: string;
  readonly weight: number;
  /** Labels that its pods must carry besides those that the Service selects. @default - none */
  readonly labels?: HeldObject;
}

/** Routers write the rule for all other requests last. */
function lastForAll(rules: readonly Rule[]): readonly Rule[] {
  return rules.map((rule, index) => (index === rules.length - 1 ? { ...rule, asks: [] } : rule));
}

/** The list at a JSON pointer; an empty one where there is none. */
export function listIn(object: unknown, pointer: string): readonly unknown[] {
  const value = at(object, pointer);
  return Array.isArray(value) ? value : [];
}

/** The number at a JSON pointer. */
export function numberIn(object: unknown, pointer: string, otherwise: number): number {
  const value = at(object, pointer);
  return typeof value === 'number' ? value : otherwise;
}

/** An object's entries; none where a value is no object. */
export function record(value: unknown): HeldObject {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function carries(workload: HeldObject, wanted: HeldObject): boolean {
  const labels = record(at(workload, '/spec/template/metadata/labels'));
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}
