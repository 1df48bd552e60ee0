import { type ReadAccess, readCommits } from './access.ts';
import { lastLines, mustGit, runGit } from './command.ts';
import { isCutAt } from './history.ts';
import type { Signature } from './repository.ts';

/** The question who vouches for a plan. */
export interface SignatureQuestion {
  /** Tip of the source ref. */
  readonly source: string;
  readonly id: string;
  /** Absolute path of a file as in `man ssh-keygen`, "ALLOWED SIGNERS". */
  readonly allowedSigners: string;
}

/**
 * Whether the commit that made dist/<id> what it is at `source` carries the ssh signature of an allowed signer; see
 * `Reader.signature`. A merge that took the folder from one of its parents as it was made nothing: the commit behind
 * it counts, unless the folder was something else in between, as then the merge has taken a newer plan back.
 */
export async function readSignature(
  access: ReadAccess,
  question: SignatureQuestion,
): Promise<Signature> {
  const { source, id } = question;
  const commit = (
    await mustGit(access.git, {
      arguments: ['rev-list', '--max-count=1', source, '--', `dist/${id}`],
    })
  ).trim();
  const [made] = commit === '' ? [] : await readCommits(access.objects, [commit]);
  if (made === undefined) return bad(`no commit of the source made dist/${id}`);
  const who = `commit ${commit.slice(0, 10)} by ${made.author}, which made dist/${id} what it is,`;
  if (await isCutAt(access, commit))
    return bad(
      `${who} is where this shallow clone was cut off, so nobody can tell who made it: fetch all of its history`,
    );
  const other = await otherBetween(access, question, commit);
  if (other !== undefined)
    return bad(
      `${who} was replaced in commit ${other.slice(0, 10)} and brought back by a merge: commit the plan again, signed`,
    );
  const kind = await signatureKind(access, commit);
  if (kind === undefined) return bad(`${who} is not signed: sign it with an allowed ssh key`);
  if (kind !== 'SSH SIGNATURE')
    return bad(`${who} is signed with ${kind}: only ssh signatures are taken`);
  return verify(access, question, { commit, who });
}

function bad(reason: string): Signature {
  return { kind: 'bad', reason };
}

/** A commit between the one that made the folder and the tip in which the folder was something else. */
async function otherBetween(
  access: ReadAccess,
  { source, id }: SignatureQuestion,
  commit: string,
): Promise<string | undefined> {
  const output = await mustGit(access.git, {
    arguments: [
      ...['rev-list', '--full-history', '--ancestry-path', `${commit}..${source}`],
      ...['--', `dist/${id}`],
    ],
  });
  const between = output.split('\n').filter((line) => line !== '');
  const names = [source, commit, ...between].map((it) => `${it}:dist/${id}`);
  const [now, ...then] = (await access.objects.read(names)).map((object) => object?.oid);
  return [commit, ...between].find((_, index) => then[index] !== now);
}

/** What the signature in a commit says it is; undefined for a commit without one. */
async function signatureKind(access: ReadAccess, commit: string): Promise<string | undefined> {
  const [object] = await access.objects.read([commit]);
  const [headers = ''] = (object?.content.toString('utf8') ?? '').split('\n\n');
  return /^gpgsig(?:-sha256)? -----BEGIN ([^-\n]+)-----/m.exec(headers)?.[1];
}

async function verify(
  access: ReadAccess,
  { allowedSigners }: SignatureQuestion,
  { commit, who }: { readonly commit: string; readonly who: string },
): Promise<Signature> {
  const config = [
    ...access.git.config,
    'gpg.format=ssh',
    `gpg.ssh.allowedSignersFile=${allowedSigners}`,
    // Whoever stands in some key ring of this machine is no allowed signer.
    'gpg.openpgp.program=false',
    'gpg.x509.program=false',
  ];
  const git = { ...access.git, config };
  const output = await runGit(git, { arguments: ['verify-commit', commit] });
  const signer = /^Good "git" signature for (.+) with \S+ key /m.exec(output.stderr)?.[1];
  if (output.exitCode === 0 && signer !== undefined) return { kind: 'good', commit, signer };
  return bad(`${who} is not signed by an allowed signer: ${lastLines(output.stderr)}`);
}
