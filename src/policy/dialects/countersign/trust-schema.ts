import { z } from 'zod';
import type { Threshold, WitnessRule } from '../../../model/requirement.ts';
import { about, exactlyOne, fields, list, text } from './fields.ts';

/** Characters of one piece of trust material; a `trusted_root.json` with many instances is the largest. */
const MAX_MATERIAL = 262_144;
const MAX_PATH = 4096;
/** Pieces of trust material in one list. */
const MAX_PIECES = 64;

/** A path as it is written; where it leads is the business of whoever reads the policy's file. */
const path = text(MAX_PATH).refine((written) => !written.includes('\0'), 'holds a NUL character, which no path does');

/** A key, a certificate or a chain of certificates: written out, or in a file. */
export const material = fields({
  pem: text(MAX_MATERIAL)
    .refine(
      (pem) => !pem.includes('PRIVATE KEY-----'),
      'is a private key: give the public half, and keep this one secret',
    )
    .optional()
    .meta(about('The PEM text itself.', 'It is no private key.')),
  file: path
    .optional()
    .meta(
      about(
        'Path of a PEM file, relative to the file of the policy. An absolute path is looked up under the `root` of the entry that names the policy, where it has one.',
      ),
    ),
})
  .transform((written, context) => {
    if (!exactlyOne(written, ['pem', 'file'], context)) return z.NEVER;
    if (written.pem !== undefined) return { kind: 'pem', text: written.pem } as const;
    return written.file === undefined ? z.NEVER : ({ kind: 'file', path: written.file } as const);
  })
  .meta({ id: 'Material', ...about('A key, a certificate or a chain of certificates.', 'Exactly one of the fields.') });

/** Several pieces of material, at least one. */
export const materials = list(material, MAX_PIECES);

const transparencyLog = fields({
  key: material.meta(about('The public key of the log.')),
  url: text(2048)
    .refine(isWebAddress, 'is no http or https URL, such as https://rekor.example.com')
    .meta(about('The URL of the log, by which it signs its checkpoints.', 'It is an http or https URL.')),
}).meta({ id: 'TransparencyLog', ...about('A transparency log of signatures (Rekor).') });

const pemRoot = fields({
  certificateAuthorities: materials
    .optional()
    .meta(
      about(
        'The authorities that issue signers’ certificates (Fulcio), each a chain of PEM certificates that ends in its root.',
      ),
    ),
  transparencyLogs: list(transparencyLog, MAX_PIECES).optional().meta(about('The logs that signatures are in.')),
  certificateTransparencyLogs: materials
    .optional()
    .meta(about('The public keys of the logs that certificates are in.')),
  timestampAuthorities: materials
    .optional()
    .meta(
      about(
        'The authorities that sign timestamps, each a chain of PEM certificates that begins with the one that signs.',
      ),
    ),
}).meta({
  id: 'PemRoot',
  ...about(
    'A sigstore instance by its keys and certificates. Nothing but the certificates’ own dates says when they hold.',
  ),
});

/** A sigstore instance: whom its certificates, logs and timestamps are trusted from. */
export const trustedRoot = fields({
  publicGood: fields({})
    .optional()
    .meta(about('The public-good instance of sigstore.dev, as it ships with countersign: `publicGood: {}`.')),
  file: path.optional().meta(about('Path of a `trusted_root.json`, looked up as the paths of material are.')),
  json: text(MAX_MATERIAL).optional().meta(about('The text of a `trusted_root.json`.')),
  pem: pemRoot.optional().meta(about('An instance of your own, by keys and certificates.')),
})
  .transform((written, context) => {
    if (!exactlyOne(written, ['publicGood', 'file', 'json', 'pem'], context)) return z.NEVER;
    if (written.publicGood !== undefined) return { kind: 'publicGood' } as const;
    if (written.file !== undefined) return { kind: 'file', path: written.file } as const;
    if (written.json !== undefined) return { kind: 'json', text: written.json } as const;
    return written.pem === undefined ? z.NEVER : ({ kind: 'pem', ...written.pem } as const);
  })
  .meta({
    id: 'TrustedRoot',
    ...about(
      'A sigstore instance: whose certificates, logs and timestamps are believed.',
      'Exactly one of the fields.',
    ),
  });

/** A piece of trust material as it was written. */
export type WrittenMaterial = z.output<typeof material>;

/** A sigstore instance as it was written. */
export type WrittenRoot = z.output<typeof trustedRoot>;

/** What a signature asks of the instance that is believed. */
export type AsksOfRoot = {
  readonly signer: 'certificate' | 'keys';
  readonly transparencyLog: 'none' | Threshold;
  readonly time: 'none' | WitnessRule;
  readonly certificateTransparency: 'none' | Threshold;
};

/** What a root of keys and certificates lacks, so that no signature could ever be what is asked for; where, and a sentence. */
export function missingFromPem(
  root: WrittenRoot,
  asks: AsksOfRoot,
): readonly { readonly path: readonly string[]; readonly message: string }[] {
  if (root.kind !== 'pem') return [];
  const missing: { path: readonly string[]; message: string }[] = [];
  const say = (field: keyof typeof root, message: string): void =>
    void missing.push({ path: ['trustedRoot', 'pem', field], message });

  const logs = root.transparencyLogs?.length ?? 0;
  const authorities = root.timestampAuthorities?.length ?? 0;
  const certificateLogs = root.certificateTransparencyLogs?.length ?? 0;
  const { transparencyLog, time, certificateTransparency } = asks;

  if (asks.signer === 'certificate' && root.certificateAuthorities === undefined) {
    say('certificateAuthorities', 'is required with keyless: whose certificates are believed?');
  }
  if (transparencyLog !== 'none' && logs < transparencyLog.threshold) {
    say('transparencyLogs', `has ${logs}, and transparencyLog asks for ${transparencyLog.threshold}`);
  }
  if (certificateTransparency !== 'none' && certificateLogs < certificateTransparency.threshold) {
    say(
      'certificateTransparencyLogs',
      `has ${certificateLogs}, and certificateTransparency asks for ${certificateTransparency.threshold}: add them, or write certificateTransparency: none`,
    );
  }
  if (time !== 'none') {
    const witnesses = { anyone: logs + authorities, logs, authorities }[time.by];
    const field = time.by === 'logs' ? 'transparencyLogs' : 'timestampAuthorities';
    if (witnesses < time.threshold) say(field, `time asks for ${time.threshold} witnesses, and there are ${witnesses}`);
  }
  return missing;
}

function isWebAddress(url: string): boolean {
  return URL.canParse(url) && ['http:', 'https:'].includes(new URL(url).protocol);
}
