import type { FileTree } from './files.ts';
import type { Mistake } from './mistake.ts';
import { readYaml, YAML_LIMITS } from './plan/read-yaml.ts';

/** What the analyzer would refuse for its size, of whatever a chart or a file brought along. */
export function tooLarge(path: string, files: FileTree): readonly Mistake[] {
  // A text has no more words than characters, so nearly all need not be looked at; steps repeat their files.
  const large = new Map(
    [...files].flatMap(([file, text]): [string, string][] =>
      file.endsWith('.yaml') && typeof text === 'string' && text.length > YAML_LIMITS.tokens
        ? [[text, file]]
        : [],
    ),
  );
  return [...large].flatMap(([text, file]) => {
    const reading = readYaml(text);
    if (reading.kind === 'read') return [];
    const remedy = 'the analyzer reads no more: split the object or the release';
    return [{ path, problem: `${file} ${reading.reason}`, remedy }];
  });
}
