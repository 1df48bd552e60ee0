import { expect, test } from 'vitest';
import { podinfo } from '../../apps/podinfo.ts';
import { type Rendered, Testing } from '../../lib/index.ts';
import { VERSIONS } from './demo.ts';
import { type PodinfoFiles, podinfoFiles, RELEASE } from './podinfo.ts';

const FOLDER = `dist/${RELEASE.id}/`;

test.each(Object.values(VERSIONS))(
  'the plan of %s differs from dist/examples/podinfo in versions only',
  async (version) => {
    const released = await Testing.render(podinfo(Testing.apps()));
    const demo = await podinfoFiles(version);
    const plan = new Map([...demo.files].filter(([path]) => path.startsWith(FOLDER)));
    expect([...plan.keys()]).toEqual([...released.files.keys()].map((path) => `${FOLDER}${path}`));
    for (const [path, content] of released.files)
      expect(unversioned(plan.get(`${FOLDER}${path}`) ?? '', demo), path).toBe(
        unversioned(Buffer.from(content).toString('utf8'), versionsOf(released)),
      );
  },
);

test('the two versions are two candidates, and the sources that are committed say so', async () => {
  const [old, next] = await Promise.all(Object.values(VERSIONS).map((it) => podinfoFiles(it)));
  if (old === undefined || next === undefined) throw new Error('there are two versions');
  expect(candidateOf(old)).not.toBe(candidateOf(next));
  for (const one of [old, next])
    expect(one.files.get('apps/images.yaml')).toMatch(
      new RegExp(`^podinfo: ${one.image}( #.*)?$`, 'm'),
    );
});

interface Versions {
  readonly image: string;
  readonly candidate: string;
}

function versionsOf({ plan }: Rendered): Versions {
  return { image: plan.images[0] ?? '', candidate: plan.candidate };
}

function candidateOf({ files }: PodinfoFiles): string {
  return /^candidate: '?"?([0-9a-f]{10})/m.exec(files.get(`${FOLDER}plan.yaml`) ?? '')?.[1] ?? '';
}

/** A file without its image, its candidate, and the digests that follow from them. */
function unversioned(text: string, of: PodinfoFiles | Versions): string {
  const candidate = 'candidate' in of ? of.candidate : candidateOf(of);
  const tag = of.image.slice(of.image.lastIndexOf(':'));
  return text
    .replaceAll(candidate, '<candidate>')
    .replaceAll(tag, ':<tag>')
    .replaceAll(tag.slice(1), '<tag>')
    .replaceAll(/(perch\/digest: ).*/g, '$1<digest>');
}
