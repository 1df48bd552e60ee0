import { hostContract } from '../../contract/hosts.ts';
import { gitlabDialect } from '../../embedded/forges/gitlab.ts';

hostContract({
  kind: 'gitlab',
  dialect: gitlabDialect,
  options: (address, tokenFile) => ({ address, tokenFile }),
  remote: (address) => `${address}/team/sub/live.git`,
  merged: {
    merge: 'merge',
    squash: 'squash',
    rebase: 'fast-forward',
    'fast-forward': 'fast-forward',
  },
  states: ['pending', 'success', 'failed'],
  reviewer: ['ann', 'ann'],
});
