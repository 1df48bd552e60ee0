import { expect, test } from 'vitest';
import { query, render } from '../../../lib/index.ts';
import { planPage } from '../../../lib/render/plan-page.ts';
import { deployment, sample, workload } from '../sample.ts';

test('holds what a reviewer asks for', async () => {
  const { plan, files, warnings } = await render(sample());
  const page = planPage(plan, warnings);
  expect(files.get('PLAN.md')).toBe(page);
  expect(page).toContain(
    `# shop: the next rollout\n\nshop in namespace prod, candidate \`${plan.candidate}\`.\n\n- image \`shop:1\`\n`,
  );
  expect(page).toContain(
    '| 02-weight-25 | 75 / 25 | VirtualService shop | 30 s | live; canary and primary ready; 1 passing point of success-rate |',
  );
  expect(page).toContain('| success-rate | ≥ 99 % | 1 min | `100 * (');
  expect(page).toMatch(/\| promote \| 4 min 30 s \| .*\|\n\| roll back \| 45 s \| /);
  expect(page).toContain('## How to read this');
});

test('what a query holds does not break the table', async () => {
  const text = 'a{b=~"c|d"}\n  or\nvector(1)';
  const { plan } = await render(
    sample({
      analysis: {
        checks: [query({ name: 'a', query: text, min: 1, max: 2 })],
        onInconclusive: 'back',
      },
    }),
  );
  const page = planPage(plan);
  expect(page).toContain('| a | 1 to 2 | 1 min | `a{b=~"c\\|d"} or vector(1)` |');
  expect(page).toContain('without any the release rolls back.');
});

test('says which check takes the release back by itself, and when', async () => {
  const checks = [
    query({ name: 'a', query: 'x', min: 10, abort: { min: 1 } }),
    query({ name: 'b', query: 'y', min: 1, threshold: 7 }),
  ];
  const { plan } = await render(sample({ analysis: { checks } }));
  const page = planPage(plan);
  expect(page).toContain('| a | ≥ 10, rolls back at once < 1 | 1 min | `x` |');
  expect(page).toContain('| b | ≥ 1, threshold 7 of its own | 1 min | `y` |');
  expect(page).toContain('It begins at one value beyond the abort bound of a (one every 5 s).\n');
  expect(page).toContain(
    'It begins at failed check 7 of b, whose failures count for nothing else.\n',
  );
});

test('names the metric stores where one is not everybody’s', async () => {
  const checks = [
    query({ name: 'a', query: 'x', min: 1 }),
    query({ name: 'b', query: 'y', min: 1, source: 'long-term' }),
  ];
  const page = planPage((await render(sample({ analysis: { checks } }))).plan);
  expect(page).toContain('| check | passes | window | store | query |');
  expect(page).toContain('| a | ≥ 1 | 1 min | default | `x` |');
  expect(page).toContain('| b | ≥ 1 | 1 min | long-term | `y` |');
});

test('without checks it says so', async () => {
  expect(planPage((await render(sample({ analysis: { checks: [] } }))).plan)).toContain(
    '## Checks\n\nNo check judges the candidate, only its readiness.\n\n',
  );
});

test('checks that no step asks stand there as what they are', async () => {
  const page = planPage((await render(sample({ skipAnalysis: true }))).plan);
  expect(page).toContain(
    '## Checks\n\nNo check judges the candidate, only its readiness.\n\n| check | passes |',
  );
});

test('warnings stand there without places in the code, which move when nothing of the release does', async () => {
  const { files } = await render(sample());
  expect(String(files.get('PLAN.md'))).toContain(
    '\n\n## Warnings\n\n- no container of Deployment shop has a readiness probe: pods count as ready as soon as they run; ' +
      'give the container that serves a readinessProbe\n\n## Steps\n',
  );
});

test('says which Secrets both tracks read from the first step on', async () => {
  const sealed = (name: string, annotations: object = {}) => ({
    apiVersion: 'bitnami.com/v1alpha1',
    kind: 'SealedSecret',
    metadata: { name, annotations },
    spec: { encryptedData: { a: 'b' } },
  });
  const objects = [
    sealed('shop-db'),
    sealed('free', { 'sealedsecrets.bitnami.com/cluster-wide': 'true' }),
  ];
  const { plan } = await render(sample({ workload: workload(deployment(), ...objects) }));
  expect(planPage(plan)).toContain(
    '## Secrets\n\n- SealedSecret shop-db changes in step 01-canary-up for both tracks: its name cannot carry a version.\n\n## Times',
  );
  expect(planPage((await render(sample())).plan)).not.toContain('## Secrets');
});
