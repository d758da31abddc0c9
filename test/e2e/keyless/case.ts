import type { ArtifactLayer } from '../../../src/cli/demo/artifacts.ts';
import type { Der } from '../../../src/encoding/der-writer.ts';
import type { Digest } from '../../../src/image/digest.ts';
import { email, type Issued, issuerV1, issuerV2, leafExtensions } from '../../fixtures/certificates.ts';
import { createSigstore, issueLeaf, type LeafOptions, type Sigstore } from '../../fixtures/sigstore/instance.ts';
import { type Form, type Signing, signBundle, signLayer } from '../../fixtures/sigstore/signatures.ts';
import type { Json } from '../../signatures/sigstore/instance.ts';
import type { Verdict } from '../judges.ts';

/** The instance that policies trust: everything was signed an hour ago, so that leaves have long expired. */
export const SIGSTORE: Sigstore = createSigstore(Math.floor(Date.now() / 1000) * 1000 - 3_600_000);
/** One that differs in nothing but its keys, and that nobody trusts. */
export const FOREIGN: Sigstore = createSigstore(SIGSTORE.at);

/** Who signs, unless a case says otherwise. */
export const ANN = 'ann@example.com';
export const ISSUER = 'https://issuer.example';

/** The image that a case signs. */
export type Target = { readonly repository: string; readonly digest: Digest };

/** A signature on its way into the registry. */
export type Attached =
  | { readonly kind: 'layer'; readonly layer: ArtifactLayer }
  | { readonly kind: 'bundle'; readonly bundle: string; readonly predicateType?: string };

/** What a policy asks, in words that both languages have. Without any: Ann, in the log, the certificate logged too. */
export type Asks = {
  /** A public key, PEM, instead of a certificate. */
  readonly key?: string;
  readonly subject?: string | { readonly pattern: string };
  readonly issuer?: string | { readonly pattern: string };
  /** No transparency log. */
  readonly log?: 'ignored';
  /** No certificate log. */
  readonly certificateLog?: 'ignored';
  /** A timestamp authority must have witnessed the time. */
  readonly time?: 'authorities';
  readonly annotations?: Readonly<Record<string, string>>;
};

/** One question to every cosign that can be asked, and to countersign. */
export type Case = {
  readonly title: string;
  /** What is attached to the image, and asked as which form. */
  readonly form: Form;
  readonly attach: (target: Target) => readonly Attached[];
  readonly asks?: Asks;
  /** Changes trusted_root.json. */
  readonly root?: (root: Json) => void;
  /** What cosign says; version 2 where it says something else. */
  readonly cosign: Verdict;
  readonly cosign2?: Verdict;
  /** What countersign says, where it is not what cosign v3 says. */
  readonly here?: Verdict;
  /** The first cell of the line in docs/differences.md, where any of them say different things. */
  readonly differs?: string;
};

/** What every judge must say. */
export function expected({ cosign, cosign2 = cosign, here = cosign }: Case) {
  return { cosign2, cosign3: cosign, here };
}

/** Whatever a case adds to the usual. */
export type Extra = Partial<Omit<Case, 'title' | 'form' | 'cosign'>>;

/** Signs the image in a form and attaches that. */
export function attached(form: Form, target: Target, signing: Signing = {}): Attached {
  if (form === 'layer') return { kind: 'layer', layer: signLayer(SIGSTORE, target, signing) };
  return { kind: 'bundle', bundle: JSON.stringify(signBundle(SIGSTORE, form, target, signing)) };
}

/** A case about one signature in one form. */
export function one(
  form: Form,
  title: string,
  cosign: Verdict,
  signing: Signing | ((target: Target) => Signing) = {},
  extra: Extra = {},
): Case {
  const of = (target: Target) => (typeof signing === 'function' ? signing(target) : signing);
  return {
    title: `${form}: ${title}`,
    form,
    cosign,
    attach: (target) => [attached(form, target, of(target))],
    ...extra,
  };
}

/** A verdict, or one for each form. */
export type ByForm = Verdict | Partial<Readonly<Record<Form, Verdict>>>;

/** The same case in all three forms, or in those that have a verdict, or in those that are named. */
export function each(
  title: string,
  cosign: ByForm,
  signing: Signing | ((target: Target, form: Form) => Signing) = {},
  extra: Extra & { readonly forms?: readonly Form[] } = {},
): readonly Case[] {
  const { forms = FORMS, differs, ...rest } = extra;
  return forms.flatMap((form) => {
    const verdict = typeof cosign === 'string' ? cosign : cosign[form];
    if (verdict === undefined) return [];
    const signs = (target: Target) => (typeof signing === 'function' ? signing(target, form) : signing);
    const made = one(form, title, verdict, signs, rest);
    const { cosign2, cosign3, here } = expected(made);
    const agreed = cosign2 === here && cosign3 === here;
    return [agreed || differs === undefined ? made : { ...made, differs }];
  });
}

const FORMS: readonly Form[] = ['layer', 'bundle', 'tiles'];

/** The two forms whose certificates and names are read by different code in cosign. */
export const BOTH: readonly Form[] = ['layer', 'bundle'];

/** A leaf of the trusted instance. */
export const leaf = (options: LeafOptions = {}): Issued => issueLeaf(SIGSTORE, options);

/** A leaf with other names. */
export const named = (...names: readonly Der[]): Issued => leaf({ extensions: leafExtensions(names) });

/** A leaf with other statements about its issuer. */
export const vouched = (...issuers: readonly Der[]): Issued =>
  leaf({ extensions: leafExtensions([email(ANN)], issuers) });

export const ISSUERS = [issuerV1(ISSUER), issuerV2(ISSUER)] as const;
