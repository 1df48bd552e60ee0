import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { growthQuery } from '../../../analyzer/metrics/prometheus-growth.ts';
import type { GrowthQuestion } from '../../../analyzer/metrics/store.ts';
import { joinQuestions } from '../../../analyzer/tick/joint.ts';
import { counterStore } from '../../embedded/counter-store.ts';
import type { EmbeddedCounter } from '../../embedded/growth.ts';

const POINTS = { start: 1_800_000_000, end: 1_800_000_030, stepSeconds: 15 };

type Matchers = GrowthQuestion['selector']['matchers'];

function question(
  matchers: Matchers,
  by: readonly string[] = [],
  metric = 'requests_total',
): GrowthQuestion {
  return { selector: { metric, matchers }, by };
}

function textsOf(questions: readonly GrowthQuestion[], most = 500): readonly string[] {
  return joinQuestions(questions, most).map(
    (it) =>
      growthQuery(it.question, 15)
        .match(/\{.*?\}|by \(.*?\)/g)
        ?.slice(0, 2)
        .join(' ') ?? '',
  );
}

describe('questions', () => {
  test('of many releases are one, told apart by what they differ in', () => {
    const ofRelease = (name: string) =>
      question(
        [
          ['reporter', '=', 'source'],
          ['namespace', '=', `${name}.io`],
          ['workload', '=~', `${name}|${name}-part`],
        ],
        ['code'],
      );
    const conditions = [
      'reporter="source"',
      String.raw`namespace=~"a\\.io|b\\.io"`,
      'workload=~"a|a-part|b|b-part"',
    ];
    expect(textsOf([ofRelease('a'), ofRelease('b')])).toEqual([
      `by (code, namespace, workload) {${conditions.join(',')}}`,
    ]);
  });

  test('that are the same are asked once, as they are', () => {
    const it = question([['code', '!~', '5..']]);
    expect(textsOf([it, it])).toEqual(['by () {code!~"5.."}']);
  });

  test.each<[string, GrowthQuestion, GrowthQuestion]>([
    ['metrics', question([]), question([], [], 'errors_total')],
    ['labels', question([['a', '=', '1']]), question([['b', '=', '1']])],
    ['labels to tell apart', question([], ['a']), question([], ['b'])],
    ['values that must not be', question([['a', '!=', '1']]), question([['a', '!=', '2']])],
    [
      'patterns that nobody can alternate',
      question([['a', '=~', 'x(?i:y)']]),
      question([['a', '=~', 'z(?i:y)']]),
    ],
    [
      'patterns that could keep an engine busy',
      question([['a', '=~', '(x+)+']]),
      question([['a', '=~', '(y+)+']]),
    ],
  ])('about other %s stay apart', (_, one, other) => {
    expect(textsOf([one, other])).toHaveLength(2);
  });

  test('are as many in one as a store takes', () => {
    const many = Array.from({ length: 1001 }, (_, it) => question([['a', '=', `${it}`]]));
    expect(joinQuestions(many, 500).map((it) => it.parts.length)).toEqual([500, 500, 1]);
  });
});

describe('an answer', () => {
  const value = fc.constantFrom('a', 'b', 'a.b', 'axb', 'a/rule/1', 'a/rule/22b', '7', '');
  const condition = (
    operator: Matchers[number][1],
    values: fc.Arbitrary<string>,
  ): fc.Arbitrary<readonly [Matchers[number][1], string]> => values.map((it) => [operator, it]);
  const matcher = fc.oneof(
    condition('=', value),
    condition(
      '=~',
      fc.uniqueArray(value, { minLength: 1 }).map((it) => it.join('|')),
    ),
    condition('=~', fc.constantFrom('a/rule/[0-9]+(|/x|b)', 'a\\.b', 'a/rule/[0-9]+', '[0-9]+')),
    condition('!=', value),
    condition('!~', fc.constantFrom('a.*', 'b')),
  );
  const questions = fc.array(
    fc
      .record({ x: matcher, y: matcher, by: fc.constantFrom([], ['x'], ['code'], ['code', 'y']) })
      .map(({ x, y, by }) =>
        question(
          [
            ['x', ...x],
            ['y', ...y],
          ],
          by,
        ),
      ),
    { minLength: 1, maxLength: 12 },
  );
  const counters = fc.uniqueArray(
    fc.record({
      x: value,
      y: value,
      code: fc.constantFrom('200', '500'),
      pod: fc.constantFrom('p', 'q'),
    }),
    { selector: (it) => JSON.stringify(it), maxLength: 30 },
  );

  test('is dealt out as each question alone would be answered', async () => {
    await fc.assert(
      fc.asyncProperty(
        questions,
        counters,
        fc.integer({ min: 1, max: 5 }),
        async (all, labels, most) => {
          const store = counterStore(labels.map(counterOf));
          const dealt = new Map<GrowthQuestion, unknown>();
          for (const joint of joinQuestions(all, most)) {
            const answer = await store.growth(joint.question, POINTS);
            if (answer.kind === 'unknown') throw new Error(answer.reason);
            const parts = joint.dealOut(answer.value.series);
            for (const [index, it] of joint.parts.entries())
              dealt.set(it, inOrder(parts[index] ?? []));
          }
          for (const it of all) {
            const alone = await store.growth(it, POINTS);
            expect(dealt.get(it)).toEqual(
              alone.kind === 'known' ? inOrder(alone.value.series) : 'unknown',
            );
          }
        },
      ),
    );
  });

  function counterOf(labels: Readonly<Record<string, string>>, index: number): EmbeddedCounter {
    const samples = [0, 15, 30]
      .slice(index % 3)
      .map((offset) => ({ at: POINTS.start + offset, value: index + offset }));
    return { metric: 'requests_total', labels, samples };
  }

  function inOrder(series: readonly { readonly labels: Readonly<Record<string, string>> }[]) {
    return series.toSorted((one, other) =>
      JSON.stringify(one.labels) < JSON.stringify(other.labels) ? -1 : 1,
    );
  }
});
