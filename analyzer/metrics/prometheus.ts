import * as z from 'zod';
import type { Answer } from '../core/answer.ts';
import type { Grid } from '../core/judge/grid.ts';
import { credentialsFault, redactAddress } from '../redact.ts';
import {
  type Instant,
  join,
  joinGrowth,
  type Piece,
  readGrowth,
  readInstant,
  readPiece,
} from './prometheus-answer.ts';
import { growthQuery } from './prometheus-growth.ts';
import { type Connection, post } from './request.ts';
import type { Growth, MetricStore } from './store.ts';

/** Prometheus, or what speaks its HTTP API (Thanos, Mimir, VictoriaMetrics…). */
export type PrometheusOptions = z.infer<typeof prometheusOptions>;
export const prometheusOptions = z.strictObject({
  /** The URL in front of `/api/v1`. Credentials do not belong into it. */
  address: z.string(),
  /**
   * A file with a bearer token, read at each request, so that it can be rotated.
   *
   * @default - no token
   */
  bearerTokenFile: z.string().optional(),
  /** @default - no basic authentication */
  username: z.string().optional(),
  /** The file with the password of `username`, read at each request. @default - none */
  passwordFile: z.string().optional(),
  /** A PEM file with the authorities to trust. @default - the system's */
  caFile: z.string().optional(),
  /** More headers, such as X-Scope-OrgID. @default - none */
  headers: z.record(z.string(), z.string()).optional(),
  /** A file with more headers, lines `Name: value`, read at each request. @default - none */
  headersFile: z.string().optional(),
  /** Take answers that come with warnings, or that say that they are partial. @default false */
  acceptPartial: z.boolean().optional(),
  /** For one attempt. @default 10 */
  timeoutSeconds: z.number().positive().optional(),
  /** Attempts after the first one: network errors, 429 and 5xx only. @default 2 */
  retries: z.number().int().min(0).max(10).optional(),
  /** Of one answer. @default 8 MiB */
  maxBytes: z.number().int().positive().optional(),
  /** Points of one request; longer ranges are cut. @default 11000, Prometheus' own limit */
  maxPoints: z.number().int().positive().optional(),
});

/** What this store can do besides. */
export interface Prometheus extends MetricStore {
  /** Evaluates `query` now. Several series are `unknown`. */
  query(query: string, until?: AbortSignal): Promise<Answer<Instant>>;
}

/**
 * The range queries of Prometheus' HTTP API, https://prometheus.io/docs/prometheus/latest/querying/api/.
 *
 * @throws Error when the options contradict each other, or the address is none
 */
export function prometheus(options: PrometheusOptions): Prometheus {
  const connection = connectionOf(options);
  const { maxPoints = 11_000, acceptPartial = false } = options;
  const query = async (text: string, until?: AbortSignal): Promise<Answer<Instant>> => {
    const reply = await post(connection, '/api/v1/query', { query: text }, until);
    return reply.kind === 'unknown' ? reply : readInstant(reply.value, acceptPartial);
  };
  return {
    kind: 'prometheus',
    query,
    values: async ({ query: text }, points, until) => {
      const pieces: Piece[] = [];
      for (const part of cut(points, maxPoints)) {
        const form = { query: text, ...formOf(part) };
        const reply = await post(connection, '/api/v1/query_range', form, until);
        const piece =
          reply.kind === 'unknown' ? reply : readPiece(reply.value, part, acceptPartial);
        if (piece.kind === 'unknown') return piece;
        pieces.push(piece.value);
      }
      const series = join(pieces);
      if (series.kind === 'unknown' || series.value.serverTime !== undefined) return series;
      // Where a proxy takes the Date header away, the store's own time() tells.
      const time = await query('time()', until);
      const serverTime = time.kind === 'known' ? time.value.sample?.value : undefined;
      return { kind: 'known', value: { ...series.value, serverTime } };
    },
    growth: async (question, points, until) => {
      const pieces: Growth[] = [];
      const text = growthQuery(question, points.stepSeconds);
      for (const part of cut(points, maxPoints)) {
        const form = { query: text, ...formOf(part) };
        const reply = await post(connection, '/api/v1/query_range', form, until);
        const piece =
          reply.kind === 'unknown' ? reply : readGrowth(reply.value, part, acceptPartial);
        if (piece.kind === 'unknown') return piece;
        pieces.push(piece.value);
      }
      return { kind: 'known', value: joinGrowth(pieces) };
    },
  };
}

function connectionOf(options: PrometheusOptions): Connection {
  const { address, bearerTokenFile, username, passwordFile, caFile, headersFile } = options;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new Error('the metrics address is not an http:// or https:// URL');
  }
  if (credentialsFault(address) !== undefined || url.search !== '' || url.hash !== '') {
    throw new Error(
      `the metrics address ${redactAddress(address)} has credentials or parameters in it: use files and headers`,
    );
  }
  if (bearerTokenFile !== undefined && username !== undefined) {
    throw new Error('metrics: either a bearer token or a user name, not both');
  }
  if ((username === undefined) !== (passwordFile === undefined)) {
    throw new Error('metrics: a user name needs a password file, and the other way round');
  }
  const { headers = {}, timeoutSeconds = 10, retries = 2, maxBytes = 8 * 1024 ** 2 } = options;
  const limits = { timeoutSeconds, retries, maxBytes };
  const files = { bearerTokenFile, passwordFile, caFile, headersFile };
  return { address, username, headers, ...files, ...limits };
}

/** The grid in pieces of at most so many points. None where it ends before its start. */
function* cut({ start, end, stepSeconds }: Grid, maxPoints: number): Iterable<Grid> {
  if (!(stepSeconds > 0) || !Number.isFinite(start) || !Number.isFinite(end)) {
    throw new RangeError(`no grid of points: ${start} to ${end} by ${stepSeconds} s`);
  }
  // Milliseconds are what Prometheus counts in; less is the noise of floating point.
  const count = Math.floor((end - start) / stepSeconds + 1e-6) + 1;
  for (let first = 0; first < count; first += maxPoints) {
    const last = Math.min(first + maxPoints, count) - 1;
    yield { start: start + first * stepSeconds, end: start + last * stepSeconds, stepSeconds };
  }
}

function formOf({ start, end, stepSeconds }: Grid): Record<string, string> {
  const decimal = (seconds: number) => String(Math.round(seconds * 1000) / 1000);
  return { start: decimal(start), end: decimal(end), step: decimal(stepSeconds) };
}
