import { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { put } from '../manifest/put.ts';
import { reprove } from '../mistake.ts';
import { gitRepository, goDuration } from './flux.ts';
import { addressMistakes, branchOf, type Repository } from './repository.ts';

/** Which tag of an image is the newest. */
export type TagChoice =
  /** The highest version in a range, such as `6.x`. */
  | { readonly kind: 'semver'; readonly range: string }
  | { readonly kind: 'numerical'; readonly order: 'asc' | 'desc' }
  | { readonly kind: 'alphabetical'; readonly order: 'asc' | 'desc' };

/** One line of the images file that automation keeps. */
export interface FluxImage {
  /** Without tag. */
  readonly image: string;
  readonly choose: TagChoice;
  /**
   * Tags that count, as an RE2 pattern, and what of them is compared.
   * @default - all tags, whole
   */
  readonly tags?: { readonly pattern: string; readonly extract?: string };
  /**
   * Name of the Secret by which the registry is read, in the same namespace.
   * @default - none
   */
  readonly secret?: string;
}

/** How Flux keeps the file that `images()` reads. */
export interface FluxImagesProps {
  /** By the name of the ImagePolicy, which the marker in the file's line names: `<namespace>:<name>`. */
  readonly images: Readonly<Record<string, FluxImage>>;
  /** The repository with `apps/`. */
  readonly source: Repository;
  /** Branch that is pushed to, from which a CI job makes the pull request with what synth writes. */
  readonly pushBranch: string;
  /** Author of the commits. */
  readonly author: { readonly name: string; readonly email: string };
  /**
   * Folder with the images file.
   * @default './apps'
   */
  readonly path?: string;
  /** @default 'flux-system' */
  readonly namespace?: string;
  /**
   * Name of the ImageUpdateAutomation and of its GitRepository.
   * @default 'perch-images'
   */
  readonly name?: string;
  /**
   * Name of the Secret that may push, in the same namespace.
   * @default - none
   */
  readonly secret?: string;
  /**
   * How often registries and the branch are looked at.
   * @default Duration.minutes(5)
   */
  readonly interval?: Duration;
}

/**
 * Makes Flux's image automation: it writes new tags into the lines of the images file that a marker names, and
 * into no other file. Needs image-reflector-controller and image-automation-controller.
 */
export function fluxImages(scope: Construct, props: FluxImagesProps): void {
  const { source, pushBranch, namespace = 'flux-system', name = 'perch-images' } = props;
  reprove(scope, ...addressMistakes('source.url of fluxImages', source.url));
  if (pushBranch === branchOf(source))
    reprove(scope, {
      problem: 'pushBranch of fluxImages is the source branch: dist/ would lag behind apps/ there',
      got: pushBranch,
      remedy: 'let it push to a branch of its own, where a CI job runs synth',
    });
  const interval = goDuration(props.interval ?? Duration.minutes(5));
  gitRepository(scope, {
    repository: source,
    name,
    namespace,
    ...(props.secret === undefined ? {} : { secret: props.secret }),
    ...(props.interval === undefined ? {} : { interval: props.interval }),
  });
  for (const [policy, image] of Object.entries(props.images))
    imagePolicy(scope, image, { name: policy, namespace, interval });
  put(scope, {
    apiVersion: 'image.toolkit.fluxcd.io/v1',
    kind: 'ImageUpdateAutomation',
    metadata: { name, namespace },
    spec: {
      interval,
      sourceRef: { kind: 'GitRepository', name },
      git: {
        checkout: { ref: { branch: branchOf(source) } },
        commit: { author: props.author },
        push: { branch: pushBranch },
      },
      update: { path: props.path ?? './apps', strategy: 'Setters' },
    },
  });
}

interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly interval: string;
}

function imagePolicy(
  scope: Construct,
  image: FluxImage,
  { name, namespace, interval }: Place,
): void {
  const { tags, choose, secret } = image;
  put(scope, {
    apiVersion: 'image.toolkit.fluxcd.io/v1',
    kind: 'ImageRepository',
    metadata: { name, namespace },
    spec: {
      image: image.image,
      interval,
      ...(secret === undefined ? {} : { secretRef: { name: secret } }),
    },
  });
  const { kind, ...how } = choose;
  put(scope, {
    apiVersion: 'image.toolkit.fluxcd.io/v1',
    kind: 'ImagePolicy',
    metadata: { name, namespace },
    spec: {
      imageRepositoryRef: { name },
      policy: { [kind]: how },
      ...(tags === undefined ? {} : { filterTags: { ...tags } }),
    },
  });
}
