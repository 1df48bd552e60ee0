import { hostContract } from '../../contract/hosts.ts';
import { giteaDialect } from '../../embedded/forges/gitea.ts';

hostContract({
  kind: 'gitea',
  dialect: giteaDialect,
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
