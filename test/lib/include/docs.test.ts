import { readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApiObject, JsonPatch } from 'cdk8s';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromProject } from '../../../lib/files.ts';
import type { WorkloadFactory } from '../../../lib/index.ts';
import * as lib from '../../../lib/index.ts';
import { heldObject } from '../../../lib/manifest/manifest.ts';
import { readScalar } from '../../../lib/manifest/scalar.ts';
import { directiveRefusal } from '../../../lib/plan/directives.ts';
import { temporaryFolder } from '../../cleanups.ts';
import { mistakesOf, sample } from '../sample.ts';

const page = readFileSync(fromProject('docs/bring-your-own.md'), 'utf8');
const blocks = [...page.matchAll(/```ts\n([^`]*?)```/g)].map(([, code = '']) => code);
const PATH = process.env.PATH;
const RECORDED = fileURLToPath(new URL('files/helm-create.yaml', import.meta.url));

beforeAll(() => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'helm'), `#!/bin/sh\ncat '${RECORDED}'\n`, { mode: 0o755 });
  process.env.PATH = [folder, PATH].join(delimiter);
});

afterAll(() => {
  process.env.PATH = PATH;
});

/** A block is a part of a release's props; the file that it names is what `helm create` makes. */
function workloadIn(code: string): WorkloadFactory {
  const include = (_: string, props?: lib.IncludeProps) => lib.include(RECORDED, props);
  const known = { ...lib, ApiObject, JsonPatch, include };
  const read = new Function(...Object.keys(known), `return ({ ${code} }).workload`);
  return read(...Object.values(known));
}

/** What a table says of its first column, by the words in it. */
function rows(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const lines = section.split('\n## ')[0]?.split('\n') ?? [];
  return lines
    .filter((it) => /^\| `/.test(it))
    .map((it) =>
      it
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

const words = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, it = '']) => it);

describe('docs/bring-your-own.md', () => {
  test.each(blocks.map((it) => [it.split('\n')[0], it] as const))('%s', async (_, code) => {
    const made = sample({
      workload: workloadIn(code),
      service: { port: 80, targetPort: 'http' },
    });
    const told = await mistakesOf(made);
    // The test and the Service are told of where the page has not yet left them out.
    const allowed = code.includes('omit:')
      ? []
      : [/Service has the name/, /is a test of its chart/];
    expect(told).toEqual(allowed.map((it) => expect.stringMatching(it)));
  });

  test('has blocks', () => {
    expect(blocks).toHaveLength(4);
  });

  test('names words that are refused, and what they are', () => {
    const table = rows('What is refused in a file');
    expect(table.flatMap(([cell]) => words(cell)).length).toBeGreaterThan(10);
    for (const it of table.flatMap(([cell]) => words(cell)))
      expect(readScalar(it), it).toMatchObject({ kind: 'disputed' });
  });

  test('names directives that are refused, and those that are not', () => {
    const refusal = (key: string, value: string, kind: string) =>
      directiveRefusal(
        heldObject({
          apiVersion: 'v1',
          kind,
          metadata: { name: 'a', annotations: { [key]: value } },
        }),
      );
    const table = rows('What is refused of other tools');
    expect(table.length).toBeGreaterThan(8);
    for (const [keys, refused = '', harmless] of table)
      for (const key of words(keys)) {
        const values = words(refused);
        for (const it of values.length === 0 && refused !== '' ? ['other'] : values) {
          expect(refusal(key, it, 'ConfigMap'), `${key}: ${it}`).toBeDefined();
          const onClaim = refusal(key, it, 'PersistentVolumeClaim');
          expect(onClaim === undefined, `${key}: ${it}`).toBe(refused.includes('claims'));
        }
        for (const it of words(harmless === 'any' ? '`other`' : harmless))
          expect(refusal(key, it, 'ConfigMap'), `${key}: ${it}`).toBeUndefined();
      }
  });
});
