import type { Artifact } from '../../../src/cli/demo/artifacts.ts';
import { imageArtifact } from '../../../src/cli/demo/artifacts.ts';
import { hexOf } from '../../../src/image/digest.ts';
import type { Folder } from '../folder.ts';
import { pushArtifact } from '../image.ts';
import type { ExtensionRegistry } from './extension.ts';
import type { Gpg, KeyName } from './gpg.ts';
import { addressOf } from './gpg.ts';
import type { Store } from './store.ts';

/** What all cases share: servers, keys and files. */
export type Bench = {
  readonly folder: Folder;
  /** Host and port of Debian's registry, and the same registry by name. */
  readonly host: string;
  readonly localhost: string;
  /** The same registry behind the interface for signatures. */
  readonly extension: ExtensionRegistry;
  readonly store: Store;
  readonly gpg: Gpg;
  /** Paths of keyrings, armored, each of one key. */
  readonly keys: Readonly<Record<KeyName, string>>;
};

/** What one case finds: the bench, and an image of its own, pushed under the tag `1`. */
export type Place = Bench & {
  /** A word that no other case has. */
  readonly name: string;
  readonly repository: string;
  readonly image: Artifact;
};

/** How it ended: `unreadable` where policy.json, registries.d or registries.conf are refused as a whole. */
export type Verdict = 'runs' | 'refused' | 'unreadable';

/** What the judges are asked. */
export type Question = {
  readonly image: string;
  /** policy.json, as an object or letter for letter. */
  readonly policy: object | string;
  /** Files of registries.d by name; without it, detached signatures of all names lie in the store's folder. */
  readonly registriesD?: Readonly<Record<string, object | string>>;
  /** registries.conf. */
  readonly registriesConf?: string;
  /** `weakOpenPgp: accept`, which only countersign can be told. */
  readonly weak?: true;
};

/** One question with the verdict of each judge. */
export type Case = {
  readonly title: string;
  /** What skopeo 1.9.3 says; not asked where it cannot read the policy. */
  readonly skopeo?: Verdict | undefined;
  /** What containers/image 5.42 says. */
  readonly current?: Verdict | undefined;
  readonly here: Verdict;
  /** Where countersign lets in what one of them refuses, or the reverse: the first cell of the line in docs/differences.md. */
  readonly differs?: string;
  /** Cases of the same word share a place, which spares the registry most of the work. */
  readonly shared?: string;
  /** Signs and stores what the case needs. */
  readonly arrange: (place: Place) => Question | Promise<Question>;
};

/** A case of which all judges say the same. */
export function agreed(title: string, verdict: Verdict, arrange: Case['arrange'], shared?: string): Case {
  const named = shared === undefined ? {} : { shared };
  return { title, skopeo: verdict, current: verdict, here: verdict, arrange, ...named };
}

/** A case of which skopeo says the same, for it asks gpg; containers/image with OpenPGP in Go would say something else. */
export function byGpg(title: string, verdict: Verdict, arrange: Case['arrange']): Case {
  return { title, skopeo: verdict, here: verdict, arrange };
}

/** The same case, where countersign says something else, as a line of docs/differences.md explains. */
export function butHere(here: Verdict, differs: string, one: Case): Case {
  return { ...one, here, differs };
}

/** Pushes the image of a place; its content follows from the name. */
export async function placeFor(bench: Bench, name: string): Promise<Place> {
  const repository = `${bench.host}/acme/${name}`;
  const image = imageArtifact(repository);
  await pushArtifact(repository, image, '1');
  return { ...bench, name, repository, image };
}

/** What a signature says, as skopeo writes it. */
export function payload(
  place: Place,
  reference = `${place.repository}:1`,
  digest: string = place.image.digest,
): string {
  return JSON.stringify({
    critical: {
      type: 'atomic container signature',
      image: { 'docker-manifest-digest': digest },
      identity: { 'docker-reference': reference },
    },
    optional: { creator: 'us', timestamp: 1_700_000_000 },
  });
}

/** A message around a text, as `gpg --sign` makes it; further options come before. */
export function message(
  { gpg }: Bench,
  text: string | Uint8Array,
  by: KeyName = 'one',
  options: readonly string[] = [],
): Promise<Buffer> {
  return gpg.convert([...options, '--local-user', addressOf(by), '--sign'], text);
}

/** Where the signature with a number lies, below a lookaside. */
export function signaturePath(
  { repository, image }: Pick<Place, 'repository' | 'image'>,
  number: number,
  digest = image.digest,
): string {
  return `${repository.slice(repository.indexOf('/') + 1)}@sha256=${hexOf(digest)}/signature-${number}`;
}

/** Puts signatures one after another into the store, from 1 on. */
export function putSignatures(place: Place, ...signatures: readonly (Uint8Array | string)[]): void {
  for (const [index, bytes] of signatures.entries()) place.store.put(signaturePath(place, index + 1), bytes);
}

/** Signs the image of a place for a name and stores it; what most cases begin with. */
export async function sign(place: Place, reference?: string, by: KeyName = 'one'): Promise<void> {
  putSignatures(place, await message(place, payload(place, reference), by));
}

/** A requirement for keyrings: one path, or several. */
export function signedBy(keys: string | readonly string[], signedIdentity?: object): object {
  const paths = typeof keys === 'string' ? { keyPath: keys } : { keyPaths: keys };
  return { type: 'signedBy', keyType: 'GPGKeys', ...paths, ...(signedIdentity && { signedIdentity }) };
}

export const REJECT = [{ type: 'reject' }] as const;
export const ACCEPT = [{ type: 'insecureAcceptAnything' }] as const;

/** A policy.json with requirements by scope of `docker`; whatever is in no scope is rejected. */
export function docker(
  scopes: Readonly<Record<string, readonly object[]>>,
  otherwise: readonly object[] = REJECT,
): object {
  return { default: otherwise, transports: { docker: scopes } };
}

/** A policy.json that asks for these requirements in the repository of the place. */
export function policyFor({ repository }: Place, ...requirements: readonly object[]): object {
  return docker({ [repository]: requirements });
}

/** What most cases ask: the image by its tag, under one keyring. */
export function byTag(place: Place, keys: string | readonly string[] = place.keys.one): Question {
  return { image: `${place.repository}:1`, policy: policyFor(place, signedBy(keys)) };
}
