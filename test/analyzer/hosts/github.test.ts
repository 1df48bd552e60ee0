import { hostContract } from '../../contract/hosts.ts';
import { githubDialect } from '../../embedded/forges/github.ts';

hostContract({
  kind: 'github',
  dialect: githubDialect,
  options: (address, tokenFile) => ({ address, tokenFile }),
  remote: (address) => `${address}/team/live.git`,
  merged: {
    merge: 'merge',
    squash: 'rewritten',
    rebase: 'rewritten',
    'fast-forward': 'fast-forward',
  },
  states: ['pending', 'success', 'failure'],
  reviewer: ['ann', 'ann'],
});
