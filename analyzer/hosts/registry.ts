import * as z from 'zod';
import { faultsText } from '../../lib/plan/parse.ts';
import { azureDevops, azureDevopsOptions } from './azure-devops.ts';
import { bitbucketCloud, bitbucketCloudOptions } from './bitbucket-cloud.ts';
import { bitbucketDataCenter, bitbucketDataCenterOptions } from './bitbucket-data-center.ts';
import { gitea, giteaOptions } from './gitea.ts';
import { github, githubOptions } from './github.ts';
import { gitlab, gitlabOptions } from './gitlab.ts';
import type { HostSite } from './site.ts';

/** Every kind of Git host, by the name that configuration gives it. */
export const hostKinds = {
  github,
  gitlab,
  gitea,
  'bitbucket-cloud': bitbucketCloud,
  'bitbucket-data-center': bitbucketDataCenter,
  'azure-devops': azureDevops,
} satisfies Record<string, (options: never) => HostSite>;

type Opener = () => HostSite;

const siteSchema: z.ZodType<Opener> = z.discriminatedUnion('kind', [
  of('github', githubOptions).transform((it) => () => github(it)),
  of('gitlab', gitlabOptions).transform((it) => () => gitlab(it)),
  of('gitea', giteaOptions).transform((it) => () => gitea(it)),
  of('bitbucket-cloud', bitbucketCloudOptions).transform((it) => () => bitbucketCloud(it)),
  of('bitbucket-data-center', bitbucketDataCenterOptions).transform(
    (it) => () => bitbucketDataCenter(it),
  ),
  of('azure-devops', azureDevopsOptions).transform((it) => () => azureDevops(it)),
]);
const sitesSchema = z.record(z.string(), siteSchema);

function of<K extends keyof typeof hostKinds, S extends z.ZodRawShape>(
  kind: K,
  options: z.ZodObject<S>,
) {
  return options.extend({ kind: z.literal(kind) });
}

/**
 * Reads which hosts a configuration describes: by name, each with a kind and what that kind asks for. No other way
 * leads to a host.
 *
 * @param place where it came from, for the message
 * @throws Error that names the place, the host and the remedy
 */
export function openSites(configuration: unknown, place: string): readonly HostSite[] {
  const result = sitesSchema.safeParse(configuration);
  if (!result.success)
    throw new Error(
      `${place} does not describe Git hosts: ${faultsText(result.error)}. ` +
        `It has the names of hosts, each with a kind (${Object.keys(hostKinds).join(', ')}) and its options; docs/hosts.md shows them.`,
    );
  return Object.entries(result.data).map(([name, open]) => {
    try {
      return open();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${place}: host ${name}: ${reason}`);
    }
  });
}
