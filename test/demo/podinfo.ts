import { readFile } from 'node:fs/promises';
import { podinfo } from '../../apps/podinfo.ts';
import { images, Testing } from '../../lib/index.ts';

/** The release of the demo, as apps/podinfo.ts names it. */
export const RELEASE = { id: 'podinfo', namespace: 'test', name: 'podinfo' } as const;

/** What a person commits to release one version. */
export interface PodinfoFiles {
  readonly image: string;
  /** Text by path in the repository: the sources, and what synth writes for them. */
  readonly files: ReadonlyMap<string, string>;
}

const APPS = new URL('../../apps/', import.meta.url);
const SOURCES = ['podinfo.ts', 'images.yaml'];

/** Synthesizes apps/podinfo.ts with another tag. @throws MistakesError when the app is wrong */
export async function podinfoFiles(version: string): Promise<PodinfoFiles> {
  const current = images(new URL('images.yaml', APPS))(RELEASE.id);
  const image = `${current.slice(0, current.lastIndexOf(':'))}:${version}`;
  const { files } = await Testing.render(podinfo(Testing.apps(), { image }));
  const sources = await Promise.all(
    SOURCES.map(async (name): Promise<[string, string]> => {
      const text = await readFile(new URL(name, APPS), 'utf8');
      return [`apps/${name}`, text.replaceAll(current, image)];
    }),
  );
  const plan = [...files].map(([path, content]): [string, string] => [
    `dist/${RELEASE.id}/${path}`,
    Buffer.from(content).toString('utf8'),
  ]);
  return { image, files: new Map([...sources, ...plan]) };
}
