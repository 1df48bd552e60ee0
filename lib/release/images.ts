import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { readText } from '../files.ts';
import { type Reproof, reproveCall, STAND_IN } from '../mistake.ts';
import { faultsText } from '../plan/parse.ts';
import { readYaml } from '../plan/read-yaml.ts';
import { aPath, fields } from '../props/fields.ts';
import { readProps } from '../props/read.ts';

const schema = z.record(
  z.string(),
  z.string().regex(/^\S+[:@]\S+$/, 'expected name:tag or name@digest'),
);

/**
 * Reads the one file that holds the tags of all images, so that automation can edit them: a map from a name to
 * `image:tag`.
 *
 * @param file path or URL of the YAML file
 * @returns the image of a name. A name that the file does not have, and a file that is wrong, is a mistake where it is
 *   asked for an image; synth tells it with all others
 */
export function images(file: string | URL): (name: string) => string {
  const reading = readImages(file);
  return (name) => {
    if (reading.kind === 'wrong') {
      reproveCall(...reading.reproofs);
      return STAND_IN;
    }
    const { path, byName } = reading;
    const image = Object.hasOwn(byName, name) ? byName[name] : undefined;
    if (image !== undefined) return image;
    const known = Object.keys(byName).sort().join(', ') || 'none';
    const problem = `${path} has no image "${String(name)}"`;
    reproveCall({ problem, remedy: `there are: ${known}; add a line for it` });
    return STAND_IN;
  };
}

type Reading =
  | { readonly kind: 'read'; readonly path: string; readonly byName: z.infer<typeof schema> }
  | { readonly kind: 'wrong'; readonly reproofs: readonly Reproof[] };

function readImages(file: string | URL): Reading {
  const { given, reproofs } = readProps('images', imagesProps, { file });
  if (given === undefined) return { kind: 'wrong', reproofs };
  const path = typeof given.file === 'string' ? given.file : fileURLToPath(given.file);
  const wrong = (why: string): Reading => {
    const remedy = 'write lines of name: image:tag';
    return { kind: 'wrong', reproofs: [{ problem: `${path} ${why}`, remedy }] };
  };
  try {
    const reading = readYaml(readText(path));
    if (reading.kind === 'refused') return wrong(reading.reason);
    const result = schema.safeParse(reading.value);
    if (!result.success) return wrong(`is not a list of images: ${faultsText(result.error)}`);
    return { kind: 'read', path, byName: result.data };
  } catch (error) {
    return wrong(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const imagesProps = fields({ file: aPath });
