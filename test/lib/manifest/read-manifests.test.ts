import { describe, expect, test } from 'vitest';
import { readManifests } from '../../../lib/manifest/read-manifests.ts';

/** The top of an object, on one line. */
const TOP = '{ apiVersion: v1, kind: ConfigMap, metadata: { name: a }';

function objects(text: string): readonly unknown[] {
  const { objects, faults } = readManifests(text);
  expect(faults).toEqual([]);
  return objects.map((it) => it.object);
}

function faults(text: string): readonly string[] {
  return readManifests(text).faults.map((it) => `${it.line}: ${it.problem}; ${it.remedy}`);
}

const named = (kind: string, name: string) => ({ apiVersion: 'v1', kind, metadata: { name } });

describe('objects', () => {
  test('of all documents, with their lines, without empty ones', () => {
    const text = `---\n# nothing\n---\n${TOP} }\n---\n{}\n---\n\nkind: Secret\napiVersion: v1\nmetadata: { name: b }\n...\n`;
    expect(readManifests(text)).toEqual({
      objects: [
        { line: 4, object: named('ConfigMap', 'a') },
        { line: 9, object: named('Secret', 'b') },
      ],
      faults: [],
    });
  });

  test('of JSON', () => {
    expect(objects(JSON.stringify({ ...named('Secret', 'b'), data: { a: '1' } }))).toEqual([
      { ...named('Secret', 'b'), data: { a: '1' } },
    ]);
  });

  test('of lists, also of lists in lists and of lists that name the kind', () => {
    const list = (kind: string, items: readonly unknown[]) => ({ apiVersion: 'v1', kind, items });
    const inner = list('ConfigMapList', [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }]);
    expect(objects(JSON.stringify(list('List', [inner, named('Secret', 'c')])))).toEqual([
      named('ConfigMap', 'a'),
      named('ConfigMap', 'b'),
      named('Secret', 'c'),
    ]);
  });

  test('with anchors, aliases and merges', () => {
    const text = `${TOP}, x: &x { b: 1, c: 2 }, merged: { <<: *x, c: 3 }, z: *x }`;
    expect(objects(text)).toEqual([
      {
        ...named('ConfigMap', 'a'),
        x: { b: 1, c: 2 },
        merged: { b: 1, c: 3 },
        z: { b: 1, c: 2 },
      },
    ]);
  });

  test('with modes in octal, quoted words, text that is tagged, and keys that are numbers', () => {
    const text = `${TOP}, mode: 0644, a: "yes", b: '22:30', c: !!str 1e3, data: { 8080: x, true: z } }`;
    expect(objects(text)).toEqual([
      {
        ...named('ConfigMap', 'a'),
        mode: 420,
        a: 'yes',
        b: '22:30',
        c: '1e3',
        data: { '8080': 'x', true: 'z' },
      },
    ]);
  });
});

describe('faults', () => {
  test.each<[string, string, readonly string[]]>([
    [
      'a doubled key',
      `${TOP},\n b: 1, b: 2 }`,
      ['2: has the key b twice in one place; keep one of them'],
    ],
    [
      'a list that is not closed',
      `${TOP},\n  args: [a, b }`,
      [
        '2: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]; correct it',
      ],
    ],
    [
      'a tag of somebody else',
      `${TOP}, b: !x 1 }`,
      ['1: has the tag !x, which not every tool reads alike; write a plain value'],
    ],
    [
      'a tag that not all read',
      `${TOP}, b: !!binary aa }`,
      [
        '1: has the tag tag:yaml.org,2002:binary, which not every tool reads alike; write a plain value',
      ],
    ],
    [
      'a key that is a boolean to some',
      `${TOP}, data: { on: a } }`,
      [
        '1: has on without quotes, which is true to kubectl, Helm and cdk8s, and text to kustomize and Flux; write "on" in quotes, or true',
      ],
    ],
    [
      'a key that is a number',
      `${TOP}, data: { 1.10: a } }`,
      ['1: has the key 1.10 without quotes, which tools write in different ways; write "1.10"'],
    ],
    [
      'an empty item',
      `apiVersion: v1\nkind: A\nmetadata: { name: a }\nlist:\n-\n- a\n`,
      ['5: has an empty item in a list; leave it out, or write ""'],
    ],
    [
      'a number for a label',
      `{ apiVersion: v1, kind: A, metadata: { name: a, labels: { commit: 1234e5, build: 007, x: } } }`,
      [
        '1: has 1234e5 without quotes for metadata.labels.commit, which must be text; write "1234e5"',
        '1: has 007 without quotes for metadata.labels.build, which must be text; write "007"',
        '1: has no value for metadata.labels.x, which must be text; write ""',
      ],
    ],
    [
      'numbers for contents, variables and words of a command',
      `${TOP}, data: { port: 8080 }, containers: [{ args: [-p, 80], env: [{ name: a, value: true }, { name: b, value: }] }] }`,
      [
        '1: has 8080 without quotes for data.port, which must be text; write "8080"',
        '1: has 80 without quotes for containers[].args[], which must be text; write "80"',
        '1: has true without quotes for containers[].env[].value, which must be text; write "true"',
      ],
    ],
    [
      'aliases that make much of little',
      `${TOP}, a: &a [x, x, x, x, x, x, x, x, x, x], ${[...'bcdefgh']
        .map((it, index) => `${it}: &${it} [${Array(10).fill(`*${'abcdefg'[index]}`)}]`)
        .join(', ')} }`,
      ['1: has aliases that stand for too much; write the values out'],
    ],
    [
      'a tag of a map',
      `${TOP}, b: !x { c: 1 } }`,
      ['1: has the tag !x, which not every tool reads alike; write a plain value'],
    ],
    [
      'a line break to some',
      `${TOP},\n b: "\u2028" }`,
      [
        '2: holds a line break that not every reader takes for one; write it as "\\u2028", in quotes',
      ],
    ],
    [
      'an anchor in itself',
      `${TOP}, a: &a [*a] }`,
      ['1: is nested more than 100 deep; make it flatter'],
    ],
    ['an alias of nothing', `${TOP}, a: *b }`, ['1: has the alias b of nothing; correct it']],
    [
      'a merge after what it overrides for some',
      `${TOP}, x: &x { b: 1 }, z: { b: 2, <<: *x } }`,
      ['1: merges keys that stand before it, which tools do in different ways; write << first'],
    ],
    [
      'keys without names',
      `${TOP}, a: { ~: 1, null: 2 } }`,
      [
        '1: has the key ~ without quotes, which tools write in different ways; write "~"',
        '1: has the key null without quotes, which tools write in different ways; write "null"',
      ],
    ],
    [
      'labels without values',
      '{ apiVersion: v1, kind: A, metadata: { name: a, labels: { x } } }',
      ['1: has no value for metadata.labels.x, which must be text; write ""'],
    ],
    [
      'no object',
      '- 1\n',
      ['1: holds what is no object; give each object apiVersion, kind and metadata.name'],
    ],
    [
      'no kind',
      'a: 1\n',
      [
        '1: holds an object without apiVersion and kind; give each object apiVersion, kind and metadata.name',
      ],
    ],
    [
      'no name',
      'apiVersion: v1\nkind: Pod\nmetadata: { generateName: a- }\n',
      ['1: holds a Pod without a name; give each object apiVersion, kind and metadata.name'],
    ],
  ])('%s', (_, text, expected) => {
    expect(faults(text)).toEqual(expected);
  });
});
