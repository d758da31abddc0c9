import type { Entry, Form } from '../../fixtures/sigstore/signatures.ts';
import { type ByForm, type Case, type Extra, each, FOREIGN, SIGSTORE } from './case.ts';

/** The forms that prove what layers only promise. */
export const BUNDLES: readonly Form[] = ['bundle', 'tiles'];

/** The log of a form, and the same of the instance that nobody trusts. */
export const logOf = (form: Form) => (form === 'tiles' ? SIGSTORE.tiles : SIGSTORE.rekor);
export const foreignLog = (form: Form) => (form === 'tiles' ? FOREIGN.tiles : FOREIGN.rekor);

/** A log that says it is ours, with a key that is not. */
export const impostor = (form: Form) => ({ ...logOf(form), keys: foreignLog(form).keys });

/** An entry that is about something else. */
export const ELSE: Entry = { of: { claims: Buffer.from('{}') } };

/** Version 2 compares key and signature alone, and of Rekor v2 does not ask what kind of record it is. */
export const ABOUT_2 = {
  cosign2: 'runs',
  here: 'refused',
  differs: 'what an entry in a bundle is about, for cosign v2',
} as const;

/** Changes a bit in the middle of what base64 stands for. */
export function flip(text: string): string {
  const bytes = Buffer.from(text, 'base64');
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
  return bytes.toString('base64');
}

/** Cases about the one entry of a signature. */
export function logged(
  title: string,
  cosign: ByForm,
  entry: (form: Form) => Entry,
  extra: Extra & { readonly forms?: readonly Form[] } = {},
): readonly Case[] {
  return each(title, cosign, (_, form) => ({ entries: [entry(form)] }), extra);
}

/** The same text with a space behind it. */
export function spaced(text: string): string {
  return Buffer.concat([Buffer.from(text, 'base64'), Buffer.from(' ')]).toString('base64');
}
