import { expect, test } from 'vitest';
import { configMap, deployment, mistakesOf, sample, workload } from '../sample.ts';

const told = (metadata: object) =>
  mistakesOf(
    sample({
      workload: workload(deployment(), {
        ...configMap('conf'),
        metadata: { name: 'conf', ...metadata },
      }),
    }),
  );

test.each<[string, object, string]>([
  [
    'a misspelt annotation',
    { annotations: { 'perch/hased': 'false' } },
    'ConfigMap conf has an annotation that Perch does not know, got "perch/hased"; did you mean perch/hashed?',
  ],
  [
    'an annotation that there is not',
    { annotations: { 'perch/pause': 'true' } },
    'ConfigMap conf has an annotation that Perch does not know, got "perch/pause"; use perch/tracks or perch/hashed',
  ],
  [
    'an annotation among the labels',
    { labels: { 'perch/hashed': 'false' } },
    'ConfigMap conf has a label that only says something as an annotation, got "perch/hashed"; move it to metadata.annotations',
  ],
])('a mistake that hides nowhere: %s', async (_, metadata, problem) => {
  expect(await told(metadata)).toEqual([expect.stringContaining(problem)]);
});

test('what was copied from a cluster is no mistake', async () => {
  const annotations = { 'perch/digest': '0', 'perch/step': 'a/01-b', 'example.com/any': 'x' };
  expect(await told({ annotations })).toEqual([]);
});
