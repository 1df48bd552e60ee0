import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { kindFault, policyWith } from '../../lib/plan/policy.ts';
import type { Admission } from '../situation/admission.ts';
import { UsageError } from '../usage-error.ts';
import { flag } from './options.ts';

/** Flags that say which plans may be pinned. */
export interface AdmissionFlags {
  readonly allowKind?: readonly string[];
  readonly allowedSigners?: string;
}

/** Adds them. */
export function addAdmissionFlags(command: Command): Command {
  return command
    .addOption(
      flag(
        '--allow-kind <group/Kind>',
        'one more namespaced kind that releases may hold, such as rbac.authorization.k8s.io/Role; several with commas, or several times',
        'PERCH_ALLOW_KIND',
      ).argParser(addKinds),
    )
    .addOption(
      flag(
        '--allowed-signers <file>',
        "run only plans whose last commit is signed by one of these ssh keys; git's allowed signers file",
        'PERCH_ALLOWED_SIGNERS',
      ),
    );
}

/** The admission that the flags describe. @throws UsageError for a file that cannot be read */
export function admissionOf({ allowKind, allowedSigners }: AdmissionFlags): Admission {
  const policy = policyWith(allowKind);
  if (allowedSigners === undefined) return { policy };
  const path = resolve(allowedSigners);
  try {
    accessSync(path, constants.R_OK);
  } catch {
    throw new UsageError(
      `the allowed signers file ${path} cannot be read: it holds lines like ann@example.com ssh-ed25519 AAAA…`,
    );
  }
  return { policy, allowedSigners: path };
}

function addKinds(text: string, before: readonly string[] = []): readonly string[] {
  const kinds = text.split(',').map((it) => it.trim());
  for (const kind of kinds) {
    const fault = kindFault(kind);
    if (fault !== undefined) throw new InvalidArgumentError(`${kind}: ${fault}`);
  }
  return [...before, ...kinds];
}
