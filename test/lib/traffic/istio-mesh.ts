import { type IstioProps, istio, type Traffic } from '../../../lib/index.ts';
import { isObject, type JsonObject, listAt, objectAt } from '../../../lib/manifest/json.ts';
import { mistakeText } from '../../../lib/mistake.ts';
import { namesOf } from '../../../lib/names.ts';
import { routerMistakes } from '../../../lib/traffic/mistakes.ts';
import type { RouterContext } from '../../../lib/traffic/router.ts';
import type { ServicePort } from '../../../lib/workload/service.ts';
import { trackLabelOf } from '../../../lib/workload/track-label.ts';
import type { SampleObject } from '../sample.ts';

/** What a proxy knows of a request. */
export interface Request {
  readonly path?: string;
  readonly method?: string;
  /** By name in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  /** Port that the client addressed. @default 80 */
  readonly port?: number;
  /** The gateway that got it. @default 'mesh' */
  readonly gateway?: string;
  /** Labels of the client's pod. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** What becomes of it. */
export interface Fate {
  readonly route: string | undefined;
  /** Weight by host, and by subset where there is one. */
  readonly to: Readonly<Record<string, number>>;
  readonly copies?: { readonly to: string; readonly percent: number };
  /** Set-Cookie by host. */
  readonly cookies: Readonly<Record<string, string>>;
}

/** What Istio's proxies do with a request: the first rule of which any match holds. No fate is a 404. */
export function fateOf(spec: JsonObject, request: Request): Fate | undefined {
  const rule = listAt(spec, 'http').find((it) => {
    const all = listAt(it, 'match');
    return all.length === 0 || all.some((one) => holds(one, request));
  });
  if (rule === undefined) return undefined;
  const route = listAt(rule, 'route');
  const weight = (it: JsonObject) => (route.length === 1 ? 100 : Number(it.weight ?? 0));
  const cookie = (it: JsonObject) => objectAt(it, 'headers', 'response', 'add')['set-cookie'];
  const { mirror, mirrorPercentage, name } = rule;
  return {
    route: typeof name === 'string' ? name : undefined,
    // A destination of weight 0 is not in the proxy's route.
    to: Object.fromEntries(
      route.filter((it) => weight(it) > 0).map((it) => [target(it), weight(it)]),
    ),
    cookies: Object.fromEntries(
      route.flatMap((it) =>
        typeof cookie(it) === 'string' ? [[target(it), String(cookie(it))]] : [],
      ),
    ),
    ...(isObject(mirror)
      ? { copies: { to: String(mirror.host), percent: Number(objectAt(mirrorPercentage).value) } }
      : {}),
  };
}

function target(destination: JsonObject): string {
  const { host, subset } = objectAt(destination, 'destination');
  return subset === undefined ? String(host) : `${host}/${subset}`;
}

function holds(match: JsonObject, request: Request): boolean {
  const { path = '/', method = 'GET', headers = {}, query = {} } = request;
  const texts = (key: string, given: Readonly<Record<string, string>>) =>
    Object.entries(objectAt(match, key)).every(([name, it]) =>
      textHolds(it, given[key === 'headers' ? name.toLowerCase() : name]),
    );
  return (
    (match.port === undefined || match.port === (request.port ?? 80)) &&
    sourceHolds(match, request) &&
    (match.uri === undefined || textHolds(match.uri, path)) &&
    (match.method === undefined || textHolds(match.method, method)) &&
    texts('headers', headers) &&
    texts('queryParams', query)
  );
}

/** Where a match names gateways, the proxies do not look at source labels. */
function sourceHolds(match: JsonObject, { gateway = 'mesh', labels = {} }: Request): boolean {
  if (Array.isArray(match.gateways)) return match.gateways.includes(gateway);
  return Object.entries(objectAt(match, 'sourceLabels')).every(([key, it]) => labels[key] === it);
}

function textHolds(it: JsonObject[string], text: string | undefined): boolean {
  if (text === undefined || !isObject(it)) return false;
  if (typeof it.exact === 'string') return text === it.exact;
  if (typeof it.prefix === 'string') return text.startsWith(it.prefix);
  return it.regex === '*' || new RegExp(`^(?:${it.regex})$`).test(text);
}

export const HTTP: ServicePort = { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 };

/** What a router knows of the release `shop`. */
export function contextOf(
  ports: readonly [ServicePort, ...ServicePort[]] = [HTTP],
  workload: readonly SampleObject[] = [],
): RouterContext {
  const names = namesOf({ name: 'shop', namespace: 'prod' });
  return {
    path: 'shop',
    names,
    port: ports[0].port,
    ports,
    label: trackLabelOf(undefined, 'shop'),
    apex: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'shop' } },
    candidate: 'c0ffee1234',
    tracks: ['primary', 'canary'],
    workload: JSON.parse(JSON.stringify(workload)),
  };
}

/** What the router says against a step's traffic that comes twice, as text. */
export function wrongsOf(
  props: IstioProps,
  traffic: Partial<Traffic>,
  [first = HTTP, ...others]: readonly ServicePort[] = [],
): readonly string[] {
  const full = { weights: { primary: 100, canary: 0 }, ...traffic };
  const context = contextOf([first, ...others]);
  return routerMistakes(istio(props), context, [full, full]).map(mistakeText);
}
