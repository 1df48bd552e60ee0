import { destination, named, type Reach } from '../reach.ts';

/** By the Service that users know, alone. */
export const kubernetesReach: Reach = (objects, apex) => {
  if (named(objects, 'Service', apex) === undefined) return undefined;
  const to = destination(objects, { service: apex, weight: 100 });
  return [{ asks: [], to: [to], copies: [] }];
};
