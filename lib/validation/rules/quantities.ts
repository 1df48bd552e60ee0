import { isObject, type Json, type JsonObject, objectAt } from '../../manifest/json.ts';
import { all, type Check, entries, type Finding, fields, own, text } from './check.ts';
import { isQualified } from './names.ts';

const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;

/** What to multiply by. */
const LARGER: Readonly<Record<string, number>> = {
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** What to divide by: exact where a product with a fraction is not. */
const SMALLER: Readonly<Record<string, number>> = { m: 1e3, u: 1e6, n: 1e9 };

/** The amount that a quantity such as `1.5Gi` says; undefined for what is none. */
export function amountOf(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value;
  const [, digits, suffix = ''] = (typeof value === 'string' && QUANTITY.exec(value)) || [];
  if (digits === undefined) return undefined;
  if (/^[eE]./.test(suffix)) return Number(`${digits}${suffix}`);
  return (Number(digits) * (LARGER[suffix] ?? 1)) / (SMALLER[suffix] ?? 1);
}

/** An amount of something, zero or more. */
export const quantity: Check = all(
  text((it) => amountOf(it) !== undefined, 'a quantity', 'write it as 500m, 2, 1.5Gi or 100M'),
  (value, pointer) => below(value, pointer, 0),
);

/** An amount of something, more than nothing. */
export const someQuantity: Check = all(quantity, (value, pointer) =>
  amountOf(value) === 0
    ? [{ pointer, problem: 'must be more than 0', got: value, remedy: 'correct it' }]
    : [],
);

function below(value: Json, pointer: string, least: number): readonly Finding[] {
  const amount = amountOf(value);
  if (amount === undefined || amount >= least) return [];
  return [{ pointer, problem: `must be ${least} or more`, got: value, remedy: 'correct it' }];
}

const NATIVE: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);

const isHugePage = (name: string) => name.startsWith('hugepages-');

/** Devices and huge pages are given to one container alone, in whole numbers. */
const isExclusive = (name: string) =>
  isHugePage(name) || (name.includes('/') && !/(?:^|\.)kubernetes\.io\//.test(name));

const resourceName: Check = text(
  (it) => NATIVE.has(it) || isHugePage(it) || (it.includes('/') && isQualified(it)),
  'cpu, memory, ephemeral-storage, hugepages-… or a name with a domain, such as example.com/gpu',
  'correct the name',
);

/** What a container needs and may use. */
export const resources: Check = all(
  fields({ requests: entries(resourceName, quantity), limits: entries(resourceName, quantity) }),
  (value, pointer) => (isObject(value) ? resourceFindings(value, pointer) : []),
);

function resourceFindings(value: JsonObject, pointer: string): readonly Finding[] {
  const requests = objectAt(value, 'requests');
  const limits = objectAt(value, 'limits');
  const compared = Object.entries(requests).flatMap(([name, got]) => {
    const request = amountOf(got);
    const limit = amountOf(own(limits, name));
    if (request === undefined) return [];
    const here = { pointer: `${pointer}/requests/${name.replaceAll('/', '~1')}`, got };
    if (isExclusive(name) && limit !== request)
      return [{ ...here, problem: 'must equal the limit', remedy: 'give both the same amount' }];
    if (limit === undefined || request <= limit) return [];
    return [
      {
        ...here,
        problem: `must be at most the limit, ${String(limits[name])}`,
        remedy: 'raise the limit or lower the request',
      },
    ];
  });
  const names = [...Object.keys(requests), ...Object.keys(limits)];
  const others = [...new Set(names)]
    .filter((it) => isExclusive(it))
    .flatMap((name) => {
      const got = own(limits, name) ?? own(requests, name);
      const amount = amountOf(got);
      if (amount === undefined || Number.isInteger(amount)) return [];
      const here = `${pointer}/limits/${name.replaceAll('/', '~1')}`;
      return [{ pointer: here, problem: 'must be a whole number', got, remedy: 'round it' }];
    });
  if (!names.some(isHugePage) || names.includes('cpu') || names.includes('memory'))
    return [...compared, ...others];
  const problem = 'must have cpu or memory beside huge pages';
  return [...compared, ...others, { pointer, problem, got: undefined, remedy: 'add one of them' }];
}
