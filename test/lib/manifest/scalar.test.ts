import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { readScalar } from '../../../lib/manifest/scalar.ts';

describe('a word that every reader takes alike is taken so', () => {
  test.each<[string, string | number | boolean | null]>([
    ['', null],
    ['~', null],
    ['Null', null],
    ['true', true],
    ['FALSE', false],
    ['oN', 'oN'],
    ['0', 0],
    ['8080', 8080],
    ['-1', -1],
    ['_1', '_1'],
    ['+5', 5],
    ['0644', 420],
    ['-0644', -420],
    ['089', 89],
    ['0x1F', 31],
    ['0b11', 3],
    ['1_000', 1000],
    ['1.', 1],
    ['.5', 0.5],
    ['1.10', 1.1],
    ['1e3', 1000],
    ['1234e56', 1.234e59],
    ['-0.0', 0],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['.', '.'],
    ['-', '-'],
    ['1.2.3', '1.2.3'],
    ['10.0.0.1', '10.0.0.1'],
    ['8080:80', '8080:80'],
    ['100m', '100m'],
    ['128Mi', '128Mi'],
    ['50%', '50%'],
    ['v1', 'v1'],
    ['0xg', '0xg'],
    ['2024-01', '2024-01'],
    ['<<', '<<'],
  ])('%s', (word, value) => {
    expect(readScalar(word)).toEqual({ kind: 'alike', value });
  });
});

describe('a word about which readers differ is disputed, with what it is to whom', () => {
  test.each([
    ['yes', 'true to kubectl, Helm and cdk8s, and text to kustomize and Flux'],
    ['n', 'false to kubectl, Helm and cdk8s, and text to kustomize and Flux'],
    ['Off', 'false to kubectl, Helm and cdk8s, and text to kustomize and Flux'],
    ['2024-01-31', 'text to kubectl and Helm, and a time to kustomize, Flux and cdk8s'],
    ['2024-01-31T10:00:00Z', 'text to kubectl and Helm, and a time to kustomize, Flux and cdk8s'],
    ['22:30', 'text to kubectl, Helm, kustomize and Flux, and 1350 to cdk8s'],
    ['12:30:45', 'text to kubectl, Helm, kustomize and Flux, and 45045 to cdk8s'],
    ['-_1', '-1 to kubectl, Helm, kustomize and Flux, and text to cdk8s'],
    ['0o644', '420 to kubectl, Helm, kustomize and Flux, and text to cdk8s'],
    [
      '1234e567',
      'text to kubectl, Helm, kustomize and Flux, and a number that JSON does not have to cdk8s',
    ],
    ['.inf', 'a number that JSON does not have to kubectl, Helm, kustomize, Flux and cdk8s'],
    [
      '9007199254740993',
      'a number that is too large to be kept exactly to kubectl, Helm, kustomize, Flux and cdk8s',
    ],
  ])('%s', (word, reason) => {
    expect(readScalar(word)).toMatchObject({ kind: 'disputed', reason });
  });
});

test('what else than text could be meant is told', () => {
  const plain = (word: string) => {
    const reading = readScalar(word);
    return reading.kind === 'disputed' ? reading.plain : undefined;
  };
  expect(['no', '0o644', '2024-01-31', '.inf'].map(plain)).toEqual([['false'], ['420'], [], []]);
});

describe('what go-yaml makes of a word', () => {
  /** Words, and the JSON that sigs.k8s.io/yaml 1.6.0 and go.yaml.in/yaml/v3 3.0.4 made of them; null where it failed. */
  const file = new URL('files/go-yaml.json', import.meta.url);
  const recorded = z
    .array(z.tuple([z.string(), z.string().nullable(), z.string().nullable()]))
    .parse(JSON.parse(readFileSync(file, 'utf8')));

  test.each(recorded)('is told of %s', (word, kubectl, kustomize) => {
    const reading = readScalar(word);
    if (reading.kind === 'disputed') return;
    for (const it of [kubectl, kustomize])
      expect(JSON.parse(it ?? '"no JSON"')).toEqual(reading.value);
  });
});
