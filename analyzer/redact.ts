/** How a line of a credentials file looks: the one address with a user in it that our own sentences show. */
export const CREDENTIALS_LINE = 'https://user:token@host';

/** What stands where something is hidden. */
const HIDDEN = '***';

/** A user whose name says nothing: how forges call the one whom ssh logs in as. */
const NO_SECRET = 'git';

/** What does not begin with one of these is no URL, but may still hold a secret that looks like its beginning. */
const SCHEME = /^(?:https?|ssh|git|file|ftps?|git\+ssh|ssh\+git|git\+https?):\/\//i;

const SCHEME_ANYWHERE = /(?:https?|ssh|git|file|ftps?|git\+ssh|ssh\+git|git\+https?):\/\//i;

/**
 * An address as it may be shown: without whoever it logs in as, and without parameters. Whatever could be a part of
 * those is hidden, also where the address is none: passwords hold slashes and question marks.
 */
export function redactAddress(address: string): string {
  const [scheme = ''] = SCHEME.exec(address) ?? [];
  // A folder logs nobody in.
  if (scheme === '' && /^[/.~]/.test(address)) return address;
  const rest = address.slice(scheme.length);
  const user = rest.lastIndexOf('@');
  const question = rest.search(/[?#]/);
  // What follows such an @ may be the rest of a password or of a parameter.
  if (question >= 0 && question < user) return `${scheme}${HIDDEN}`;
  const place = question < 0 ? rest.slice(user + 1) : rest.slice(user + 1, question);
  const who = user < 0 ? '' : rest.slice(0, user) === NO_SECRET ? `${NO_SECRET}@` : `${HIDDEN}@`;
  return `${scheme}${who}${place}${question < 0 ? '' : `?${HIDDEN}`}`;
}

/** Why an address must not be used as it is, in words that repeat nothing of it; undefined where nothing is in it. */
export function credentialsFault(address: string): string | undefined {
  const [scheme = ''] = SCHEME.exec(address) ?? [];
  if (scheme === '' && /^[/.~]/.test(address)) return undefined;
  const rest = address.slice(scheme.length);
  if (SECRET_PARAMETER.test(rest)) return 'has a parameter that looks like a password';
  const user = rest.lastIndexOf('@');
  if (user < 0) return undefined;
  const isSsh = scheme === '' || /ssh/i.test(scheme);
  // An ssh user is a name; with a colon in it there is a password behind.
  if (isSsh && !/[:/?#@]/.test(rest.slice(0, user))) return undefined;
  return 'has a user name, a token or a password in it';
}

/**
 * Somebody else's words, such as git's, without what logs in: users of addresses, parameters, authorization headers.
 * Our own sentences go through it unharmed.
 */
export function redact(text: string): string {
  return text
    .split(CREDENTIALS_LINE)
    .map((piece) => piece.split('\n').map(redactLine).join('\n'))
    .join(CREDENTIALS_LINE);
}

function redactLine(line: string): string {
  return (
    line
      .replace(/\S+/g, (run) => redactRun(run))
      // An address in quotes may have blanks and quotes in it: it reaches to the last quote that ends a word.
      .replace(/(['"])(.+)\1(?=[\s:;,.)\]]|$)/g, (whole, mark: string, inner: string) =>
        /:\/\/.*@/.test(inner) ? `${mark}${redactUrl(inner)}${mark}` : whole,
      )
      .replace(SECRET_PARAMETERS, (_, before: string) => `${before}${HIDDEN}`)
      .replace(
        /(authorization:\s*)(?:(?:basic|bearer|token)\s+)?\S+/gi,
        (_, before: string) => `${before}${HIDDEN}`,
      )
  );
}

/** Without blanks; what opens or closes a sentence or a bracket around an address is no part of it. */
function redactRun(run: string): string {
  const [lead = ''] = /^[('"<[{]*/.exec(run) ?? [];
  const [end = ''] = /[)\]}>'",.;:]*$/.exec(run.slice(lead.length)) ?? [];
  const core = run.slice(lead.length, run.length - end.length);
  if (core.includes('://')) return `${lead}${redactUrl(core)}${end}`;
  const isShort = /@[\w.-]+:[^@]*$/.test(`${core}${end}`);
  return isShort ? `${lead}${redactAddress(core)}${end}` : run;
}

/** A text with an address in it. Words before it stay, unless they may be a part of what logs in. */
function redactUrl(text: string): string {
  const start = text.search(SCHEME_ANYWHERE);
  const before = text.slice(0, Math.max(0, start));
  const shown = text.includes('@') && /\S$/.test(before) ? HIDDEN : before;
  return `${shown}${redactAddress(text.slice(before.length))}`;
}

const SECRET_PARAMETER =
  /[?&#;](?:(?:access|private|auth|oauth|id|job|deploy|refresh)?[_-]?token|sig|signature|x-amz-[a-z-]+|(?:api[_-]?)?key|password|passwd|pwd|(?:client[_-]?)?secret|credential|code|auth)=/i;
const SECRET_PARAMETERS =
  /([?&#;](?:(?:access|private|auth|oauth|id|job|deploy|refresh)?[_-]?token|sig|signature|x-amz-[a-z-]+|(?:api[_-]?)?key|password|passwd|pwd|(?:client[_-]?)?secret|credential|code|auth)=)\S*/gi;
