import { httpAddressMistakes, portOf } from '../gitops/repository.ts';
import type { JsonObject } from '../manifest/json.ts';
import type { Reproof } from '../mistake.ts';
import { labelReproofs } from '../names.ts';
import type { AnalyzerProps, GitHostAccess, PublicFile } from './analyzer-props.ts';
import { type MountedConfiguration, mountedConfiguration, type Paths } from './mounted.ts';

/** What is mounted for `gitHosts`; undefined where there are none. */
export function mountedHosts(props: AnalyzerProps): MountedConfiguration | undefined {
  const described = Object.entries(props.gitHosts ?? {}).map(([name, it]) => ({
    name,
    describe: (paths: Paths) => description(it, paths),
    files: filesOf(it),
  }));
  return mountedConfiguration(props, 'git-hosts', 'hosts.yaml', described);
}

/** One host in the words of `--hosts-config`. */
function description(access: GitHostAccess, paths: Paths): JsonObject {
  const app = 'app' in access ? access.app : undefined;
  return {
    kind: access.kind,
    address: 'url' in access ? access.url : undefined,
    tokenFile: paths.get('token'),
    app: app === undefined ? undefined : { id: app.id, privateKeyFile: paths.get('key') },
    username: 'user' in access ? access.user : undefined,
    caFile: paths.get('ca'),
  };
}

function filesOf(access: GitHostAccess): (readonly [string, PublicFile])[] {
  const all: readonly (readonly [string, PublicFile | undefined])[] = [
    ['token', access.token],
    ['key', 'app' in access ? access.app?.privateKey : undefined],
    ['ca', 'ca' in access ? access.ca : undefined],
  ];
  return all.flatMap(([file, from]) => (from === undefined ? [] : [[file, from] as const]));
}

/** The ports of all hosts, each once; the public ones are asked over https. */
export function hostPorts({ gitHosts = {} }: AnalyzerProps): readonly number[] {
  const urls = Object.values(gitHosts).map((it) => ('url' in it ? it.url : undefined));
  return [...new Set(urls.map((it) => (it === undefined ? 443 : portOf(it))))];
}

/** What is wrong with the hosts. */
export function hostMistakes({ gitHosts = {} }: AnalyzerProps): Reproof[] {
  return Object.entries(gitHosts).flatMap(([name, it]) => [
    ...labelReproofs('a name in gitHosts', name),
    ...('url' in it && it.url !== undefined
      ? httpAddressMistakes(`gitHosts.${name}.url`, it.url)
      : []),
    ...loginMistakes(name, it),
  ]);
}

function loginMistakes(name: string, access: GitHostAccess): Reproof[] {
  if (access.kind !== 'github' || (access.token === undefined) !== (access.app === undefined))
    return [];
  return [
    {
      problem: `gitHosts.${name} needs either a token or an app to log in with`,
      remedy: 'give it one of them',
    },
  ];
}
