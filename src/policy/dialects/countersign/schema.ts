import { z } from 'zod';
import type { NonEmpty } from '../../../model/requirement.ts';
import { about, against, exactlyOne, fields, list, text } from './fields.ts';
import { imageProblem } from './images.ts';
import { signature, type WrittenSignature } from './signature-schema.ts';

/** Requirements within requirements, the outermost counted. */
export const MAX_DEPTH = 8;

/** Requirements and signatures of one policy together. */
export const MAX_NODES = 256;

/** Patterns of one policy: making one ready can take some milliseconds. */
export const MAX_PATTERNS = 128;

/** Characters of one item of `images`. */
export const MAX_IMAGE = 512;

const MAX_CHILDREN = 64;

/** What a policy demands, as it was written. */
export type WrittenRequirement =
  | { readonly kind: 'signature'; readonly signature: WrittenSignature }
  | { readonly kind: 'allOf' | 'anyOf'; readonly of: NonEmpty<WrittenRequirement> }
  | { readonly kind: 'atLeast'; readonly count: number; readonly of: NonEmpty<WrittenRequirement> }
  | { readonly kind: 'quorum'; readonly count: number; readonly of: NonEmpty<WrittenSignature> }
  | { readonly kind: 'accept'; readonly reason: string }
  | { readonly kind: 'reject'; readonly message: string };

/** Requirements hold requirements, which only an explicit type and a late look-up can say. */
const nested: z.ZodType<WrittenRequirement> = z.lazy(() => requirement);

const howMany = z.int().min(1).max(MAX_CHILDREN);
const COUNT_RULE = '`count` is at most the length of `of`.';

const requirement = fields({
  signature: signature.optional().meta(about('One signature.')),
  allOf: list(nested, MAX_CHILDREN).optional().meta(about('Every one of them holds.')),
  anyOf: list(nested, MAX_CHILDREN).optional().meta(about('At least one of them holds.')),
  atLeast: fields({
    count: howMany.meta(about('How many of them hold at least.')),
    of: list(nested, MAX_CHILDREN).meta(about('The requirements. One signer may meet several of them.')),
  })
    .superRefine(withinLength)
    .optional()
    .meta(about('So many of them hold.', COUNT_RULE)),
  quorum: fields({
    count: howMany.meta(about('How many different signers there are at least.')),
    of: list(signature, MAX_CHILDREN).meta(
      about('The signatures. Each counts if somebody signed who counts for no other.'),
    ),
  })
    .superRefine(withinLength)
    .optional()
    .meta(about('So many different signers signed.', COUNT_RULE)),
  accept: fields({ reason: text(1024).meta(about('Why, for the reader of the policy.')) })
    .optional()
    .meta(about('Let in unseen.')),
  reject: fields({ message: text(1024).meta(about('What the person reads who is blocked.')) })
    .optional()
    .meta(about('Refused, whoever signed it.')),
})
  .transform((written, context): WrittenRequirement => {
    exactlyOne(written, ['signature', 'allOf', 'anyOf', 'atLeast', 'quorum', 'accept', 'reject'], context);
    const { signature, allOf, anyOf, atLeast, quorum, accept, reject } = written;
    if (signature !== undefined) return { kind: 'signature', signature };
    if (allOf !== undefined) return { kind: 'allOf', of: allOf };
    if (anyOf !== undefined) return { kind: 'anyOf', of: anyOf };
    if (atLeast !== undefined) return { kind: 'atLeast', ...atLeast };
    if (quorum !== undefined) return { kind: 'quorum', ...quorum };
    if (accept !== undefined) return { kind: 'accept', ...accept };
    return { kind: 'reject', message: reject?.message ?? 'the policy asks for nothing that could be met' };
  })
  .meta({
    id: 'Requirement',
    ...about(
      'What must hold of an image.',
      'Exactly one of the fields.',
      `Requirements nest at most ${MAX_DEPTH} deep; a policy has at most ${MAX_NODES} requirements and signatures, and ${MAX_PATTERNS} patterns.`,
    ),
  });

/** The `spec` of countersign's own ClusterImagePolicy and ImagePolicy: type, check and reference page come of it. */
export const spec = fields({
  mode: z
    .enum(['audit', 'warn', 'deny'])
    .optional()
    .meta(
      about(
        'How a refusal of this policy is applied: recorded, warned about, or enforced. The server’s mode still bounds it. Unless written, that of the entry which names the policy, else `deny`.',
        'Where the annotation `countersign.dev/mode` is there too, both say the same.',
      ),
    ),
  images: z
    .array(
      text(MAX_IMAGE).superRefine((item, context) => {
        const problem = imageProblem(item);
        if (problem !== undefined) against(context, undefined, `${JSON.stringify(item)} ${problem}`);
      }),
    )
    .min(1)
    .max(256)
    .meta(
      about(
        'The images that the policy is for: a registry with or without a port, the beginning of a repository’s path, a repository, one with a tag or a digest, `*.example.com` for every host below a domain; or a glob, in which `*` stands for any characters within a part of the path and `**` for any characters whatever.',
        'Each item can name an image, and names its registry.',
      ),
    ),
  instances: z
    .enum(['asWritten', 'indexOrEvery', 'every'])
    .default('indexOrEvery')
    .meta(
      about(
        'What must be signed of a multi-platform image: the manifest that the image’s name leads to (`asWritten`), its index or else every instance (`indexOrEvery`), or every instance always (`every`).',
      ),
    ),
  require: requirement.meta(about('What must hold of such an image.')),
}).meta({ id: 'Spec', ...about('What a policy is for, and what it demands.') });

/** A valid `spec`. */
export type OwnSpec = z.output<typeof spec>;

function withinLength(
  written: { readonly count: number; readonly of: readonly unknown[] },
  context: z.core.$RefinementCtx,
) {
  const { count, of } = written;
  if (of.length > 0 && count > of.length)
    against(context, 'count', `is ${count}, and there are only ${of.length} to count`);
}
