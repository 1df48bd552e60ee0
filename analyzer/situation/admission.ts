import { type Policy, policyWith } from '../../lib/plan/policy.ts';
import { type BlobText, manifestBlobs, planExamination } from '../core/admission/policy.ts';
import { atRest, type PlanTree } from '../core/position.ts';
import type { Situation } from '../core/situation.ts';
import { GitError } from '../git/git-error.ts';
import type { Reader, Signature } from '../git/repository.ts';
import { inTurn } from '../turn.ts';

/** What a plan must pass before it may be pinned. */
export interface Admission {
  readonly policy: Policy;
  /** Absolute path of git's allowed signers file. @default - plans need no signature */
  readonly allowedSigners?: string | undefined;
}

/** That of an analyzer without flags. */
export const USUAL_ADMISSION: Admission = { policy: policyWith() };

/** What was said about plans before, so that a plan that stays refused is not read again in each pass. */
export type AdmissionMemory = Map<string, readonly string[]>;

/**
 * Adds why the newest plan must not be pinned, as its files and its signature say. Only a plan that could be pinned
 * next is looked at: reading it costs some milliseconds, and an idle release none.
 *
 * @param source tip of the source ref
 * @throws GitError when the clone cannot be read
 */
export async function withRefusals(
  reader: Pick<Reader, 'texts' | 'signature'>,
  source: string | undefined,
  situation: Situation,
  admission: Admission,
  memory: AdmissionMemory,
): Promise<Situation> {
  const { dist, id } = situation;
  if (source === undefined || dist.kind !== 'known' || !couldBePinned(situation, dist.value))
    return situation;
  if (memory.size > MOST_REMEMBERED) memory.clear();
  const plan = await remembered(memory, `${id} ${dist.value.tree}`, () =>
    faultsOf(reader, id, dist.value, admission.policy),
  );
  const refused =
    plan.length > 0 ? plan : await signatureFaults(reader, source, id, admission, memory);
  return refused.length === 0 ? situation : { ...situation, refused };
}

/** So many answers are remembered before the memory starts anew. */
const MOST_REMEMBERED = 10_000;

/** Whether the newest plan may be pinned next: neither the stable one, where a rollback ends, nor the one in use is pinned again. */
export function couldBePinned({ state, plan, stable }: Situation, dist: PlanTree): boolean {
  if (state.kind === 'broken') return false;
  if (stable.kind === 'known' && stable.value.tree === dist.tree) return false;
  const inUse = plan.kind === 'known' && plan.value.tree === dist.tree;
  return !inUse || (state.kind === 'known' && atRest(state.value.position));
}

async function faultsOf(
  reader: Pick<Reader, 'texts'>,
  id: string,
  dist: PlanTree,
  policy: Policy,
): Promise<readonly string[]> {
  const blobs = manifestBlobs(dist);
  if (blobs.length > MOST_FILES)
    return [
      `dist/${id} holds ${blobs.length} files, more than the ${MOST_FILES} that are looked at`,
    ];
  const texts = new Map<string, BlobText>();
  let length = 0;
  for (const blob of blobs) {
    const text = await readText(reader, blob);
    length += text.kind === 'text' ? text.text.length : 0;
    if (length > LONGEST_PLAN)
      return [`the files of dist/${id} have more than ${LONGEST_PLAN} characters: make it smaller`];
    texts.set(blob, text);
  }
  return examine(planExamination(id, dist, texts, policy));
}

/** Between two files everybody else has a turn. */
async function examine(examination: Iterable<string | undefined>): Promise<readonly string[]> {
  const steps = examination[Symbol.iterator]();
  const faults: string[] = [];
  for (let done = false; !done; ) done = await inTurn(() => examineSome(steps, faults));
  return faults;
}

/** @returns whether that was all */
function examineSome(steps: Iterator<string | undefined>, faults: string[]): boolean {
  const until = performance.now() + LONGEST_TURN_MS;
  while (performance.now() < until) {
    const { done, value } = steps.next();
    if (done === true) return true;
    if (value !== undefined) faults.push(value);
  }
  return false;
}

const LONGEST_TURN_MS = 20;

/** A release has some dozens of files; hostile ones would make the analyzer read for ever. */
const MOST_FILES = 2000;
const LONGEST_PLAN = 8 * 1024 ** 2;

async function readText(reader: Pick<Reader, 'texts'>, blob: string): Promise<BlobText> {
  try {
    const [text = ''] = await reader.texts([blob]);
    return { kind: 'text', text };
  } catch (error) {
    if (!(error instanceof GitError) || error.retryable) throw error;
    return { kind: 'unreadable', reason: error.message };
  }
}

/** Remembered while it is good: what allows a signer may change from one pass to the next. */
async function signatureFaults(
  reader: Pick<Reader, 'signature'>,
  source: string,
  id: string,
  { allowedSigners }: Admission,
  memory: AdmissionMemory,
): Promise<readonly string[]> {
  if (allowedSigners === undefined) return [];
  const key = `signature ${source} ${id}`;
  if (memory.has(key)) return [];
  const signature = await reader.signature(source, id, allowedSigners);
  if (signature.kind === 'good') memory.set(key, []);
  return faultsOfSignature(signature);
}

function faultsOfSignature(signature: Signature): readonly string[] {
  return signature.kind === 'good' ? [] : [signature.reason];
}

async function remembered(
  memory: AdmissionMemory,
  key: string,
  ask: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const known = memory.get(key);
  if (known !== undefined) return known;
  const found = await ask();
  memory.set(key, found);
  return found;
}
