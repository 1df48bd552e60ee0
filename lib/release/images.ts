import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { readText } from '../files.ts';
import { faultsText } from '../plan/parse.ts';
import { readYaml } from '../plan/read-yaml.ts';

const schema = z.record(
  z.string(),
  z.string().regex(/^\S+[:@]\S+$/, 'expected name:tag or name@digest'),
);

/**
 * Reads the one file that holds the tags of all images, so that automation can edit them: a map from a name to
 * `image:tag`.
 *
 * @param file path or URL of the YAML file
 * @returns the image of a name; it throws for a name that the file does not have
 */
export function images(file: string | URL): (name: string) => string {
  const path = typeof file === 'string' ? file : fileURLToPath(file);
  const reading = readYaml(readText(path));
  if (reading.kind === 'refused') throw new Error(`${path} ${reading.reason}`);
  const result = schema.safeParse(reading.value);
  if (!result.success)
    throw new Error(`${path} is not a list of images: ${faultsText(result.error)}`);
  return (name) => {
    const image = Object.hasOwn(result.data, name) ? result.data[name] : undefined;
    if (image !== undefined) return image;
    const known = Object.keys(result.data).sort().join(', ');
    throw new Error(`${path} has no image "${name}"; it has ${known}: add a line for it`);
  };
}
