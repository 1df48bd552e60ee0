import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { render, verbatim } from '../../../lib/index.ts';
import { temporaryFolder } from '../../cleanups.ts';
import { configMap, deployment, mistakesOf, sample, workload } from '../sample.ts';

/** Neither canonical nor pretty, and with a signature over its bytes. */
const SOPS = `# kept\r
kind:   Secret
apiVersion: v1
metadata: {name: keys, namespace: prod}
stringData:
    password: ENC[AES256_GCM,data:abc=,type:str]
sops:
    mac: ENC[x]
    y: on`;

function file(text: string): string {
  const path = join(temporaryFolder(), 'file.yaml');
  writeFileSync(path, text);
  return path;
}

test('is copied byte for byte into every whole set, and never asked for', async () => {
  const path = file(SOPS);
  for (const it of [verbatim(path), verbatim(pathToFileURL(path))]) {
    const { plan, files } = await render(sample({ verbatim: [it] }));
    expect(plan.files['secret-keys.yaml']).toEqual({
      role: 'configuration',
      apiVersion: 'v1',
      kind: 'Secret',
      namespace: 'prod',
      name: 'keys',
      asked: false,
    });
    const steps = plan.steps
      .filter((step) => step.files.includes('secret-keys.yaml'))
      .map((step) => step.name);
    expect(steps).toEqual(['00-init', '01-canary-up', '06-complete']);
    for (const step of steps)
      expect(Buffer.from(files.get(`steps/${step}/secret-keys.yaml`) ?? '').toString()).toBe(SOPS);
  }
});

describe('mistakes', () => {
  test.each([
    [
      'two: documents\n---\na: b\n',
      'is not YAML of one document; put one plain object into each file',
    ],
    ['', 'holds no API object'],
    ['a: [', /is not YAML: .*; put one plain object/s],
    ['a: b', 'holds no API object; give it apiVersion, kind and metadata.name'],
    [
      '{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: other}}',
      'Secret a is in another namespace, got "other"',
    ],
    [
      '{apiVersion: v1, kind: Secret, metadata: {name: a}}',
      'Secret a is in another namespace, got nothing',
    ],
    [
      '{apiVersion: v1, kind: Namespace, metadata: {name: a}}',
      'the release holds Namespace a (v1), which belongs to no namespace',
    ],
  ])('%j', async (text, expected) => {
    const mistakes = await mistakesOf(sample({ verbatim: [verbatim(file(text))] }));
    expect(mistakes).toEqual([
      typeof expected === 'string'
        ? expect.stringContaining(expected)
        : expect.stringMatching(expected),
    ]);
    expect(mistakes[0]).toMatch(/^shop[: ].*verbatim\('.*file\.yaml'\)/s);
  });

  test('a file that is not there', async () => {
    const mistakes = await mistakesOf(sample({ verbatim: [verbatim('no/such.yaml')] }));
    expect(mistakes).toEqual([
      expect.stringMatching(
        /^shop: verbatim\('no\/such\.yaml'\) cannot be read: ENOENT; give an existing file/,
      ),
    ]);
  });

  test('an object that the workload makes as well', async () => {
    const twice = file(
      '{apiVersion: example.com/v1, kind: Thing, metadata: {name: a, namespace: prod}}',
    );
    const thing = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a' } };
    expect(
      await mistakesOf(
        sample({
          allowKinds: ['example.com/Thing'],
          verbatim: [verbatim(twice)],
          workload: workload(deployment(), thing, configMap('b')),
        }),
      ),
    ).toEqual([
      'shop: the release makes a Thing of this name already, got "a"; rename it or leave it out',
    ]);
  });
});
