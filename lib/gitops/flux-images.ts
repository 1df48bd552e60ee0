import { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import * as z from 'zod';
import { put } from '../manifest/put.ts';
import { reprove } from '../mistake.ts';
import { duration, fields, mapOf } from '../props/fields.ts';
import { readProps } from '../props/read.ts';
import { gitRepository, goDuration } from './flux.ts';
import { addressMistakes, branchOf, repository } from './repository.ts';

/** Which tag of an image is the newest. */
export type TagChoice = z.infer<typeof tagChoice>;

const order = z.enum(['asc', 'desc']);

const tagChoice = z.discriminatedUnion('kind', [
  fields({
    kind: z.literal('semver'),
    /** The highest version in it counts, such as `6.x`. */
    range: z.string(),
  }),
  fields({
    kind: z.literal('numerical'),
    order,
  }),
  fields({
    kind: z.literal('alphabetical'),
    order,
  }),
]);

/** One line of the images file that automation keeps. */
export interface FluxImage extends z.infer<typeof fluxImage> {}

const fluxImage = fields({
  /** Without tag. */
  image: z.string(),
  choose: tagChoice,
  /**
   * Tags that count, as an RE2 pattern, and what of them is compared.
   * @default - all tags, whole
   */
  tags: fields({
    pattern: z.string(),
    extract: z.string().optional(),
  }).optional(),
  /**
   * Name of the Secret by which the registry is read, in the same namespace.
   * @default - none
   */
  secret: z.string().optional(),
});

/** How Flux keeps the file that `images()` reads. */
export interface FluxImagesProps extends z.infer<typeof fluxImagesProps> {}

/** The schema of `FluxImagesProps`. */
export const fluxImagesProps = fields({
  /** By the name of the ImagePolicy, which the marker in the file's line names: `<namespace>:<name>`. */
  images: mapOf(fluxImage),
  /** The repository with `apps/`. */
  source: repository,
  /** Branch that is pushed to, from which a CI job makes the pull request with what synth writes. */
  pushBranch: z.string(),
  /** Author of the commits. */
  author: fields({
    name: z.string(),
    email: z.string(),
  }),
  /**
   * Folder with the images file.
   * @default './apps'
   */
  path: z.string().optional(),
  /** @default 'flux-system' */
  namespace: z.string().optional(),
  /**
   * Name of the ImageUpdateAutomation and of its GitRepository.
   * @default 'perch-images'
   */
  name: z.string().optional(),
  /**
   * Name of the Secret that may push, in the same namespace.
   * @default - none
   */
  secret: z.string().optional(),
  /**
   * How often registries and the branch are looked at.
   * @default Duration.minutes(5)
   */
  interval: duration.optional(),
});

/**
 * Makes Flux's image automation: it writes new tags into the lines of the images file that a marker names, and
 * into no other file. Needs image-reflector-controller and image-automation-controller.
 */
export function fluxImages(scope: Construct, props: FluxImagesProps): void {
  const { given, reproofs } = readProps('fluxImages', fluxImagesProps, props);
  reprove(scope, ...reproofs);
  if (given !== undefined) automation(scope, given);
}

function automation(scope: Construct, props: FluxImagesProps): void {
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
