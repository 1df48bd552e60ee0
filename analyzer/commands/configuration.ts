import { readFileSync } from 'node:fs';
import { readYaml } from '../../lib/plan/read-yaml.ts';
import { UsageError } from '../usage-error.ts';

/** A file that a flag names, with things by name. */
export interface ConfigurationFile {
  readonly flag: string;
  readonly path: string;
  /** What is described: `Git hosts`. */
  readonly of: string;
  /** The page of docs/ that shows it. */
  readonly page: string;
}

/**
 * Opens what a file describes.
 *
 * @param load gives what opens it, which throws for what it does not understand
 * @throws UsageError for a file that cannot be read, or describes nothing of its kind
 */
export async function configuration<T>(
  file: ConfigurationFile,
  load: () => Promise<(value: unknown, place: string) => T>,
): Promise<T> {
  const place = `${file.flag} ${file.path}`;
  const reading = readYaml(textOf(file, place));
  if (reading.kind === 'refused')
    throw new UsageError(
      `${place} ${reading.reason}. It has the names of ${file.of}, each with a kind and its options; docs/${file.page}.md shows them.`,
    );
  const open = await load();
  try {
    return open(reading.value, place);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function textOf({ path, of }: ConfigurationFile, place: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as { readonly code?: string };
    throw new UsageError(`${place} cannot be read (${code}): give a file that describes ${of}`, {
      cause: error,
    });
  }
}
