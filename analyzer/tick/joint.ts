import type { CounterSeries } from '../core/judge/counts.ts';
import type { Sample } from '../core/judge/series.ts';
import type { GrowthQuestion } from '../metrics/store.ts';

/** One question that answers several, which differ in the values of the same labels. */
export interface Joint<It extends GrowthQuestion> {
  readonly question: GrowthQuestion;
  readonly parts: readonly It[];
  /** What the answer says to each of the parts, in their order. */
  dealOut(series: readonly CounterSeries[]): readonly (readonly CounterSeries[])[];
}

/** Joins questions about the same metric, labels and operators; each into one of at most so many. */
export function joinQuestions<It extends GrowthQuestion>(
  questions: readonly It[],
  most: number,
): readonly Joint<It>[] {
  return [...grouped(questions, shapeOf).values()].flatMap((group) => {
    const count = Math.ceil(group.length / most);
    return Array.from({ length: count }, (_, it) =>
      jointOf(group.slice(it * most, (it + 1) * most)),
    );
  });
}

/** By key, in the order in which the keys come first. */
export function grouped<It>(
  all: readonly It[],
  keyOf: (it: It) => string,
): ReadonlyMap<string, readonly It[]> {
  const groups = new Map<string, It[]>();
  for (const it of all) {
    const key = keyOf(it);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [it]);
    else group.push(it);
  }
  return groups;
}

/** Two questions of one shape differ in what can be an alternative. */
export function shapeOf({
  selector: { metric, matchers },
  by,
  intervalSeconds,
}: GrowthQuestion): string {
  const conditions = matchers.map((it) => (alternativesOf(it) === undefined ? it : [it[0]]));
  return JSON.stringify([metric, by, intervalSeconds, conditions]);
}

type Matcher = GrowthQuestion['selector']['matchers'][number];

/** What the value of a label may be. */
interface Alternatives {
  /** One of these. */
  readonly texts: readonly string[];
  /** Or one with a number in it, as names of Envoy's clusters have. */
  readonly numbered: readonly Numbered[];
}

interface Numbered {
  /** In front of the number. */
  readonly before: string;
  /** What may come after it. */
  readonly after: readonly string[];
  readonly pattern: string;
}

const LITERALS = /^(?:[\w|:/@, -]|\\[.+])*$/;
const NUMBERED = /^([\w:/@, -]*)\[0-9\]\+(?:([\w:/@, -]*)|\(([\w|:/@, -]*)\))$/;

/** Undefined where only the store knows what a matcher means. */
function alternativesOf([, operator, value]: Matcher): Alternatives | undefined {
  if (operator === '=') return { texts: [value], numbered: [] };
  if (operator !== '=~') return undefined;
  if (LITERALS.test(value))
    return { texts: value.split('|').map((it) => it.replaceAll('\\', '')), numbered: [] };
  const found = NUMBERED.exec(value);
  if (found === null) return undefined;
  const [, before = '', only, several = ''] = found;
  const after = only === undefined ? several.split('|') : [only];
  return { texts: [], numbered: [{ before, after, pattern: value }] };
}

function isNumbered({ before, after }: Numbered, value: string): boolean {
  if (!value.startsWith(before)) return false;
  return after.some(
    (it) =>
      value.endsWith(it) && /^[0-9]+$/.test(value.slice(before.length, value.length - it.length)),
  );
}

function jointOf<It extends GrowthQuestion>(parts: readonly It[]): Joint<It> {
  const [first, ...others] = parts;
  if (first === undefined) throw new Error('no questions to join');
  const { metric, matchers } = first.selector;
  const isSame = (it: Matcher, other: Matcher | undefined) =>
    other !== undefined && it[1] === other[1] && it[2] === other[2];
  const varying = matchers.flatMap((it, index) =>
    others.every((other) => isSame(it, other.selector.matchers[index])) ? [] : [index],
  );
  const alternatives = varying.map((index) =>
    parts.map(({ selector }) => {
      const matcher = selector.matchers[index];
      const found = matcher && alternativesOf(matcher);
      if (found === undefined) throw new Error(`${selector.metric} cannot be joined`);
      return found;
    }),
  );
  const joined = matchers.map(([label, operator, value], index): Matcher => {
    const all = alternatives[varying.indexOf(index)];
    return all === undefined ? [label, operator, value] : [label, '=~', anyOf(all)];
  });
  const labels = varying.map((index) => matchers[index]?.[0] ?? '');
  return {
    question: {
      selector: { metric, matchers: joined },
      by: [...new Set([...first.by, ...labels])],
      intervalSeconds: first.intervalSeconds,
    },
    parts,
    dealOut: (series) => dealtOut(series, parts, labels, alternatives.map(lookup)),
  };
}

function anyOf(all: readonly Alternatives[]): string {
  const texts = all.flatMap((it) =>
    it.texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')),
  );
  return [
    ...new Set([...texts, ...all.flatMap((it) => it.numbered.map((one) => one.pattern))]),
  ].join('|');
}

/** Which of the parts want a value; each value is looked up once. */
function lookup(all: readonly Alternatives[]): (value: string) => ReadonlySet<number> {
  const byText = new Map<string, number[]>();
  const patterns: [Numbered, number][] = [];
  for (const [part, { texts, numbered }] of all.entries()) {
    for (const it of new Set(texts)) byText.set(it, [...(byText.get(it) ?? []), part]);
    for (const it of numbered) patterns.push([it, part]);
  }
  const known = new Map<string, ReadonlySet<number>>();
  return (value) => {
    const found =
      known.get(value) ??
      new Set([
        ...(byText.get(value) ?? []),
        ...patterns.flatMap(([pattern, part]) => (isNumbered(pattern, value) ? [part] : [])),
      ]);
    known.set(value, found);
    return found;
  };
}

function dealtOut(
  series: readonly CounterSeries[],
  parts: readonly GrowthQuestion[],
  labels: readonly string[],
  lookups: readonly ((value: string) => ReadonlySet<number>)[],
): readonly (readonly CounterSeries[])[] {
  const dealt = parts.map(() => new Map<string, CounterSeries>());
  const everybody = new Set(parts.keys());
  for (const it of series) {
    const [first = everybody, ...others] = lookups.map((wants, index) =>
      wants(it.labels[labels[index] ?? ''] ?? ''),
    );
    for (const part of first) {
      if (!others.every((wanted) => wanted.has(part))) continue;
      const own = (parts[part]?.by ?? []).flatMap((label) => {
        const value = it.labels[label];
        return value === undefined ? [] : [[label, value] as const];
      });
      const key = JSON.stringify(own);
      const before = dealt[part]?.get(key);
      const samples = before === undefined ? it.samples : summed(before.samples, it.samples);
      dealt[part]?.set(key, { labels: Object.fromEntries(own), samples });
    }
  }
  return dealt.map((it) => [...it.values()]);
}

/** Two series in order of time as one. */
function summed(one: readonly Sample[], other: readonly Sample[]): readonly Sample[] {
  const sums = new Map(one.map(({ at, value }) => [at, value]));
  for (const { at, value } of other) sums.set(at, (sums.get(at) ?? 0) + value);
  return [...sums].map(([at, value]) => ({ at, value })).sort((a, b) => a.at - b.at);
}
