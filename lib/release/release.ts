import { Construct } from 'constructs';
import { freeId } from '../manifest/put.ts';
import { type Mistake, noteCall, placeOf, standIn } from '../mistake.ts';
import {
  labelMistakes,
  lengthMistakes,
  type Names,
  namesOf,
  serviceNameMistakes,
  TRACKS,
} from '../names.ts';
import { readProps } from '../props/read.ts';
import { unknownStrategy } from '../strategy/made-strategy.ts';
import { kubernetes } from '../traffic/kubernetes/kubernetes.ts';
import { serviceMistakes } from '../workload/service.ts';
import type { ServiceProps } from '../workload/service-props.ts';
import { existingNames } from './existing.ts';
import { existingMistakes } from './existing-mistakes.ts';
import { missingService } from './missing-service.ts';
import { type ReleaseProps, releaseProps } from './release-props.ts';

/**
 * An application, and how its next version reaches everyone. A construct that renders nothing by itself:
 * `synth` writes it to `dist/<id>`, with the mistakes of all releases reported together.
 */
export class Release extends Construct {
  /** Name of its folder; unique among all releases. */
  readonly id: string;
  /** As they were given, without what is wrong with them. */
  readonly props: ReleaseProps;
  /** Names of the props that are wrong: of what follows from these alone, nothing is said. */
  readonly flawed: ReadonlySet<string>;
  readonly names: Names;
  /** What could be seen to be wrong before the workload was made. */
  readonly mistakes: readonly Mistake[];

  constructor(scope: Construct, id: string, props: ReleaseProps) {
    const text = typeof id === 'string' ? id : '';
    super(scope, freeId(scope, text));
    noteCall(this);
    this.id = text;
    const otherwise = standIns(props);
    const reading = readProps('Release', releaseProps, props, { ...otherwise });
    const { given: said = otherwise, reproofs } = reading;
    const missing = missingService(this.path, said, reading.flawed);
    // Whether it can be without one, nobody knows of a router or strategy that is wrong.
    const isUnknown = reading.flawed.has('traffic') || reading.flawed.has('strategy');
    const isLacking = missing.length > 0 || (said.service === undefined && isUnknown);
    const given = isLacking ? { ...said, service: SERVICE } : said;
    const flawed = isLacking ? new Set([...reading.flawed, 'service']) : reading.flawed;
    this.props = given;
    this.flawed = flawed;
    const wrongNames = nameMistakes(this.path, text, given);
    // A wrong name is told once, not again for every object that would bear it.
    const name = wrongNames.length === 0 ? (given.name ?? text) : 'name';
    const { primary, canary } = given.service ?? {};
    const services = { primary: primary?.name, canary: canary?.name };
    const names = namesOf({ name, namespace: given.namespace }, services);
    this.names = given.existing === undefined ? names : existingNames(names, given.existing);
    this.mistakes = [
      ...reproofs.map((it) => ({ path: this.path, ...it })),
      ...wrongNames,
      ...labelMistakes(this.path, 'namespace', given.namespace),
      ...missing,
      ...(given.service === undefined ? [] : serviceMistakes(this.path, given.service)),
      ...existingMistakes(this.path, given, this.names, flawed),
      ...(given.existing === undefined ? sameNames(this.path, names) : []),
      ...given.strategy.mistakes(this.path).map((it) => ({ ...placeOf(given.strategy), ...it })),
    ];
  }

  /** Where it stands in the tree, for messages. */
  get path(): string {
    return this.node.path;
  }
}

/** One Service for two of them would lead users to a canary that no step has let in. */
function sameNames(path: string, { apex, primary, canary }: Names): Mistake[] {
  const all = [apex, primary, canary];
  return all
    .filter((it, index) => all.indexOf(it) !== index)
    .map((got) => ({
      path,
      problem: 'two Services of the release have one name',
      got,
      remedy: 'give the apex, the primary and the canary a name of their own',
    }));
}

const SERVICE: ServiceProps = { port: 80 };

/** Stand in for props that are wrong, or missing though they are required. */
function standIns(props: Partial<ReleaseProps> | undefined): ReleaseProps {
  return {
    namespace: 'namespace',
    ...(props?.service === undefined ? {} : { service: SERVICE }),
    traffic: standIn(kubernetes()),
    strategy: standIn(unknownStrategy('unknown')),
  };
}

function nameMistakes(path: string, id: string, props: ReleaseProps): Mistake[] {
  const ids = labelMistakes(path, 'id', id);
  const { name = id, namespace } = props;
  // A name that is taken from a wrong id is wrong in the same way.
  if (ids.length > 0 && props.name === undefined) return ids;
  const mistakes = [...ids, ...serviceNameMistakes(path, 'name', name)];
  if (mistakes.length > 0) return mistakes;
  const names = namesOf({ name, namespace });
  const longest = TRACKS.map((it) => names.workloads[it]).reduce((a, b) =>
    b.length > a.length ? b : a,
  );
  return lengthMistakes(path, 'name', longest);
}
