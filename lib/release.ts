import { Construct } from 'constructs';
import type { Mistake } from './mistake.ts';
import {
  labelMistakes,
  lengthMistakes,
  type Names,
  namesOf,
  serviceNameMistakes,
  TRACKS,
} from './names.ts';
import type { ReleaseProps } from './release-props.ts';
import { serviceMistakes } from './service.ts';

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
    this.names = namesOf({ name: props.name ?? id, namespace: props.namespace });
    this.mistakes = [
      ...labelMistakes(this.path, 'id', id),
      ...nameMistakes(this.path, this.names),
      ...labelMistakes(this.path, 'namespace', props.namespace),
      ...serviceMistakes(this.path, props.service),
      ...props.strategy.mistakes(this.path),
    ];
  }

  /** Where it stands in the tree, for messages. */
  get path(): string {
    return this.node.path;
  }
}

function nameMistakes(path: string, names: Names): Mistake[] {
  const mistakes = serviceNameMistakes(path, 'name', names.apex);
  if (mistakes.length > 0) return mistakes;
  const longest = TRACKS.map((track) => names[track]).reduce((a, b) =>
    b.length > a.length ? b : a,
  );
  return lengthMistakes(path, 'name', longest);
}

/** A second construct of one id would throw at once; synth reports it with all other mistakes instead. */
function freeId(scope: Construct, id: string): string {
  const wanted = id === '' ? '(no id)' : id;
  let free = wanted;
  for (let count = 2; scope.node.tryFindChild(free) !== undefined; count++)
    free = `${wanted} (${count})`;
  return free;
}
