import { hostContract } from '../../contract/hosts.ts';
import { bitbucketDataCenterDialect } from '../../embedded/forges/bitbucket-data-center.ts';

hostContract({
  kind: 'bitbucket-data-center',
  dialect: bitbucketDataCenterDialect,
  options: (address, tokenFile) => ({ address, tokenFile }),
  remote: (address) => `${address}/scm/TEAM/live.git`,
  merged: {
    merge: 'merge',
    squash: 'rewritten',
    rebase: 'rewritten',
    'fast-forward': 'fast-forward',
  },
  states: ['INPROGRESS', 'SUCCESSFUL', 'FAILED'],
  reviewer: ['ann', 'ann'],
});
