import type { Kubernetes } from './servers/kubernetes.ts';

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** What a kubelet would say, where there is none. */
export interface Kubelet {
  /**
   * Says that pods are ready which are not yet.
   *
   * @param most how many at once
   * @returns the names of those that were made ready
   */
  beat(most?: number): Promise<readonly string[]>;
}

/** Plays the kubelet for the pods of one namespace; they stay without a node. */
export function playKubelet(kubectl: Kubernetes['kubectl'], namespace: string): Kubelet {
  const within = `--namespace=${namespace}`;
  return {
    async beat(most = Number.POSITIVE_INFINITY) {
      const { items } = JSON.parse(await kubectl(['get', 'pods', '--output=json', within])) as {
        readonly items: readonly Pod[];
      };
      const names = items.filter(isWaiting).map((it) => it.metadata.name);
      const chosen = names.sort().slice(0, most);
      if (chosen.length === 0) return [];
      const lastTransitionTime = new Date().toISOString();
      const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime }];
      const patch = JSON.stringify({ status: { phase: 'Running', conditions } });
      const flags = ['--subresource=status', '--type=merge', `--patch=${patch}`, within];
      await kubectl(['patch', 'pods', ...chosen, ...flags]).catch(ignoreGone);
      return chosen;
    },
  };
}

function isWaiting({ metadata, status }: Pod): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return !(status?.conditions ?? []).some((it) => it.type === 'Ready' && it.status === 'True');
}

/** A controller may remove a pod between the two requests. */
function ignoreGone(error: Error): void {
  if (!error.message.includes('NotFound')) throw error;
}
