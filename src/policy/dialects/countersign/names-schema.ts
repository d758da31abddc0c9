import { z } from 'zod';
import { parseReference, parseRepository } from '../../../image/reference.ts';
import type { NamedRule, NamesRule } from '../../../model/requirement.ts';
import { about, against, fields, text } from './fields.ts';
import { isNamePrefix, namesRegistry } from './images.ts';

const MAX_NAME = 512;

const MATCHES = [
  'unchecked',
  'exact',
  'repoDigestOrExact',
  'repository',
  'exactReference',
  'exactRepository',
  'remap',
  'remapRepository',
] as const;

/** The fields that one way of matching needs; beside every other they mean nothing. */
const NEEDS: Readonly<Record<(typeof MATCHES)[number], readonly Detail[]>> = {
  unchecked: [],
  exact: [],
  repoDigestOrExact: [],
  repository: [],
  exactReference: ['reference'],
  exactRepository: ['repository'],
  remap: ['prefix', 'signedPrefix'],
  remapRepository: ['prefix', 'signedPrefix'],
};
const DETAILS = ['reference', 'repository', 'prefix', 'signedPrefix'] as const;
type Detail = (typeof DETAILS)[number];

/** A repository with its registry, without tag and digest. */
export const repositoryName = text(MAX_NAME).refine(
  (name) => namesRegistry(name) && parseRepository(name).ok,
  'is no repository with its registry and without tag and digest, such as registry.example.com/team/app',
);
const FULL_NAME = 'It names its registry, and neither tag nor digest.';

const namePrefix = text(MAX_NAME).refine(
  isNamePrefix,
  'is no registry, nor one with the beginning of a repository behind it, such as mirror.example.com/vendor',
);

/** How the name inside a signature compares with the name that an image is run by. */
export const names = fields({
  match: z
    .enum(MATCHES)
    .meta(
      about(
        'How they compare. `unchecked`: not at all. `exact`: they are the same, with tag or digest. `repoDigestOrExact`: for an image that is run by digest the repository is the same, otherwise as `exact`. `repository`: the repository is the same. `exactReference`, `exactRepository`: the signed name is what is written beside it, whatever the image is run by. `remap`, `remapRepository`: as `repoDigestOrExact` and as `repository`, once `prefix` is replaced by `signedPrefix`.',
      ),
    ),
  reference: text(MAX_NAME)
    .refine(
      isVersioned,
      'is no image reference with its registry and a tag or digest, such as registry.example.com/app:1',
    )
    .optional()
    .meta(about('For `exactReference`.', 'It names its registry, and has a tag or a digest.')),
  repository: repositoryName.optional().meta(about('For `exactRepository`.', FULL_NAME)),
  prefix: namePrefix
    .optional()
    .meta(about('For both kinds of remapping: how the name begins that the image is run by.')),
  signedPrefix: namePrefix.optional().meta(about('For both kinds of remapping: how the name begins that was signed.')),
  unnamed: z
    .enum(['refuse', 'accept'])
    .optional()
    .meta(
      about(
        'What becomes of signatures that carry no name, as sigstore bundles do. They are refused unless this is `accept`; then they count under any name, and it is reported.',
        'It is not written beside `unchecked`.',
      ),
    ),
})
  .transform((written, context): NamesRule => {
    const { match, unnamed } = written;
    for (const field of DETAILS) {
      const isNeeded = NEEDS[match].includes(field);
      if (isNeeded && written[field] === undefined) against(context, field, `is required where match is ${match}`);
      if (!isNeeded && written[field] !== undefined) against(context, field, `means nothing where match is ${match}`);
    }
    const rule = namedRule(written);
    if (rule === undefined) {
      if (unnamed !== undefined) against(context, 'unnamed', 'means nothing where match is unchecked');
      return { kind: 'unchecked' };
    }
    return unnamed === 'accept' ? { kind: 'ifNamed', rule } : rule;
  })
  .meta({
    id: 'Names',
    ...about(
      'How the name inside a signature compares with the name that the image is run by.',
      'Fields that `match` does not ask for are not written.',
    ),
  });

/** What is required is checked beside this; here it is empty where it is missing, and meets no name. */
function namedRule(written: {
  readonly match: (typeof MATCHES)[number];
  readonly reference?: string | undefined;
  readonly repository?: string | undefined;
  readonly prefix?: string | undefined;
  readonly signedPrefix?: string | undefined;
}): NamedRule | undefined {
  const { match, reference = '', repository = '', prefix = '', signedPrefix = '' } = written;
  switch (match) {
    case 'unchecked':
      return undefined;
    case 'exact':
      return { kind: 'matchExact' };
    case 'repoDigestOrExact':
      return { kind: 'matchRepoDigestOrExact' };
    case 'repository':
      return { kind: 'matchRepository' };
    case 'exactReference':
      return { kind: 'exactReference', reference };
    case 'exactRepository':
      return { kind: 'exactRepository', repository };
    case 'remap':
      return { kind: 'remapIdentity', prefix, signedPrefix };
    case 'remapRepository':
      return { kind: 'remapRepository', prefix, signedPrefix };
  }
}

/** A name alone would never match: it stands for no image. */
function isVersioned(text: string): boolean {
  const parsed = parseReference(text);
  return namesRegistry(text) && parsed.ok && (parsed.value.tag !== undefined || parsed.value.digest !== undefined);
}
