import { readFile } from 'node:fs/promises';
import { images, Testing } from '../../lib/index.ts';
import { STORIES, type Story } from './stories.ts';

/** What a person commits to release one version. */
export interface PodinfoFiles {
  readonly image: string;
  /** Distance of two check points. */
  readonly checkSeconds: number;
  /** Names of the plan's steps. */
  readonly steps: readonly string[];
  /** Text by path in the repository: the sources, and what synth writes for them. */
  readonly files: ReadonlyMap<string, string>;
}

/** The release of the demo where no other strategy is asked for. */
export const RELEASE = STORIES.canary.release;

const APPS = new URL('../../apps/', import.meta.url);

/**
 * Synthesizes the release of a story with another tag of podinfo.
 *
 * @throws MistakesError when the app is wrong
 */
export async function podinfoFiles(
  version: string,
  { release, render, source }: Story = STORIES.canary,
): Promise<PodinfoFiles> {
  const current = images(new URL('images.yaml', APPS))('podinfo');
  const image = `${current.slice(0, current.lastIndexOf(':'))}:${version}`;
  const { files, plan } = await Testing.render(render(Testing.apps(), { image }));
  const sources = await Promise.all(
    [...new Set([source, 'podinfo.ts', 'images.yaml'])].map(
      async (name): Promise<[string, string]> => {
        const text = await readFile(new URL(name, APPS), 'utf8');
        return [`apps/${name}`, text.replaceAll(current, image)];
      },
    ),
  );
  const rendered = [...files].map(([path, content]): [string, string] => [
    `dist/${release.id}/${path}`,
    Buffer.from(content).toString('utf8'),
  ]);
  const steps = plan.steps.map((it) => it.name);
  const { checkSeconds } = plan.analysis;
  return { image, checkSeconds, steps, files: new Map([...sources, ...rendered]) };
}
