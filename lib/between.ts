import { canonical } from './manifest/json.ts';
import type { Authored } from './manifest/manifest.ts';
import type { RenderedManifests } from './manifests.ts';
import { type Mistake, placeOf } from './mistake.ts';
import { clashTexts, footprintOf, neighbourhood } from './plan/neighbours.ts';
import type { Plan } from './plan/plan.ts';
import { closest } from './props/closest.ts';
import type { Release } from './release/release.ts';

/** A release, and what its author made in the workload. */
export interface MadeRelease {
  readonly release: Release;
  readonly authored: readonly Authored[];
}

/** What is wrong with the releases of one repository taken together. */
export function mistakesBetween(all: readonly MadeRelease[]): readonly Mistake[] {
  const found = [...hostsTaken(all), ...unknownReleases(all.map((it) => it.release))];
  return found.map(({ release, ...it }) => ({
    id: release.id,
    path: release.path,
    ...placeOf(release),
    ...it,
  }));
}

/**
 * What is wrong with what several folders write: one object can only be in one of them, and no release may find the
 * pods of another. It is told of the later one.
 *
 * @param plans of the releases that could be rendered
 */
export function mistakesOfNeighbours(
  releases: readonly Release[],
  plans: readonly Plan[],
  manifests: readonly RenderedManifests[],
): readonly Mistake[] {
  const known = neighbourhood();
  const between = plans.flatMap((plan) => {
    const footprint = footprintOf(plan);
    const found = clashTexts(known.clashes(footprint));
    known.add(footprint);
    const release = releases.find((it) => it.id === plan.release);
    if (release === undefined) return [];
    return found.map((it) => ({
      path: release.path,
      ...placeOf(release),
      id: plan.release,
      ...it,
    }));
  });
  const beside = manifests.flatMap(({ id, objects }) =>
    objects.flatMap(({ apiVersion, kind, metadata: { namespace, name } }): Mistake[] => {
      const release = known.writerOf({ apiVersion, kind, namespace, name });
      if (release === undefined) return [];
      const problem = `release ${release} writes ${kind} ${name} as well`;
      const got = namespace === undefined ? name : `${namespace}/${name}`;
      return [{ id, path: id, problem, got, remedy: 'leave it out of one of them' }];
    }),
  );
  return [...between, ...beside];
}

interface Found extends Pick<Mistake, 'problem' | 'got' | 'remedy'> {
  readonly release: Release;
}

/** A gateway would give all such requests to one of the two releases, and none to the other. */
function hostsTaken(all: readonly MadeRelease[]): Found[] {
  const first = new Map<string, Release>();
  const told = new Set<string>();
  return all.flatMap(({ release, authored }) => {
    const { flawed, props, names } = release;
    if (flawed.has('traffic')) return [];
    const objects = authored.map((it) => it.object);
    return props.traffic.claims(names, objects).flatMap((claim): Found[] => {
      const { gateway, host, requests } = claim;
      const place = [gateway, host.toLowerCase()];
      const key = JSON.stringify([...place, canonical(requests)]);
      const known = first.get(key) ?? release;
      first.set(key, known);
      const fault = JSON.stringify([known.id, release.id, ...place]);
      if (known === release || told.has(fault) || haveOneService(known, release)) return [];
      told.add(fault);
      const problem = `release ${known.id} takes the same requests at gateway ${gateway}`;
      const remedy = `give each release a host of its own${requests === null ? '' : ', or matches that differ'}`;
      return [{ release, problem, got: host, remedy }];
    });
  });
}

/** Whether both would write one apex Service, which is told of their objects. */
function haveOneService({ names: one }: Release, { names: other }: Release): boolean {
  return one.apex === other.apex && one.namespace === other.namespace;
}

/** It would be waited for until somebody made it. */
function unknownReleases(releases: readonly Release[]): Found[] {
  const ids = releases.map((it) => it.id);
  return releases.flatMap((release) =>
    (release.props.dependsOn ?? [])
      .filter((it) => !ids.includes(it.release))
      .map(({ release: got }) => {
        const meant = closest(got, ids);
        const others = ids.filter((it) => it !== release.id);
        const known =
          others.length === 0 ? 'there is no other' : `the others are ${others.join(', ')}`;
        const remedy = meant === undefined ? known : `use ${meant}`;
        return { release, problem: 'dependsOn names no release', got, remedy };
      }),
  );
}
