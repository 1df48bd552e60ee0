import { hostContract } from '../../contract/hosts.ts';
import { azureDevopsDialect } from '../../embedded/forges/azure-devops.ts';

hostContract({
  kind: 'azure-devops',
  dialect: azureDevopsDialect,
  options: (address, tokenFile) => ({ address: `${address}/team`, tokenFile }),
  remote: (address) => `${address}/team/shop/_git/live`,
  merged: { merge: 'merge', squash: 'squash', rebase: 'rebase', 'fast-forward': 'fast-forward' },
  states: ['pending', 'succeeded', 'failed'],
  reviewer: ['guid-8', 'guid-8'],
});
