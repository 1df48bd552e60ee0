import * as z from 'zod';
import { duration, fields, listOf, mapOf, oneOf, someOf } from '../props/fields.ts';

/** Percent of the traffic for each track; the sum is 100. */
export interface Weights {
  readonly primary: number;
  readonly canary: number;
  /** @default 0 */
  readonly baseline?: number;
}

/** How a value must look. */
export type TextMatch = z.infer<typeof textMatch>;

/** The schema of `TextMatch`. */
export const textMatch = oneOf({
  exact: fields({
    exact: z.string(),
  }),
  prefix: fields({
    prefix: z.string(),
  }),
  regex: fields({
    /** RE2, over the whole value. */
    regex: z.string(),
  }),
});

/** Requests that have all of these. */
export interface RequestMatch extends z.infer<typeof requestMatch> {}

/** The schema of `RequestMatch`. */
export const requestMatch = fields({
  /** By name, in lower case. @default - any */
  headers: mapOf(textMatch).optional(),
  /** By name. @default - any */
  cookies: mapOf(textMatch).optional(),
  /** By name. @default - any */
  queryParams: mapOf(textMatch).optional(),
  /** Labels of the pods that the requests come from; in a mesh. @default - any */
  sourceLabels: mapOf(z.string()).optional(),
  /** @default - any */
  path: textMatch.optional(),
  /** @default - any */
  method: z.string().optional(),
});

/** Requests that go to the canary whatever the weights say. */
export interface MatchedRoute extends z.infer<typeof matchedRoute> {}

const matchedRoute = fields({
  /** Unique in its release; a DNS label. */
  name: z.string(),
  /** Any of them. */
  match: someOf(requestMatch),
});

/** Copies of requests that the canary gets, and whose answers nobody sees. */
export interface Mirror extends z.infer<typeof mirror> {}

/** The schema of `Mirror`. */
export const mirror = fields({
  /** Percent of the requests. */
  percent: z.number(),
  /** Any of them. @default - all requests */
  match: listOf(requestMatch).optional(),
});

/** Cookies by which users stay on the track that they were given. */
export interface SessionCookie extends z.infer<typeof sessionCookie> {}

/** The schema of `SessionCookie`. */
export const sessionCookie = fields({
  /** Whoever was given the canary has it. */
  name: z.string(),
  /**
   * Whoever was given the primary has it, and stays there for its age until the promotion: the weights then decide for
   * newcomers alone. It is like the other in all but its name.
   * @default - who is not on the canary is drawn anew with each request
   */
  primaryName: z.string().optional(),
  /** @default Duration.days(1) */
  maxAge: duration.optional(),
  /** @default - the host of the request */
  domain: z.string().optional(),
  /** @default - the path of the request */
  path: z.string().optional(),
  /** @default - the browser's own */
  sameSite: z.enum(['Strict', 'Lax', 'None']).optional(),
  /** @default false */
  secure: z.boolean().optional(),
  /** @default false */
  httpOnly: z.boolean().optional(),
  /** @default false */
  partitioned: z.boolean().optional(),
});

/** Where requests go in one step. */
export interface Traffic {
  /** Where requests go that nothing below claims. */
  readonly weights: Weights;
  /** The first that matches counts. @default - none */
  readonly routes?: readonly MatchedRoute[];
  /** @default - none */
  readonly mirrors?: readonly Mirror[];
  /** Users keep the track that they were given; at the end the cookies are taken back. @default - none */
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
    ...(affinity?.ends === false ? sessionTexts(affinity.cookie) : []),
  ];
}

function sessionTexts({ name, primaryName }: SessionCookie): readonly string[] {
  const staying =
    primaryName === undefined ? [] : [`none of the users with the primary’s cookie ${primaryName}`];
  return [`users with its cookie ${name}`, ...staying];
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
