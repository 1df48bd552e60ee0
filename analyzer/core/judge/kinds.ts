import type { Judge } from '../../../lib/plan/judge.ts';
import { bounds } from './bounds.ts';
import type { JudgeKind } from './kind.ts';
import { ranks } from './ranks.ts';

/** The logic of a judge's kind. */
export function kindOf(judge: Judge): JudgeKind {
  return KINDS[judge.kind];
}

const KINDS: { readonly [Kind in Judge['kind']]: JudgeKind<Extract<Judge, { kind: Kind }>> } = {
  bounds,
  ranks,
};
