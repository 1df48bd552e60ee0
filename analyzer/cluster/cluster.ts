import type { Answer } from '../core/answer.ts';
import type { ObjectReading, ObjectRef } from '../core/cluster/reading.ts';

/** What the API server showed, and what its clock said. */
export interface ClusterReading {
  /** In the order of the question. */
  readonly objects: readonly ObjectReading[];
  /** The API server's own time in Unix seconds, where it told. */
  readonly serverTime?: number | undefined;
}

/** A cluster, read only. `unknown` when it cannot be reached; one unreadable object is its own reading. */
export interface Cluster {
  /** @param until ends the question early @default - it has a time limit of its own alone */
  read(objects: readonly ObjectRef[], until?: AbortSignal): Promise<Answer<ClusterReading>>;
}
