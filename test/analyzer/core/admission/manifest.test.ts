import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readManifest } from '../../../../analyzer/core/admission/manifest.ts';

const PLAIN = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: shop\n';

/** What a reader made of it, or why none was sure. */
function read(text: string): unknown {
  const it = readManifest(text);
  if (it.kind === 'refused') return it.reason;
  const { apiVersion, kind, namespace, name } = it.manifest;
  return { apiVersion, kind, namespace, name };
}

const A = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'a' };

describe('one object, plainly', () => {
  test.each([
    ['block style', PLAIN],
    ['a first marker and comments', `# a comment\n\n---\n${PLAIN}`],
    [
      'JSON',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'a', namespace: 'shop' },
      }),
    ],
    ['Windows lines', PLAIN.replaceAll('\n', '\r\n')],
    ['a marker inside a literal', `${PLAIN}data:\n  a: |\n    x\n    ---\n    kind: Role\n`],
    ['quotes', PLAIN.replace('ConfigMap', '"ConfigMap"')],
    ['keys of other objects inside', `${PLAIN}data:\n  items: "1"\n  Kind: Role\n`],
    ['escaped control characters', `${PLAIN}data:\n  a: "\\x85\\u2028\\0"\n`],
  ])('%s', (_, text) => {
    expect(read(text)).toEqual(A);
  });

  test('fields can be looked at', () => {
    const it = readManifest(`${PLAIN}spec:\n  ips: [1, 2]\n  type: t\n`);
    if (it.kind === 'refused') throw new Error(it.reason);
    expect(it.manifest.at('spec', 'ips')).toEqual([1, 2]);
    expect(it.manifest.at('spec', 'type')).toBe('t');
    expect(it.manifest.at('spec', 'type', 'deeper')).toBeUndefined();
    expect(it.manifest.at('none')).toBeUndefined();
  });

  test('every file of the example releases', () => {
    const dist = new URL('../../../../dist/examples/', import.meta.url);
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((it) =>
      /\/steps\/.*\.yaml$/.test(it),
    );
    expect(files.length).toBeGreaterThan(20);
    for (const it of files) {
      const text = readFileSync(new URL(it, dist), 'utf8');
      expect(read(text), it).toMatchObject({ kind: /^kind: (\w+)$/m.exec(text)?.[1] });
    }
  });
});

describe('refused, because two readers could see two things', () => {
  const role = 'kind: ClusterRole';
  test.each<[string, string, RegExp]>([
    ['two documents', `${PLAIN}---\n${role}\n`, /more than one document/],
    ['a second document after an end', `${PLAIN}...\n${role}\n`, /more than one document/],
    ['a marker with more behind it', `${PLAIN}--- ${role}\n`, /more than one document/],
    ['a marker inside quotes', `${PLAIN}data: "a\n---\n${role}\n"\n`, /more than one document/],
    ['two markers before it', `---\n---\n${PLAIN}`, /more than one document/],
    ['JSON after JSON', '{"kind":"ConfigMap"}{"kind":"ClusterRole"}', /is not YAML/],
    ['a key twice', `${PLAIN}${role}\n`, /key "kind" twice/],
    ['a key twice, deep inside', `${PLAIN}data:\n  b:\n    - {c: 1, c: 2}\n`, /key "c" twice/],
    ['a key twice, quoted once', `${PLAIN}"kind": ClusterRole\n`, /key "kind" twice/],
    ['an anchor', `${PLAIN}data: &x {}\n`, /an anchor/],
    ['an alias', `${PLAIN}data: &x {}\nmore: *x\n`, /an alias|an anchor/],
    ['a merge key', `${PLAIN}<<: {items: []}\n`, /merge key/],
    ['a tag', PLAIN.replace('ConfigMap', '!!binary Q2x1c3RlclJvbGU='), /the tag/],
    ['a tag on a map', `${PLAIN}data: !!map {}\n`, /the tag/],
    ['a directive', `%YAML 1.1\n---\n${PLAIN}`, /directive/],
    ['a list', `${PLAIN}items:\n  - ${role}\n`, /holds a list/],
    ['a key in another case', `${PLAIN}Kind: ClusterRole\n`, /some readers take for kind/],
    ['a key with a Kelvin sign', `${PLAIN}\u212aind: ClusterRole\n`, /some readers take for kind/],
    ['Items', `${PLAIN}Items: []\n`, /some readers take for items/],
    [
      'a namespace in another case',
      PLAIN.replace('  name:', '  Namespace: kube-system\n  name:'),
      /take for namespace/,
    ],
    ['a next-line character', `# a\u0085${role}\n${PLAIN}`, /control character/],
    ['a line separator', `# a\u2028${role}\n${PLAIN}`, /control character/],
    ['a lone carriage return', `# a\r${role}\n${PLAIN}`, /control character/],
    ['a byte order mark in the middle', `${PLAIN}\ufeff${role}\n`, /control character/],
    ['a NUL', `${PLAIN}data: "\0"\n`, /control character/],
    ['a key that is a map', `${PLAIN}? {a: b}\n: c\n`, /not a plain word/],
    ['a word that is a boolean elsewhere', PLAIN.replace('shop', 'no'), /namespace: quote it/],
    ['a name that is a number', PLAIN.replace('name: a', 'name: 12'), /plainly say/],
    ['a name that is a time elsewhere', PLAIN.replace('name: a', 'name: 1:30'), /plainly say/],
    ['no kind', PLAIN.replace('kind: ConfigMap\n', ''), /plainly say/],
    ['no metadata', 'apiVersion: v1\nkind: ConfigMap\n', /plainly say/],
    ['a list at the top', '- a\n', /no object/],
    ['nothing', '# nothing\n', /no object/],
    ['brackets without end', '['.repeat(30_000), /nested more than 100 deep/],
    ['a file without end', `${PLAIN}data: {a: "${'x'.repeat(1024 ** 2)}"}\n`, /longer than/],
  ])('%s', (_, text, expected) => {
    expect(read(text)).toMatch(expected);
  });
});
