/** Variables for git and all that it starts: those of the process, without what would lead it elsewhere or let it ask. */
export function gitEnvironment(
  environment: Readonly<Record<string, string>>,
): Record<string, string | undefined> {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(
      // Our own may hold secrets, and git's children, such as ssh and credential helpers, need none of them.
      ([name]) => !DROPPED.has(name) && !name.startsWith('PERCH_'),
    ),
  );
  return { ...inherited, ...environment, ...FIXED };
}

/** Nobody sits there: what would ask fails at once instead of waiting for an answer. */
const FIXED = {
  LC_ALL: 'C',
  GIT_TERMINAL_PROMPT: '0',
  // Empty, it also keeps git from core.askPass and SSH_ASKPASS.
  GIT_ASKPASS: '',
  SSH_ASKPASS_REQUIRE: 'never',
  GCM_INTERACTIVE: 'never',
  // What is read must be what the object ids say: replacements would show other content.
  GIT_NO_REPLACE_OBJECTS: '1',
} as const;

/** Where gpg, ssh and credential helpers would show a window or a line that asks. */
const PROMPTS = ['DISPLAY', 'GPG_TTY', 'SSH_ASKPASS', 'WAYLAND_DISPLAY'];

/** From `git rev-parse --local-env-vars`, but the configuration stays the user's. A hook's process has them. */
const REPOSITORY = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_NAMESPACE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
];

const DROPPED = new Set([...REPOSITORY, ...PROMPTS]);
