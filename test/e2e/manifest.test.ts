import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readManifest } from '../../analyzer/core/admission/manifest.ts';
import { scratch } from '../analyzer/git/fixture.ts';
import { isMissing } from './servers/missing.ts';

const kubectl = join(process.env.KUBEBUILDER_ASSETS ?? '', 'kubectl');
const missing = existsSync(kubectl)
  ? undefined
  : 'kubectl, which reads YAML as Flux and Argo CD do, is not in KUBEBUILDER_ASSETS: run .ci/servers/install';

/** Lines that one reader of YAML may see and another not. */
const ODD = [
  ...[
    'kind: Role',
    'Kind: Role',
    '"kind": Role',
    '? kind\n: Role',
    '"k\\u0069nd": Role',
    '{kind: Role}: x',
  ],
  ...[
    'items: []',
    'Items: [{kind: Role}]',
    '<<: {kind: Role}',
    '---\nkind: Role',
    '...\n---\nkind: X',
  ],
  ...[
    '# c\u2028kind: Role',
    '# c\u0085kind: Role',
    '# c\rkind: Role',
    '\u00a0kind: x',
    '\ufeffkind: x',
  ],
  ...[
    'data:\n  a: |\n    ---\n    kind: Y',
    'data: {a: "b\n\n---\n"}',
    'data:\n  a: >\n\n   x\n   ---\n',
  ],
  ...[
    'x: !!binary aGk=',
    'a: 0o14',
    'on: off',
    'x: "a\\\n  b"',
    'x: a\n  b: c',
    'null: 1',
    '~: 2',
    '123: 4',
  ],
  ...[
    'x: {a: b,\n c}',
    '"": 1',
    'x: |2\n   a',
    'x: |+\n  a\n\n\n',
    'x: @a',
    '\tkind: Role',
    '%TAG ! x',
  ],
  ...['metadata: {namespace: other}', 'Metadata: {namespace: other}', 'x: ""\n#kind: X'],
];
const WORDS = [
  ...[
    'shop',
    'shop',
    'no',
    '"no"',
    'on',
    '1',
    '1e3',
    '0x1',
    '1_0',
    '12:30',
    'y',
    'null',
    '~',
    'shop ',
    "'shop'",
  ],
  ...['2020-01-01', '.inf', '=', 'shop # x', '>-\n    shop', '|-\n    shop', '"sh\\\n    op"'],
];
const KINDS = ['ConfigMap', 'ConfigMap', '"ConfigMap"', '>-\n  ConfigMap', '"Config\\x4dap"'];
const CHARACTERS = [
  '\n',
  '"',
  "'",
  '#',
  ' ',
  '\t',
  '\r',
  '{',
  '}',
  ': ',
  '- ',
  '&a ',
  '*a ',
  '\u2028',
  '\u0085',
];

/** Random text, the same for the same seed. */
function texts(seed: number, count: number): readonly string[] {
  let state = seed;
  const below = (most: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % most;
  };
  const pick = (from: readonly string[]) => from[below(from.length)] ?? '';
  return Array.from({ length: count }, () => {
    const metadata = `metadata:\n  name: ${pick(['a', 'a', ...WORDS])}\n  namespace: ${pick(WORDS)}`;
    const parts = ['apiVersion: v1', `kind: ${pick(KINDS)}`, metadata];
    for (let more = below(3); more > 0; more--) parts.splice(below(parts.length + 1), 0, pick(ODD));
    const text = `${below(4) === 0 ? '---\n' : ''}${parts.join(pick(['\n', '\n', '\r\n']))}\n`;
    const at = below(text.length);
    return below(5) === 0 ? text.slice(0, at) + pick(CHARACTERS) + text.slice(at) : text;
  });
}

test.skipIf(isMissing(missing))(
  'what is read is what kubectl reads, in 1,500 odd files',
  async () => {
    const file = join(await scratch(), 'file.yaml');
    const refused = { ours: 0, theirs: 0 };
    for (const text of texts(7, 1500)) {
      const ours = readManifest(text);
      if (ours.kind === 'refused') {
        refused.ours += 1;
        continue;
      }
      writeFileSync(file, text);
      const flags = ['annotate', '--local', '--filename', file, '--output=json', 'read=yes'];
      const { status, stdout } = spawnSync(kubectl, flags, { encoding: 'utf8' });
      if (status !== 0) {
        refused.theirs += 1;
        continue;
      }
      // A second object would be a second text, and no JSON as a whole.
      const { apiVersion, kind, metadata } = JSON.parse(stdout) as Record<
        string,
        { name: string; namespace: string }
      >;
      const { manifest } = ours;
      expect([apiVersion, kind, metadata?.name, metadata?.namespace], JSON.stringify(text)).toEqual(
        [manifest.apiVersion, manifest.kind, manifest.name, manifest.namespace],
      );
    }
    expect(1500 - refused.ours - refused.theirs).toBeGreaterThan(100);
  },
);
