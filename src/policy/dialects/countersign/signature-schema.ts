import { z } from 'zod';
import { compilePattern } from '../../../conditions/patterns.ts';
import { isTag } from '../../../image/reference.ts';
import type { IdentityRule, TextRule } from '../../../model/requirement.ts';
import { about, against, exactlyOne, fields, list, text } from './fields.ts';
import { names, repositoryName } from './names-schema.ts';
import { materials, missingFromPem, trustedRoot } from './trust-schema.ts';

const MAX_TEXT = 2048;
const MAX_PATTERN = 1024;
const MAX_ANNOTATIONS = 64;

const keys = fields({
  anyOf: materials.meta(about('The public keys, any one of which may have signed.')),
  hash: z
    .enum(['usual', 'sha256', 'sha384', 'sha512', 'byCurve'])
    .default('usual')
    .meta(
      about(
        'The hash that was signed. `byCurve` is the one that suits the key’s curve; `usual` is sha256, or else that, or sha512 by an RSA key, since tools and their versions differ.',
      ),
    ),
}).meta({ id: 'Keys', ...about('Public keys that are trusted as they are.') });

const pattern = text(MAX_PATTERN).superRefine((written, context) => {
  const compiled = compilePattern({ pattern: written, anchored: true });
  if (!compiled.ok) against(context, undefined, compiled.failure.message);
});
const PATTERN = 'It is a regular expression of RE2, and must match the whole text.';

const identity = fields({
  issuer: text(MAX_TEXT).optional().meta(about('The OIDC issuer that vouched for the signer, exactly.')),
  issuerPattern: pattern.optional().meta(about('The same as a pattern.', PATTERN)),
  subject: text(MAX_TEXT)
    .optional()
    .meta(about('The name of the signer in the certificate, exactly: an address, or the URI of a workflow.')),
  subjectPattern: pattern.optional().meta(about('The same as a pattern.', PATTERN)),
  subjectKind: z
    .enum(['any', 'email', 'uri', 'dns', 'otherName'])
    .default('any')
    .meta(
      about(
        'Which kind of name is compared. An address that stands in a certificate as a URI was never checked as one. `otherName` is the user name that Fulcio writes, and no other.',
      ),
    ),
})
  .transform((written, context): IdentityRule => {
    const { issuer, issuerPattern, subject, subjectPattern, subjectKind } = written;
    exactlyOne(written, ['issuer', 'issuerPattern'], context);
    exactlyOne(written, ['subject', 'subjectPattern'], context);
    const of = subjectKind === 'any' ? 'anyName' : subjectKind;
    return { issuer: textRule(issuer, issuerPattern), subject: { of, text: textRule(subject, subjectPattern) } };
  })
  .meta({
    id: 'Identity',
    ...about(
      'A signer, and the issuer that vouched for them.',
      'Exactly one of `issuer` and `issuerPattern`.',
      'Exactly one of `subject` and `subjectPattern`.',
    ),
  });

const keyless = fields({
  identities: list(identity, 256).meta(about('Who may have signed; any one of them.')),
}).meta({ id: 'Keyless', ...about('Certificates that a sigstore instance issues for some minutes (Fulcio).') });

const certificate = fields({
  roots: materials.meta(about('Certificates of the authorities that are trusted.')),
  intermediates: materials
    .optional()
    .meta(about('Certificates between those and the signer’s, beside what comes with a signature.')),
  subject: fields({
    email: text(320).optional().meta(about('The address that the certificate must be for, exactly.')),
    hostname: text(253)
      .optional()
      .meta(about('The host that the certificate must be for. An asterisk in the certificate stands for one label.')),
  })
    .refine(
      ({ email, hostname }) => email !== undefined || hostname !== undefined,
      'must have an email or a hostname: without one, everybody whom the authority knows would be trusted',
    )
    .meta({
      id: 'CertificateSubject',
      ...about('Whom the certificate must be for; both where both are written.', 'At least one of the fields.'),
    }),
}).meta({
  id: 'Certificate',
  ...about(
    'Long-lived X.509 certificates of an authority of your own, which must be valid when an image is decided on.',
  ),
});

const count = (what: string) =>
  z
    .int()
    .min(1)
    .max(16)
    .meta(about(`How many ${what}, each another one.`));
const none = z.literal('none');

const from = fields({
  repository: repositoryName
    .optional()
    .meta(about('Another repository than the image’s own.', 'It names its registry, and neither tag nor digest.')),
  tagPrefix: text(64)
    .refine(
      (prefix) => isTag(`${prefix}sha256-${'0'.repeat(64)}.sig`),
      'makes no tag: it holds letters, digits, _, . and -, 53 of them at most',
    )
    .optional()
    .meta(about('What stands in front of `sha256-….sig`, the tag of signatures.', 'What comes of it is a tag.')),
  formats: list(z.enum(['tag', 'bundle', 'referrer']), 3)
    .optional()
    .meta(
      about(
        'Forms of signatures that count: `tag` is cosign’s `.sig` tag, `bundle` a sigstore bundle that refers to the image (cosign 3), `referrer` cosign’s OCI 1.1 form. Unless some are named, all of them.',
      ),
    ),
  limit: z.int().min(1).max(256).default(64).meta(about('How many signatures are tried at most.')),
})
  .superRefine(({ tagPrefix, formats }, context) => {
    if (formats !== undefined && new Set(formats).size < formats.length) {
      against(context, 'formats', 'names a format twice');
    }
    if (tagPrefix !== undefined && formats !== undefined && !formats.includes('tag')) {
      against(context, 'tagPrefix', 'means nothing where formats does not hold tag');
    }
  })
  .meta({ id: 'From', ...about('Where signatures are looked for.', '`tagPrefix` needs the format `tag`.') });

const shape = fields({
  name: text(256).optional().meta(about('A name for people, beside that of the policy.')),
  keys: keys.optional().meta(about('Signed by one of these keys.')),
  keyless: keyless.optional().meta(about('Signed with a short-lived certificate, by one of these identities.')),
  certificate: certificate.optional().meta(about('Signed with a long-lived certificate.')),
  trustedRoot: trustedRoot
    .optional()
    .meta(
      about(
        'The sigstore instance that is believed. Required with `keyless`; with `keys` if `transparencyLog` or `time` is asked for.',
      ),
    ),
  transparencyLog: z
    .union([none, fields({ threshold: count('logs') })])
    .optional()
    .meta(
      about(
        'In how many transparency logs (Rekor) the signature must be. Unless written, 1 with `keyless`, else `none`.',
      ),
    ),
  time: z
    .union([
      none,
      fields({
        threshold: count('witnesses'),
        by: z
          .enum(['anyone', 'logs', 'authorities'])
          .default('anyone')
          .meta(about('Whose word counts: that of `logs`, of timestamp `authorities`, or of `anyone` of both.')),
      }),
    ])
    .optional()
    .meta(
      about(
        'How many witnesses there must be of when it was signed. Unless written, 1 with `keyless`, whose certificates live some minutes, else `none`.',
      ),
    ),
  certificateTransparency: z
    .union([none, fields({ threshold: count('logs') })])
    .optional()
    .meta(
      about(
        'In how many certificate transparency logs the certificate must be. Unless written, 1. For `keyless` alone.',
      ),
    ),
  from: from
    .optional()
    .meta(about('Where signatures are looked for: unless written, in the image’s own repository, in every form.')),
  names: names
    .optional()
    .meta(about('How the signed name compares with that of the image. Unless written, `unchecked`.')),
  annotations: z
    .record(text(256), text(MAX_TEXT))
    .refine((written) => Object.keys(written).length <= MAX_ANNOTATIONS, `must have at most ${MAX_ANNOTATIONS} of them`)
    .optional()
    .meta(about('Annotations that were signed with the image, by name; all of them.', `At most ${MAX_ANNOTATIONS}.`)),
});

type Shape = z.output<typeof shape>;
type Context = z.core.$RefinementCtx;

/** A signature to look for, with its defaults filled in. */
export const signature = shape
  .transform((written, context) => {
    exactlyOne(written, ['keys', 'keyless', 'certificate'], context);
    const { name, from, names = { kind: 'unchecked' } as const, annotations = {} } = written;
    return { name, by: signer(written, context), from, names, annotations };
  })
  .meta({
    id: 'Signature',
    ...about(
      'One signature, which must meet all of it.',
      'Exactly one of `keys`, `keyless` and `certificate`.',
      '`trustedRoot` is required with `keyless`, and with `keys` exactly if `transparencyLog` or `time` is asked for; it is not written with `certificate`.',
      '`time: none` is not for `keyless`; `transparencyLog` and `time` are not asked for with `certificate`; `certificateTransparency` is for `keyless` alone.',
      'A `trustedRoot.pem` holds as many logs and authorities as are asked for.',
    ),
  });

/** A signature as it was written. */
export type WrittenSignature = z.output<typeof signature>;

function signer(written: Shape, context: Context) {
  const { keys, keyless, certificate } = written;
  if (keyless !== undefined) return byCertificate(written, keyless, context);
  if (written.certificateTransparency !== undefined) {
    against(context, 'certificateTransparency', 'is for keyless alone');
  }
  if (keys !== undefined) return byKeys(written, keys, context);
  if (certificate === undefined) return z.NEVER;
  for (const field of ['transparencyLog', 'time'] as const) {
    const asked = written[field] ?? 'none';
    if (asked !== 'none')
      against(context, field, 'is not for certificate, which must be valid at the moment: leave it out');
  }
  if (written.trustedRoot !== undefined) {
    against(context, 'trustedRoot', 'is not for certificate, which has its own roots: leave it out');
  }
  return { kind: 'certificate', ...certificate } as const;
}

function byCertificate(written: Shape, { identities }: z.output<typeof keyless>, context: Context) {
  const { transparencyLog = ONE, time = BY_ANYONE, certificateTransparency = ONE, trustedRoot: root } = written;
  if (time === 'none') {
    against(context, 'time', 'must not be none with keyless, whose certificates live some minutes: ask for a witness');
    return z.NEVER;
  }
  if (root === undefined) {
    against(context, 'trustedRoot', 'is required with keyless: whose certificates are believed?');
    return z.NEVER;
  }
  const asks = { signer: 'certificate', transparencyLog, time, certificateTransparency } as const;
  for (const { path, message } of missingFromPem(root, asks))
    context.addIssue({ code: 'custom', message, path: [...path] });
  return { kind: 'keyless', identities, root, transparencyLog, time, certificateTransparency } as const;
}

function byKeys(written: Shape, { anyOf, hash }: z.output<typeof keys>, context: Context) {
  const { transparencyLog = 'none', time = 'none', trustedRoot: root } = written;
  if (transparencyLog === 'none' && time === 'none') {
    if (root !== undefined) {
      against(context, 'trustedRoot', 'means nothing with keys unless transparencyLog or time is asked for');
    }
    return { kind: 'keys', anyOf, hash } as const;
  }
  if (root === undefined) {
    against(context, 'trustedRoot', 'is required where transparencyLog or time is asked for: whose logs are believed?');
    return z.NEVER;
  }
  const asks = { signer: 'keys', transparencyLog, time, certificateTransparency: 'none' } as const;
  for (const { path, message } of missingFromPem(root, asks))
    context.addIssue({ code: 'custom', message, path: [...path] });
  return { kind: 'witnessedKeys', anyOf, hash, root, transparencyLog, time } as const;
}

const ONE = { threshold: 1 } as const;
const BY_ANYONE = { threshold: 1, by: 'anyone' } as const;

/** A text that both forms leave out is empty, and matches nothing. */
function textRule(exact: string | undefined, written: string | undefined): TextRule {
  if (written === undefined) return { kind: 'exact', text: exact ?? '' };
  return { kind: 'pattern', pattern: written, anchored: true };
}
