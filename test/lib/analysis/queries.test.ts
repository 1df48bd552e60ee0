import { describe, expect, test } from 'vitest';
import { query, ramped, render } from '../../../lib/index.ts';
import type { ReleaseProps } from '../../../lib/release/release-props.ts';
import { mistakesOf, sample } from '../sample.ts';

const checked = (text: string, props: Partial<ReleaseProps> = {}) =>
  sample({ analysis: { checks: [query({ name: 'own', query: text, min: 1 })] }, ...props });

const warned = async (text: string, props: Partial<ReleaseProps> = {}) =>
  (await render(checked(text, props))).warnings
    .map((it) => it.problem)
    .filter((it) => !/readiness probe/.test(it));

test('a query that does not parse is refused, with its variables filled', async () => {
  expect(await mistakesOf(checked('sum(rate(x{pod="{{target}}"}[{{interval}}])'))).toEqual([
    expect.stringMatching(
      /^shop: analysis\.checks\[0\] \(own\): the query is not valid PromQL at its end/,
    ),
  ]);
});

describe('a query is warned of', () => {
  test('that names no track', async () => {
    const problem =
      'analysis.checks[0] (own): the query names no track, so it does not judge the candidate alone';
    expect(await warned('up{namespace="{{namespace}}"}')).toEqual([problem]);
    expect(await warned('up{service="{{service}}"}')).toEqual([problem]);
    expect(await warned('up{service="{{service}}"}', { strategy: ramped() })).toEqual([]);
    for (const it of ['{{target}}', '{{ primary }}', '{{baseline}}', 'shop-canary'])
      expect(await warned(`up{service="${it}"}`)).toEqual([]);
  });

  test('that names {{target}}-canary', async () => {
    expect(await warned('up{service="{{target}}-canary"}')).toEqual([
      'analysis.checks[0] (own): the query names the track twice: {{target}} is shop-canary already',
    ]);
  });

  test('that calls a function which Prometheus does not have', async () => {
    expect(await warned('raet(x{pod="{{target}}"}[1m])')).toEqual([
      'analysis.checks[0] (own): Prometheus has no function of that name',
    ]);
  });
});
