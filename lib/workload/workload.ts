import { ApiObject, App, Chart, Helm, Include } from 'cdk8s';
import type { Construct } from 'constructs';
import { takeExported } from '../manifest/exported.ts';
import type { Manifest } from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import { isManifest, wrongTexts } from '../manifest/manifest.ts';
import { callsIn, type Mistake, reproofs } from '../mistake.ts';
import { placeText } from '../place.ts';
import { thing } from '../props/fields.ts';

/** What `workload` of a release is: it makes any cdk8s objects below the scope. */
export type WorkloadFactory = (scope: Construct) => void;

/** The function that makes a release's objects. */
export const aWorkload = thing<WorkloadFactory>(
  {
    what: 'a function',
    remedy: 'give one that makes objects: (scope) => { new Deployment(scope, … ) }',
  },
  (it) => typeof it === 'function',
);

/** What a factory made. */
export interface Workload {
  readonly objects: readonly Authored[];
  readonly mistakes: readonly Mistake[];
  /** What is probably not meant. */
  readonly warnings: readonly Mistake[];
  /** What it made them with. */
  readonly constructs: readonly Construct[];
  /** What the factory itself threw; it has made what came before. */
  readonly thrown: Mistake | undefined;
}

/** Where the factory's objects belong. */
export interface Home {
  /** Construct path, for messages. */
  readonly path: string;
  /** Name of objects that are given none. */
  readonly name: string;
  /** Namespace of objects that are given none. */
  readonly namespace?: string;
}

/**
 * Calls the factory once, in an App of its own: the cost of cdk8s grows faster than the number of charts in
 * one App.
 */
export function runWorkload(release: Home, factory: WorkloadFactory): Workload {
  const chart = new ReleaseChart(new App({ recordConstructMetadata: false }), release);
  const { done: error, noted: calls } = callsIn(() => thrownBy(() => factory(chart)));
  const constructs = chart.node.findAll();
  const place = (it: Construct) => `${release.path}${it.node.path.slice(chart.node.path.length)}`;
  const all: readonly Mistake[] = [
    ...calls.map((said) => ({ path: release.path, ...said })),
    ...constructs.flatMap((it) => reproofs(it).map((said) => ({ path: place(it), ...said }))),
  ];
  const noted = all.filter((it) => it.severity !== 'warning');
  // Half of a workload would be told to lack the other half.
  if (error !== undefined)
    return {
      objects: [],
      mistakes: noted,
      warnings: [],
      constructs,
      thrown: thrown(release.path, error.cause, nounOf(release)),
    };
  const nested = constructs
    .filter((it) => it !== chart && Chart.isChart(it))
    .map((it) => nestedChart(place(it)));
  const unread = constructs
    .filter((it) => it instanceof Include)
    .map((it) => looselyRead(place(it), it));
  const invalid = constructs.flatMap((it) => validated(place(it), it));
  const authored = constructs
    .filter((it) => it instanceof ApiObject)
    .map((it) => read(place(it), it));
  return {
    // What was lost cannot be judged.
    objects:
      unread.length > 0
        ? []
        : authored.flatMap((it) => (it.kind === 'object' ? [it.authored] : [])),
    mistakes: [
      ...nested,
      ...unread,
      ...invalid,
      ...noted,
      ...authored.flatMap((it) => (it.kind === 'mistake' ? [it.mistake] : [])),
    ],
    warnings: [
      ...all.filter((it) => it.severity === 'warning'),
      ...authored.flatMap((it) => (it.kind === 'object' ? it.warnings : [])),
    ],
    constructs,
    thrown: undefined,
  };
}

function thrownBy(run: () => void): { readonly cause: unknown } | undefined {
  try {
    run();
    return undefined;
  } catch (cause) {
    return { cause };
  }
}

function validated(path: string, it: Construct): Mistake[] {
  const remedy = 'see the construct’s own documentation';
  try {
    return it.node.validate().map((problem) => ({ path, problem, remedy }));
  } catch (error) {
    return [thrown(path, error)];
  }
}

/** Gives objects without a name that of the release, where cdk8s would derive one from the construct's path. */
class ReleaseChart extends Chart {
  readonly #name: string;

  constructor(scope: Construct, { name, namespace }: Home) {
    super(scope, 'workload', namespace === undefined ? {} : { namespace });
    this.#name = name;
  }

  override generateObjectName(): string {
    return this.#name;
  }
}

type Reading =
  | {
      readonly kind: 'object';
      readonly authored: Authored;
      readonly warnings: readonly Mistake[];
    }
  | { readonly kind: 'mistake'; readonly mistake: Mistake };

function read(path: string, object: ApiObject): Reading {
  try {
    // A copy without prototypes and undefined: what a YAML file could hold.
    const json: unknown = JSON.parse(JSON.stringify(object.toJson()));
    if (isManifest(json)) return readManifest(path, json);
    const remedy = 'give it apiVersion, kind and metadata.name';
    return { kind: 'mistake', mistake: { path, problem: 'is no API object', got: json, remedy } };
  } catch (error) {
    return { kind: 'mistake', mistake: thrown(path, error) };
  }
}

function readManifest(path: string, object: Manifest): Reading {
  const whose = `${object.kind} ${object.metadata.name}`;
  const [wrong] = wrongTexts(object);
  if (wrong !== undefined) {
    const problem = `${wrong.place} of ${whose} is not text`;
    const mistake = { path, problem, got: wrong.got, remedy: 'write it in quotes' };
    return { kind: 'mistake', mistake };
  }
  const { ownerReferences } = object.metadata;
  if (Array.isArray(ownerReferences) && ownerReferences.length > 0) {
    const problem = `${whose} belongs to another object, which makes it and takes it away`;
    const got = { ownerReferences };
    const remedy = 'leave it out, or take metadata.ownerReferences away';
    return { kind: 'mistake', mistake: { path, problem, got, remedy } };
  }
  const exported = takeExported(object);
  return { kind: 'object', authored: { path, object }, warnings: warned(path, whose, exported) };
}

function warned(path: string, whose: string, got: readonly string[]): readonly Mistake[] {
  if (got.length === 0) return [];
  const problem = `${whose} has what a cluster writes, as an export does; it is left out`;
  return [{ severity: 'warning', path, problem, got, remedy: 'take it out of the source' }];
}

function nestedChart(path: string): Mistake {
  return {
    path,
    problem: 'a Chart inside a workload names objects by construct path',
    remedy: 'use a Construct as their scope instead',
  };
}

/** Whatever it lost is gone: it keeps neither its file nor the errors. */
function looselyRead(path: string, it: Include): Mistake {
  const name = it instanceof Helm ? 'Helm' : 'Include';
  return {
    path,
    problem: `${name} of cdk8s hides errors of YAML, and reads words such as 1234e567 and 2024-01-31 as no tool that applies them does`,
    remedy: `use ${name.toLowerCase()} of perch`,
  };
}

/** What an author calls the factory: a folder of manifests is in no namespace. */
function nounOf({ namespace }: Home): string {
  return namespace === undefined ? 'factory' : 'workload';
}

function thrown(path: string, error: unknown, what = 'workload'): Mistake {
  const problem = `${what} threw: ${error instanceof Error ? error.message : String(error)}`;
  const remedy = 'fix the function that makes the objects';
  const at = error instanceof Error ? placeText({ stack: error }) : undefined;
  return { path, problem, remedy, ...(at === undefined ? {} : { at }) };
}
