import * as z from 'zod';
import type { Answer } from '../core/answer.ts';
import type { CounterSeries } from '../core/judge/counts.ts';
import type { Grid } from '../core/judge/grid.ts';
import type { Sample } from '../core/judge/series.ts';
import { readJson } from '../http/json.ts';
import type { Reply } from './request.ts';
import type { Growth, Values } from './store.ts';

/** The answer to a range query, or to a piece of one. */
export interface Piece extends Values {
  /** The series' labels as canonical text; absent where there was no data. */
  readonly labels?: string | undefined;
}

/** The answer to an instant query. */
export interface Instant {
  /** Absent where there is no data. */
  readonly sample?: Sample | undefined;
}

/** Reads the answer of `/api/v1/query_range`. Several series are `unknown`, and so is a part of an answer. */
export function readPiece(reply: Reply, range: Grid, acceptPartial = false): Answer<Piece> {
  const data = readData(reply, acceptPartial);
  return data.kind === 'unknown' ? data : pieceOf(data.value, range, reply.date);
}

/** Series beyond this are more than a judgement needs; see docs/judge.md. */
const MOST_SERIES = 20_000;

/** Three of JSON's values for each of the samples that many releases ask for at once, and for the labels of their series. */
const MOST_VALUES = 1_000_000;

/** Reads the answer of `/api/v1/query_range` with any number of series, or of a piece of one. */
export function readGrowth(reply: Reply, range: Grid, acceptPartial: boolean): Answer<Growth> {
  const data = readData(reply, acceptPartial, MOST_VALUES);
  if (data.kind === 'unknown') return data;
  if (data.value.resultType !== 'matrix')
    return unknown(`a ${data.value.resultType} instead of a matrix`);
  const { result } = data.value;
  if (result.length > MOST_SERIES)
    return unknown(`${result.length} series, more than ${MOST_SERIES}: name fewer strata`);
  const series: CounterSeries[] = [];
  for (const { metric, values } of result) {
    const samples = samplesOf(values, range);
    if (samples.kind === 'unknown') return samples;
    series.push({ labels: metric, samples: samples.value });
  }
  return known({ series, serverTime: reply.date });
}

/** The pieces of one answer, in order of time, with one series for each set of labels. */
export function joinGrowth(pieces: readonly Growth[]): Growth {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) return first;
  const byLabels = new Map<string, CounterSeries>();
  for (const { labels, samples } of pieces.flatMap((it) => it.series)) {
    const key = labelsText(labels);
    const before = byLabels.get(key)?.samples ?? [];
    byLabels.set(key, { labels, samples: [...before, ...samples] });
  }
  return { series: [...byLabels.values()], serverTime: pieces.at(-1)?.serverTime };
}

/** Reads the answer of `/api/v1/query`. Several series are `unknown`, and so is a part of an answer. */
export function readInstant(reply: Reply, acceptPartial: boolean): Answer<Instant> {
  const data = readData(reply, acceptPartial);
  return data.kind === 'unknown' ? data : instantOf(data.value);
}

/** The pieces of one query, in order of time, as one series; `unknown` when they are of several. */
export function join(pieces: readonly Piece[]): Answer<Values> {
  const names = new Set(pieces.flatMap((piece) => piece.labels ?? []));
  if (names.size > 1) return severalSeries(names.size);
  const samples = pieces.flatMap((piece) => piece.samples);
  return known({ samples, serverTime: pieces.at(-1)?.serverTime });
}

// Values come as strings, because JSON has neither NaN nor infinities.
const point = z.tuple([z.number(), z.string()]);
const labels = z.record(z.string(), z.string());
const failure = z.object({
  status: z.literal('error'),
  errorType: z.string().default('error'),
  error: z.string().default('no reason given'),
});
const matrix = z.array(z.object({ metric: labels, values: z.array(point) }));
const vector = z.array(z.object({ metric: labels, value: point }));
const success = z.object({
  status: z.literal('success'),
  /** Prometheus and Thanos: what is wrong with the answer, as where a store behind it could not be asked. */
  warnings: z.array(z.string()).nullish(),
  /** VictoriaMetrics: whether a node behind it could not be asked. */
  isPartial: z.boolean().nullish(),
  data: z.discriminatedUnion('resultType', [
    z.object({ resultType: z.literal('matrix'), result: matrix }),
    z.object({ resultType: z.literal('vector'), result: vector }),
    z.object({ resultType: z.literal('scalar'), result: point }),
    z.object({ resultType: z.literal('string'), result: point }),
  ]),
});
const envelope = z.discriminatedUnion('status', [success, failure]);
type Data = z.infer<typeof success>['data'];

function readData(
  { status, contentType, body, quote }: Reply,
  acceptPartial: boolean,
  mostValues?: number,
): Answer<Data> {
  const json = readJson(body, mostValues);
  if (json.kind === 'vast')
    return unknown(`the answer ${json.reason}: aggregate the query, for example with sum()`);
  if (json.kind !== 'read') {
    const hint = status === 401 || status === 403 ? 'check the credentials' : 'check the address';
    return unknown(`HTTP ${status} with ${contentType} instead of JSON: ${hint}`);
  }
  const answer = envelope.safeParse(json.value);
  if (!answer.success) return unknown(`HTTP ${status}, not an answer of Prometheus' API`);
  if (answer.data.status === 'success') {
    const doubt = acceptPartial ? undefined : doubtOf(answer.data);
    return doubt === undefined ? known(answer.data.data) : unknown(quote(doubt));
  }
  return unknown(quote(`HTTP ${status} ${answer.data.errorType}: ${answer.data.error}`));
}

/** A value of half of the pods looks like any other value. */
function doubtOf({ warnings, isPartial }: z.infer<typeof success>): string | undefined {
  // Hints about the query itself; Prometheus before 3 has them here, and later in `infos`.
  const [warning] = (warnings ?? []).filter((it) => !it.startsWith('PromQL info:'));
  const remedy = '--metrics-accept-partial, or acceptPartial of a store, takes such answers';
  if (warning !== undefined) return `a warning comes with the answer (${remedy}): ${warning}`;
  return isPartial === true ? `the answer is partial; ${remedy}` : undefined;
}

function instantOf(data: Data): Answer<Instant> {
  if (data.resultType === 'scalar') return momentOf(data.result);
  if (data.resultType !== 'vector') return unknown(`a ${data.resultType} instead of a vector`);
  if (data.result.length > 1) return severalSeries(data.result.length);
  const [first] = data.result;
  return first === undefined ? known({}) : momentOf(first.value);
}

function momentOf(value: z.infer<typeof point>): Answer<Instant> {
  if (!isNumber(value[1])) return unknown(`a value at ${value[0]} is not a number`);
  return known({ sample: sampleOf(value) });
}

function pieceOf(data: Data, range: Grid, serverTime: number | undefined): Answer<Piece> {
  if (data.resultType !== 'matrix') return unknown(`a ${data.resultType} instead of a matrix`);
  if (data.result.length > 1) return severalSeries(data.result.length);
  const [series] = data.result;
  if (series === undefined) return known({ samples: [], serverTime });
  const samples = samplesOf(series.values, range);
  if (samples.kind === 'unknown') return samples;
  return known({ samples: samples.value, serverTime, labels: labelsText(series.metric) });
}

function samplesOf(
  values: readonly z.infer<typeof point>[],
  range: Grid,
): Answer<readonly Sample[]> {
  const samples = values.map(sampleOf);
  const stray = samples.find(({ at }, index) => !isNext(at, samples[index - 1]?.at, range));
  if (stray !== undefined) return unknown(`a sample at ${stray.at}, which was not asked for`);
  const unparsable = values.find(([, text]) => !isNumber(text));
  if (unparsable !== undefined) return unknown(`a value at ${unparsable[0]} is not a number`);
  return known(samples);
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(byName));
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : 1;
}

// A judge that looks for a point of its grid must not find another one's value.
function isNext(at: number, before: number | undefined, { start, end, stepSeconds }: Grid) {
  const steps = (at - start) / stepSeconds;
  const isOnGrid = Math.abs(steps - Math.round(steps)) * stepSeconds < 0.002;
  return isOnGrid && at > start - 0.002 && at < end + 0.002 && at > (before ?? -Infinity);
}

function sampleOf([at, text]: z.infer<typeof point>): Sample {
  return { at, value: Number(text.replace(/^([+-]?)Inf$/, '$1Infinity')) };
}

function isNumber(text: string): boolean {
  return text === 'NaN' || (text.trim() !== '' && !Number.isNaN(sampleOf([0, text]).value));
}

function severalSeries(count: number): Answer<never> {
  return unknown(`${count} series instead of one: aggregate them, for example with sum()`);
}

function known<T>(value: T): Answer<T> {
  return { kind: 'known', value };
}

function unknown(reason: string): Answer<never> {
  return { kind: 'unknown', reason };
}
