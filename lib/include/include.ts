import { basename, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Construct } from 'constructs';
import type * as z from 'zod';
import { fromProject, readBytes } from '../files.ts';
import { freeId } from '../manifest/put.ts';
import { type ManifestsReading, readManifests } from '../manifest/read-manifests.ts';
import { type Reproof, reprove } from '../mistake.ts';
import { aPath, extended, fields } from '../props/fields.ts';
import { readProps } from '../props/read.ts';
import type { WorkloadFactory } from '../workload/workload.ts';
import { choiceProps, putChosen } from './choice.ts';

/** What is left out of a file, and what is changed. */
export interface IncludeProps extends z.infer<typeof includeProps> {}

/** The schema of `IncludeProps`. */
export const includeProps = fields(choiceProps);

/**
 * The objects of a file of YAML or JSON, such as what `kustomize build` or `helm template` printed, as kubectl reads them.
 * What tools would read in different ways is refused, with file and line.
 *
 * @param file a URL, such as `new URL('shop.yaml', import.meta.url)`, an absolute path, or a path from the project's
 *   folder (that of cdk8s.yaml)
 * @returns a `workload`, which can also be called in one: `(scope) => { include('shop.yaml')(scope); … }`
 */
export function include(file: string | URL, props: IncludeProps = {}): WorkloadFactory {
  const { given, reproofs } = readProps('include', schema, { ...props, file });
  return (scope) => {
    const path = given === undefined ? '' : pathOf(given.file);
    const it = new Construct(scope, freeId(scope, `include ${basename(path)}`.trim()));
    reprove(it, ...reproofs);
    if (given === undefined) return;
    const reading = read(path);
    reprove(it, ...reading.mistakes);
    // Half of a file would be told to lack the other half.
    if (reading.mistakes.length === 0)
      reprove(
        it,
        ...putChosen(
          it,
          reading.found.objects.map((one) => one.object),
          given,
        ),
      );
  };
}

/** A character that is none would become another one. */
const decoder = new TextDecoder('utf-8', { fatal: true });

const schema = extended(includeProps, { file: aPath });

function pathOf(file: string | URL): string {
  return typeof file === 'string' ? file : fileURLToPath(file);
}

function read(path: string): {
  readonly found: ManifestsReading;
  readonly mistakes: readonly Reproof[];
} {
  const none = { objects: [], faults: [] };
  const shown = relative(fromProject('.'), fromProject(path));
  try {
    const text = decoder.decode(readBytes(path));
    const input = inputOf(path, text);
    const found = readManifests(text);
    const mistakes = found.faults.map(({ line, problem, remedy }) => {
      return { at: `${shown}:${line}`, problem, remedy: [remedy, ...input].join('; ') };
    });
    if (mistakes.length > 0 || found.objects.length > 0) return { found, mistakes };
    const remedy = 'give it one, or leave it out';
    return { found, mistakes: [{ at: shown, problem: 'holds no object', remedy }] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const remedy = /^https?:/.test(path)
      ? 'download it into the repository, where a review sees how it changes'
      : 'give an existing file; new URL(…, import.meta.url) finds one beside the app';
    return { found: none, mistakes: [{ problem: `cannot be read: ${reason}`, remedy }] };
  }
}

/** What else to do where the file looks like one that a tool makes manifests of. */
function inputOf(path: string, text: string): readonly string[] {
  if (/^kustomization(?:\.ya?ml)?$/i.test(basename(path)))
    return ['of a kustomization, include what `kustomize build` prints'];
  return /\{\{-?\s*(?:\.|include|if|with|range|template)\b/.test(text)
    ? ['of a template of a Helm chart, use helm({ … })']
    : [];
}
