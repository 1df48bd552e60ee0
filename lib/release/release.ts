import { Construct } from 'constructs';
import type { Mistake } from '../mistake.ts';
import {
  labelMistakes,
  lengthMistakes,
  type Names,
  namesOf,
  serviceNameMistakes,
  TRACKS,
} from '../names.ts';
import { serviceMistakes } from '../workload/service.ts';
import { existingNames } from './existing.ts';
import { existingMistakes } from './existing-mistakes.ts';
import type { ReleaseProps } from './release-props.ts';

/**
 * An application, and how its next version reaches everyone. A construct that renders nothing by itself:
 * `synth` writes it to `dist/<id>`, with the mistakes of all releases reported together.
 */
export class Release extends Construct {
  /** Name of its folder; unique among all releases. */
  readonly id: string;
  readonly props: ReleaseProps;
  readonly names: Names;
  /** What could be seen to be wrong before the workload was made. */
  readonly mistakes: readonly Mistake[];

  constructor(scope: Construct, id: string, props: ReleaseProps) {
    super(scope, freeId(scope, id));
    this.id = id;
    this.props = props;
    const wrongNames = nameMistakes(this.path, id, props);
    // A wrong name is told once, not again for every object that would bear it.
    const name = wrongNames.length === 0 ? (props.name ?? id) : 'name';
    const names = namesOf({ name, namespace: props.namespace });
    this.names = props.existing === undefined ? names : existingNames(names, props.existing);
    this.mistakes = [
      ...wrongNames,
      ...labelMistakes(this.path, 'namespace', props.namespace),
      ...serviceMistakes(this.path, props.service),
      ...existingMistakes(this.path, props, this.names),
      ...props.strategy.mistakes(this.path),
    ];
  }

  /** Where it stands in the tree, for messages. */
  get path(): string {
    return this.node.path;
  }
}

function nameMistakes(path: string, id: string, props: ReleaseProps): Mistake[] {
  const ids = labelMistakes(path, 'id', id);
  const { name = id, namespace } = props;
  // A name that is taken from a wrong id is wrong in the same way.
  if (ids.length > 0 && props.name === undefined) return ids;
  const mistakes = [...ids, ...serviceNameMistakes(path, 'name', name)];
  if (mistakes.length > 0) return mistakes;
  const names = namesOf({ name, namespace });
  const longest = TRACKS.map((it) => names[it]).reduce((a, b) => (b.length > a.length ? b : a));
  return lengthMistakes(path, 'name', longest);
}

/** A second construct of one id would throw at once; synth reports it with all other mistakes instead. */
export function freeId(scope: Construct, id: string): string {
  const wanted = id === '' ? '(no id)' : id;
  let free = wanted;
  for (let count = 2; scope.node.tryFindChild(free) !== undefined; count++)
    free = `${wanted} (${count})`;
  return free;
}
