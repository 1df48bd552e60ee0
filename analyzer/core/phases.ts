/** The phases as Flagger's users know them; a rollback has a name of its own, as it takes several commits here. */
export type Phase = (typeof PHASES)[number];

/** All of them, in the order of a rollout. */
export const PHASES = [
  'Initializing',
  'Initialized',
  'Waiting',
  'Progressing',
  'WaitingPromotion',
  'Promoting',
  'Finalising',
  'RollingBack',
  'Succeeded',
  'Failed',
  'Paused',
  'Orphaned',
] as const;
