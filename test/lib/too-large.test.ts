import { expect, test } from 'vitest';
import { deployment, mistakesOf, sample, workload } from './sample.ts';

test('what the analyzer would refuse for its size is refused at synth, with the file', async () => {
  const object = (data: object) =>
    sample({
      workload: workload(deployment(), {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'settings' },
        data,
      }),
    });
  expect(await mistakesOf(object({ a: 'x'.repeat(1024 ** 2) }))).toEqual([
    expect.stringMatching(
      /configmap-settings\S*\.yaml has \d+ characters; at most 1048576 are read; the analyzer reads no more: split/,
    ),
  ]);
  const keys = Object.fromEntries(Array.from({ length: 40_000 }, (_, it) => [`k${it}`, 'v']));
  expect(await mistakesOf(object(keys))).toEqual([
    expect.stringMatching(/configmap-settings\S*\.yaml has more than the 150000 words and signs/),
  ]);
  expect(await mistakesOf(object({ a: 'x'.repeat(900_000) }))).toEqual([]);
});
