import type { Authored } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { DIGEST_ANNOTATION, STEP_ANNOTATION } from '../plan/plan.ts';
import { closest } from '../props/closest.ts';
import { TRACKS_ANNOTATION } from './configuration.ts';
import { HASHED_ANNOTATION } from './versioned.ts';

const SAID = [TRACKS_ANNOTATION, HASHED_ANNOTATION];

/** What an object that was copied from a cluster has of ours; it is written anew. */
const WRITTEN = [DIGEST_ANNOTATION, STEP_ANNOTATION];

/** What an object tells Perch in words that it does not know, or as a label, which nobody would read. */
export function annotationMistakes({ path, object }: Authored): readonly Mistake[] {
  const { kind, metadata } = object;
  const given = Object.keys(metadata.annotations ?? {}).filter((it) => it.startsWith('perch/'));
  const unknown = given
    .filter((it) => !SAID.includes(it) && !WRITTEN.includes(it))
    .map((got) => {
      const meant = closest(got, SAID);
      return {
        path,
        problem: `${kind} ${metadata.name} has an annotation that Perch does not know`,
        got,
        remedy: meant === undefined ? `use ${SAID.join(' or ')}` : `did you mean ${meant}?`,
      };
    });
  const labels = SAID.filter((it) => metadata.labels?.[it] !== undefined).map((got) => ({
    path,
    problem: `${kind} ${metadata.name} has a label that only says something as an annotation`,
    got,
    remedy: 'move it to metadata.annotations',
  }));
  return [...unknown, ...labels];
}
