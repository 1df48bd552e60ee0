import type { Manifest } from '../manifest/json.ts';
import { groupOf } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import type { VerbatimObject } from '../release/verbatim.ts';
import { AT_REST } from '../traffic/traffic.ts';
import type { Placed, ReleaseObjects } from './objects.ts';

/**
 * Objects that are one object in the cluster: one of the author's under a name that the release gives to one
 * of its own, or one that a verbatim file holds as well.
 */
export function clashes(
  path: string,
  objects: ReleaseObjects,
  verbatim: readonly VerbatimObject[],
): Mistake[] {
  const { running, versioned, configuration, policies } = objects;
  const routes = objects.routes(AT_REST);
  // The author's come last, so that the mistake is told at their path; Services have a message of their own.
  const tracks = (['primary', 'canary', 'baseline'] as const).flatMap((track) =>
    running(track, { kind: 'full' }),
  );
  const own = [...tracks, ...versioned, ...policies, ...routes];
  const authored = configuration.filter((it) => it.object.kind !== 'Service');
  const files = verbatim.map(
    (it): Pick<Placed, 'path' | 'object'> => ({ path, object: it.object }),
  );
  const seen = new Set<string>();
  return [...own, ...authored, ...files].flatMap((it) => {
    const known = seen.has(identity(it.object));
    seen.add(identity(it.object));
    const { kind, metadata } = it.object;
    const problem = `the release makes a ${kind} of this name already`;
    return known
      ? [{ path: it.path, problem, got: metadata.name, remedy: 'rename it or leave it out' }]
      : [];
  });
}

function identity({ apiVersion, kind, metadata }: Manifest): string {
  return `${groupOf(apiVersion)}/${kind}/${metadata.name}`;
}
