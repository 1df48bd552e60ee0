import { httpAddressMistakes, portOf } from '../gitops/repository.ts';
import type { JsonObject } from '../manifest/json.ts';
import type { Reproof } from '../mistake.ts';
import { labelReproofs } from '../names.ts';
import { DEFAULT_SOURCE } from '../plan/plan.ts';
import type { AnalyzerProps, MetricsAccess, PublicFile } from './analyzer-props.ts';
import { type MountedConfiguration, mountedConfiguration, type Paths } from './mounted.ts';

/** What is mounted for `metricStores`; undefined where there are none. */
export function mountedStores(props: AnalyzerProps): MountedConfiguration | undefined {
  const stores = Object.entries(props.metricStores ?? {});
  const described = stores.map(([store, it]) => ({
    name: store,
    describe: (paths: Paths) => description(it, paths),
    files: filesOf(it),
  }));
  return mountedConfiguration(props, 'metric-stores', 'stores.yaml', described);
}

/** One store in the words of `--metrics-config`. */
function description(
  { url, basic, headers, acceptPartial }: MetricsAccess,
  paths: Paths,
): JsonObject {
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
