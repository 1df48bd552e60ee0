import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeName, encodeName } from '../../../analyzer/git/names.ts';
import { tries } from '../../tries.ts';
import { bare, change, git, gitWith, open, START } from './fixture.ts';

/** Any bytes that a name can have in Git, often what looks special. */
const bytes = fc
  .array(
    fc.oneof(
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom(...Buffer.from('\\"\n\r\t :*?[ü😀\uFFFD')),
    ),
    { minLength: 1, maxLength: 40 },
  )
  .map((it) => Buffer.from(it.filter((one) => one !== 0x2f)))
  .filter((it) => it.length > 0 && !['.', '..'].includes(it.toString('latin1')));

test('any bytes come back, and no two names look the same', () => {
  fc.assert(
    fc.property(bytes, bytes, (one, other) => {
      expect(encodeName(decodeName(one))).toEqual(one);
      expect(decodeName(one) === decodeName(other)).toBe(one.equals(other));
    }),
    { numRuns: tries(2000), seed: 1 },
  );
});

test.each(['service-app.yaml', 'ümlaut', '日本', '😀', 'a\uFFFDb', '\uFEFFx'])(
  '%j is itself',
  (name) => expect(decodeName(Buffer.from(name))).toBe(name),
);

test('whatever names lie in live/, each is listed, and removed alone by real git', async () => {
  const { folder, url } = await bare();
  const repository = await open(url);
  const blob = gitWith({ folder, input: 'x' }, 'hash-object', '-w', '--stdin');
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(bytes, { minLength: 1, maxLength: 8, comparator }),
      async (all) => {
        const live = mktree(
          folder,
          all.map((name) => ({ mode: '100644', kind: 'blob', oid: blob, name })),
        );
        const tip = commitOf(folder, live);
        const files = [...(await repository.files(live)).keys()];
        expect(files.map((it) => encodeName(it).toString('hex')).sort()).toEqual(
          all.map((it) => it.toString('hex')).sort(),
        );
        const writes = files.map((it) => ({ kind: 'delete', path: `live/app/${it}` }) as const);
        const kept = { kind: 'blob', path: 'live/app/kept.yaml', oid: blob } as const;
        const [made = ''] = await repository.commit(tip, [
          change({}, { release: 'app', writes: [...writes, kept] }),
        ]);
        const [release] = await repository.list({ run: made, source: undefined });
        expect([...(await repository.files(release?.live ?? '')).keys()]).toEqual(['kept.yaml']);
      },
    ),
    { numRuns: 15, seed: 2 },
  );
});

function comparator(one: Buffer, other: Buffer): boolean {
  return one.equals(other);
}

interface Entry {
  readonly mode: string;
  readonly kind: string;
  readonly oid: string;
  readonly name: Buffer;
}

function mktree(folder: string, entries: readonly Entry[]): string {
  const input = Buffer.concat(
    entries.map(({ mode, kind, oid, name }) =>
      Buffer.concat([Buffer.from(`${mode} ${kind} ${oid}\t`), name, Buffer.from('\0')]),
    ),
  );
  return gitWith({ folder, input }, 'mktree', '-z');
}

function commitOf(folder: string, live: string): string {
  const entry = (oid: string, name: string) => ({
    ...{ mode: '040000', kind: 'tree', oid },
    name: Buffer.from(name),
  });
  const root = mktree(folder, [entry(mktree(folder, [entry(live, 'app')]), 'live')]);
  const commit = git(folder, 'commit-tree', '-m', `at ${START}`, root);
  git(folder, 'update-ref', 'refs/heads/main', commit);
  return commit;
}
