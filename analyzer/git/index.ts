export type { GitEvent } from './command.ts';
export { GitError } from './git-error.ts';
export { type Identity, originOf, personIdentity } from './identity.ts';
export { initBranch } from './init-branch.ts';
export { messageText } from './message.ts';
export { type LocalOptions, openLocal, openRepository, type RepositoryOptions } from './open.ts';
export type { RemoteBranch } from './remote.ts';
export type * from './repository.ts';
