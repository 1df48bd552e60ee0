import { canonical, type Json, type JsonObject, type Manifest } from '../manifest/json.ts';
import { toYaml } from '../manifest/yaml.ts';
import { underContentHash } from '../workload/versioned.ts';
import type { AnalyzerProps, PublicFile } from './analyzer-props.ts';

/** A configuration file of several things with credentials, as a pod gets it. */
export interface MountedConfiguration {
  /** Describes them; its name tells its content, so that a change is a change of the pod. */
  readonly configMap: Manifest;
  /** Holds that description, and for each thing a folder with what logs in there. */
  readonly volume: JsonObject & { readonly name: string };
  /** Where the volume is mounted. */
  readonly folder: string;
  /** The description's path, for the flag that names it. */
  readonly path: string;
}

/** Where the files of one thing are mounted, by their names. */
export type Paths = ReadonlyMap<string, string>;

/** One thing, with the files that it needs. */
export interface Described {
  readonly name: string;
  readonly files: readonly (readonly [file: string, from: PublicFile])[];
  /** In the words of the configuration file. */
  describe(paths: Paths): JsonObject;
}

/** What is mounted for all of them; undefined where there are none. @param file name of the configuration file */
export function mountedConfiguration(
  { name = 'perch', namespace = 'perch' }: AnalyzerProps,
  volume: string,
  file: string,
  all: readonly Described[],
): MountedConfiguration | undefined {
  if (all.length === 0) return undefined;
  const folder = `/etc/perch/${volume}`;
  const described = all.map((it) => {
    const paths = it.files.map(([one]) => [one, `${folder}/${it.name}/${one}`] as const);
    return [it.name, it.describe(new Map(paths))] as const;
  });
  const configMap = underContentHash({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${name}-${volume}`, namespace },
    data: { [file]: toYaml(canonical<Json>(Object.fromEntries(described))) },
  });
  const sources = [
    source({ configMap: configMap.metadata.name, key: file }, file),
    ...all.flatMap((it) => it.files.map(([one, from]) => source(from, `${it.name}/${one}`))),
  ];
  // One volume for all, as the name of one may be no longer than that of a single thing.
  return {
    configMap,
    volume: { name: volume, projected: { sources, defaultMode: 0o440 } },
    folder,
    path: `${folder}/${file}`,
  };
}

function source(from: PublicFile, path: string): JsonObject {
  const items = [{ key: from.key, path }];
  if ('configMap' in from) return { configMap: { name: from.configMap, items } };
  return { secret: { name: from.secret, items } };
}
