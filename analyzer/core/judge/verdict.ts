import type { Track } from '../../../lib/plan/plan.ts';

/** What one point, or a whole step, says about the candidate. */
export type Verdict = 'pass' | 'fail' | 'unknown';

/** What a check's queries said at one moment, by the track that they ask about. */
export type Values = Readonly<Partial<Record<Track, number | undefined>>>;
