import type { Duration } from 'cdk8s';
import type { Labels } from '../manifest/json.ts';

/** Percent of the traffic for each track; the sum is 100. */
export interface Weights {
  readonly primary: number;
  readonly canary: number;
  /** @default 0 */
  readonly baseline?: number;
}

/** How a value must look. */
export type TextMatch =
  | { readonly exact: string }
  | { readonly prefix: string }
  /** RE2, over the whole value. */
  | { readonly regex: string };

/** Requests that have all of these. */
export interface RequestMatch {
  /** By name, in lower case. @default - any */
  readonly headers?: Readonly<Record<string, TextMatch>>;
  /** By name. @default - any */
  readonly cookies?: Readonly<Record<string, TextMatch>>;
  /** By name. @default - any */
  readonly queryParams?: Readonly<Record<string, TextMatch>>;
  /** Labels of the pods that the requests come from; in a mesh. @default - any */
  readonly sourceLabels?: Labels;
  /** @default - any */
  readonly path?: TextMatch;
  /** @default - any */
  readonly method?: string;
}

/** Requests that go to the canary whatever the weights say. */
export interface MatchedRoute {
  /** Unique in its release; a DNS label. */
  readonly name: string;
  /** Any of them. */
  readonly match: readonly [RequestMatch, ...RequestMatch[]];
}

/** Copies of requests that the canary gets, and whose answers nobody sees. */
export interface Mirror {
  /** Percent of the requests. */
  readonly percent: number;
  /** Any of them. @default - all requests */
  readonly match?: readonly RequestMatch[];
}

/** A cookie by which users who have been on the canary stay there. */
export interface SessionCookie {
  readonly name: string;
  /** @default Duration.days(1) */
  readonly maxAge?: Duration;
  /** @default - the host of the request */
  readonly domain?: string;
  /** @default - the path of the request */
  readonly path?: string;
  /** @default - the browser's own */
  readonly sameSite?: 'Strict' | 'Lax' | 'None';
  /** @default false */
  readonly secure?: boolean;
  /** @default false */
  readonly httpOnly?: boolean;
  /** @default false */
  readonly partitioned?: boolean;
}

/** Where requests go in one step. */
export interface Traffic {
  /** Where requests go that nothing below claims. */
  readonly weights: Weights;
  /** The first that matches counts. @default - none */
  readonly routes?: readonly MatchedRoute[];
  /** @default - none */
  readonly mirrors?: readonly Mirror[];
  /** Users who were given the canary keep it; at the end the cookie is taken back. @default - none */
  readonly affinity?: { readonly cookie: SessionCookie; readonly ends: boolean };
}

/** Whether it copies requests whatever they are. */
export function isOfAll({ match = [] }: Mirror): boolean {
  return match.length === 0;
}

/** All traffic on the primary. */
export const AT_REST: Traffic = { weights: { primary: 100, canary: 0 } };

/** Whether any request, or a copy of one, reaches the canary. */
export function reachesCanary({ weights, routes = [], mirrors = [] }: Traffic): boolean {
  return weights.canary > 0 || routes.length > 0 || mirrors.length > 0;
}

/** Who reaches the canary besides its weight, one line for each, for people. */
export function besides({ routes = [], mirrors = [], affinity }: Traffic): readonly string[] {
  return [
    ...routes.map((it) => `requests with ${it.match.map(matchText).join(', or ')}`),
    ...mirrors.map((it) => `copies of ${it.percent} % of ${mirroredText(it)}`),
    ...(affinity?.ends === false ? [`users with its cookie ${affinity.cookie.name}`] : []),
  ];
}

function mirroredText({ match = [] }: Mirror): string {
  return match.length === 0
    ? 'the requests'
    : `requests with ${match.map(matchText).join(', or ')}`;
}

/** `header x-canary: always and cookie group: beta`. */
export function matchText(it: RequestMatch): string {
  const named = (kind: string, all: Readonly<Record<string, TextMatch>> = {}) =>
    Object.entries(all).map(([name, text]) => `${kind} ${name}${valueText(text)}`);
  const parts = [
    ...(it.method === undefined ? [] : [`method ${it.method}`]),
    ...(it.path === undefined ? [] : [`path${valueText(it.path)}`]),
    ...named('header', it.headers),
    ...named('cookie', it.cookies),
    ...named('query parameter', it.queryParams),
    ...Object.entries(it.sourceLabels ?? {}).map(([key, value]) => `source label ${key}: ${value}`),
  ];
  return parts.length === 0 ? 'anything' : parts.join(' and ');
}

function valueText(text: TextMatch): string {
  if ('exact' in text) return `: ${text.exact}`;
  return 'prefix' in text ? `: ${text.prefix}…` : ` ~ ${text.regex}`;
}

/**
 * Weights as a router writes them: whole numbers whose sum is `total`. The primary takes the rest.
 *
 * @param total what the router's weights add up to, such as 100 or 1000
 */
export function wholeWeights(weights: Weights, total: number): Weights {
  const share = (percent: number) => Math.round((percent * total) / 100);
  const canary = share(weights.canary);
  const baseline = weights.baseline === undefined ? undefined : share(weights.baseline);
  const primary = total - canary - (baseline ?? 0);
  return { primary, canary, ...(baseline === undefined ? {} : { baseline }) };
}
