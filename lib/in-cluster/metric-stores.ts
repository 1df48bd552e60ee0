import { httpAddressMistakes, portOf } from '../gitops/repository.ts';
import { canonical, type Json, type JsonObject, type Manifest } from '../manifest/json.ts';
import { toYaml } from '../manifest/yaml.ts';
import type { Reproof } from '../mistake.ts';
import { labelReproofs } from '../names.ts';
import { DEFAULT_SOURCE } from '../plan/plan.ts';
import { underContentHash } from '../workload/versioned.ts';
import type { AnalyzerProps, MetricsAccess, PublicFile } from './analyzer-props.ts';

const FOLDER = '/etc/perch/metric-stores';
const FILE = 'stores.yaml';

/** The metric stores of checks that name one, as a pod gets them. */
export interface MountedStores {
  /** Describes them; its name tells its content, so that a change is a change of the pod. */
  readonly configMap: Manifest;
  /** Holds that description, and for each store a folder with what logs in there. */
  readonly volume: JsonObject & { readonly name: string };
  /** Where the volume is mounted. */
  readonly folder: string;
  /** The description's path, for `--metrics-config`. */
  readonly path: string;
}

/** What is mounted for `metricStores`; undefined where there are none. */
export function mountedStores(props: AnalyzerProps): MountedStores | undefined {
  const { name = 'perch', namespace = 'perch', metricStores = {} } = props;
  const stores = Object.entries(metricStores);
  if (stores.length === 0) return undefined;
  const described = stores.map(([store, it]) => [store, description(store, it)] as const);
  const configMap = underContentHash({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${name}-metric-stores`, namespace },
    data: { [FILE]: toYaml(canonical<Json>(Object.fromEntries(described))) },
  });
  const sources = [
    source({ configMap: configMap.metadata.name, key: FILE }, FILE),
    ...stores.flatMap(([store, it]) =>
      filesOf(it).map(([file, from]) => source(from, `${store}/${file}`)),
    ),
  ];
  // One volume for all, as the name of one may be no longer than that of a single store.
  const volume = { name: 'metric-stores', projected: { sources, defaultMode: 0o440 } };
  return { configMap, volume, folder: FOLDER, path: `${FOLDER}/${FILE}` };
}

/** One store in the words of `--metrics-config`. */
function description(store: string, access: MetricsAccess): JsonObject {
  const { url, basic, headers, acceptPartial } = access;
  const paths = new Map(filesOf(access).map(([file]) => [file, `${FOLDER}/${store}/${file}`]));
  return {
    kind: 'prometheus',
    address: url,
    bearerTokenFile: paths.get('token'),
    username: basic?.user,
    passwordFile: paths.get('password'),
    caFile: paths.get('ca'),
    headers,
    headersFile: paths.get('headers'),
    acceptPartial,
  };
}

type StoreFile = 'token' | 'password' | 'ca' | 'headers';

function filesOf({
  token,
  basic,
  ca,
  headersFile,
}: MetricsAccess): (readonly [StoreFile, PublicFile])[] {
  const all: readonly (readonly [StoreFile, PublicFile | undefined])[] = [
    ['token', token],
    ['password', basic?.password],
    ['ca', ca],
    ['headers', headersFile],
  ];
  return all.flatMap(([file, from]) => (from === undefined ? [] : [[file, from] as const]));
}

function source(from: PublicFile, path: string): JsonObject {
  const items = [{ key: from.key, path }];
  if ('configMap' in from) return { configMap: { name: from.configMap, items } };
  return { secret: { name: from.secret, items } };
}

/** The ports of all stores, each once. */
export function storePorts({ metrics, metricStores = {} }: AnalyzerProps): readonly number[] {
  return [...new Set([metrics, ...Object.values(metricStores)].map((it) => portOf(it.url)))];
}

/** What is wrong with the stores. */
export function storeMistakes(props: AnalyzerProps): Reproof[] {
  const { metrics, metricStores = {} } = props;
  return [
    ...accessMistakes('metrics', metrics),
    ...Object.entries(metricStores).flatMap(([name, it]) => [
      ...nameMistakes(name),
      ...accessMistakes(`metricStores.${name}`, it),
    ]),
  ];
}

function nameMistakes(name: string): Reproof[] {
  if (name !== DEFAULT_SOURCE) return labelReproofs('a name in metricStores', name);
  return [
    {
      problem: `metricStores has a store ${DEFAULT_SOURCE}, which is the one of metrics`,
      remedy: 'describe it with metrics, or give it another name',
    },
  ];
}

function accessMistakes(field: string, { url, token, basic }: MetricsAccess): Reproof[] {
  const mistakes = httpAddressMistakes(`${field}.url`, url);
  if (mistakes.length === 0 && /[?#]/.test(url))
    mistakes.push({
      problem: `${field}.url has parameters in it, and paths of the API are put behind it`,
      remedy: 'leave them out; headers may say what they did',
    });
  if (token !== undefined && basic !== undefined)
    mistakes.push({
      problem: `${field} has both a token and basic, and a request carries one of them`,
      remedy: 'leave one of them out',
    });
  return mistakes;
}

/** Checks whose store the analyzer does not know: they would be inconclusive for ever. */
export function strangerMistakes({ plans, metricStores = {} }: AnalyzerProps): Reproof[] {
  const isKnown = (it: string) => it === DEFAULT_SOURCE || Object.hasOwn(metricStores, it);
  return plans.flatMap(({ release, checks }) =>
    checks
      .filter((it) => !isKnown(it.source))
      .map(({ name, source: got }) => ({
        problem: `release ${release}: check ${name} asks a metric store that the analyzer does not have`,
        got,
        remedy: `give the analyzer metricStores: { '${got}': { url: '…' } }, or leave source out of the check`,
      })),
  );
}
