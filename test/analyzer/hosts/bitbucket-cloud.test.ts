import { hostContract } from '../../contract/hosts.ts';
import { bitbucketCloudDialect } from '../../embedded/forges/bitbucket-cloud.ts';

hostContract({
  kind: 'bitbucket-cloud',
  dialect: bitbucketCloudDialect,
  options: (address, tokenFile) => ({
    address,
    apiAddress: `${address}/2.0`,
    username: 'bot@example.com',
    tokenFile,
  }),
  remote: (address) => `${address}/team/live.git`,
  merged: {
    merge: 'merge',
    squash: 'rewritten',
    rebase: 'rewritten',
    'fast-forward': 'fast-forward',
  },
  states: ['INPROGRESS', 'SUCCESSFUL', 'FAILED'],
  reviewer: ['{8}', '{8}'],
});
