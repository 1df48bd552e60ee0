/** Version of the format of plan.yaml and state.yaml that this version of Perch writes; docs/upgrades.md lists them. */
export const FORMAT = 4;

/** Data of one version of a format, as the next version has it. What is not as it should be is left to the schema. */
export type Upgrade = (old: Fields) => Fields;

/** The fields of an object whose types nobody knows yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Data in the format of today, or of a version that does not exist yet. */
export type Upgraded =
  | { readonly kind: 'today'; readonly value: unknown }
  | { readonly kind: 'newer'; readonly version: number };

/**
 * Brings data of any version that was ever written to today's. Every reader of a plan or a state goes through it.
 *
 * @param upgrades the first from version 1 to 2, and so on up to today's
 */
export function upgraded(value: unknown, upgrades: readonly Upgrade[]): Upgraded {
  if (!isFields(value)) return { kind: 'today', value };
  const { version } = value;
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1)
    return { kind: 'today', value };
  if (version > FORMAT) return { kind: 'newer', version };
  const today = upgrades
    .slice(version - 1)
    .reduce((it, upgrade, index) => ({ ...upgrade(it), version: version + index + 1 }), value);
  return { kind: 'today', value: today };
}

/** What a file of a newer version says to whoever reads it, after its name. @param what `plan` or `state` */
export function newerText(what: string, version: number): string {
  return (
    `is a ${what} of format ${version}, and this version of Perch reads formats up to ${FORMAT}: ` +
    'upgrade Perch here, analyzers first'
  );
}

/** Changes each element of a list of objects; what is none is left as it is. */
export function eachOf(list: unknown, change: Upgrade): unknown {
  return Array.isArray(list) ? list.map((it) => (isFields(it) ? change(it) : it)) : list;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
