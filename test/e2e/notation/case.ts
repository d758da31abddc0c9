import type { Artifact } from '../../../src/cli/demo/artifacts.ts';
import { imageArtifact } from '../../../src/cli/demo/artifacts.ts';
import type { Issued } from '../../fixtures/certificates.ts';
import type { Folder } from '../folder.ts';
import { pushArtifact } from '../image.ts';
import type { Front } from './front.ts';
import type { Revocation } from './revocation.ts';
import { type KeyKind, type Signer, signerOf } from './signers.ts';
import type { TimestampAuthority } from './timestamps.ts';

/** The registry of a case: Debian's, which has no referrers API, or one that has it. */
export type RegistryName = 'fallback' | 'referrers';

/** What all cases share. */
export type Bench = {
  readonly folder: Folder;
  readonly hosts: Readonly<Record<RegistryName, string>>;
  /** Debian's registry behind a server that misbehaves where it is told to. */
  readonly front: Front;
  /** The authority that most policies trust, and one signer of each kind of key below it. */
  readonly acme: Issued;
  readonly signers: Readonly<Record<KeyKind, Signer>>;
  /** An authority that no policy trusts unless the case says so. */
  readonly other: Issued;
  readonly timestamps: TimestampAuthority;
  readonly otherTimestamps: TimestampAuthority;
  /** One whose certificate is revoked. */
  readonly revokedTimestamps: TimestampAuthority;
  readonly revocation: Revocation;
};

/** What one case finds: the bench, and an image of its own, pushed under the tag `1`. */
export type Place = Bench & {
  /** A word that no other case has. */
  readonly name: string;
  readonly on: RegistryName;
  readonly repository: string;
  readonly image: Artifact;
  /** Makes a signer of certificates from the leaf to the root. */
  readonly signer: (chain: readonly [Issued, ...Issued[]]) => Signer;
};

/** The two forms of envelopes. */
export type Format = 'jws' | 'cose';

/** How it ended: `unreadable` where the trust policy is refused as a whole. */
export type Verdict = 'runs' | 'refused' | 'unreadable';

/** What the judges are asked. */
export type Question = {
  /** By its tag `1`, unless something else is said. */
  readonly image?: string;
  /** trustpolicy.json, as an object or letter for letter; one statement for everything that trusts `ca:acme` by default. */
  readonly policy?: object | string;
  /** Members of that one statement. */
  readonly statement?: object;
  /** Files of trust stores, by `type/store/file`; what `ca/acme` holds unless something else is said. */
  readonly stores?: Readonly<Record<string, string | Uint8Array>>;
  /** Changes the folder of the configuration after everything is written. */
  readonly tamper?: (directory: string) => void;
  /** Waits for this moment before anybody is asked. */
  readonly notBefore?: number;
};

/** One question with the verdict of each judge. */
export type Case = {
  readonly title: string;
  readonly on: RegistryName;
  /** What notation says. */
  readonly there: Verdict;
  readonly here: Verdict;
  /** What notation gives as its reason where it refuses. */
  readonly because?: RegExp;
  /** The code under which countersign refuses. */
  readonly code?: string;
  /** Where countersign lets in what notation refuses, or the reverse: the first cell of the line in docs/differences.md. */
  readonly differs?: string;
  /** Signs and stores what the case needs. */
  readonly arrange: (place: Place) => Question | Promise<Question>;
};

/** A case in which both let the image in. */
export function admitted(title: string, arrange: Case['arrange'], on: RegistryName = 'fallback'): Case {
  return { title, on, there: 'runs', here: 'runs', arrange };
}

/** A case in which both refuse the image: notation for a reason, countersign under a code. */
export function refused(
  title: string,
  because: RegExp,
  code: string,
  arrange: Case['arrange'],
  on: RegistryName = 'fallback',
): Case {
  return { title, on, there: 'refused', here: 'refused', because, code, arrange };
}

/** A case in which countersign alone refuses, as a line of docs/differences.md explains. */
export function stricter(
  title: string,
  code: string,
  differs: string,
  arrange: Case['arrange'],
  on: RegistryName = 'fallback',
): Case {
  return { title, on, there: 'runs', here: 'refused', code, differs, arrange };
}

/** A case in which notation alone refuses, as a line of docs/differences.md explains. */
export function wider(
  title: string,
  because: RegExp,
  differs: string,
  arrange: Case['arrange'],
  on: RegistryName = 'fallback',
): Case {
  return { title, on, there: 'refused', here: 'runs', because, differs, arrange };
}

/** The same case for both forms of envelopes. */
export function inBothForms(make: (format: Format) => Case): readonly Case[] {
  return (['jws', 'cose'] as const).map((format) => {
    const one = make(format);
    return { ...one, title: `${one.title}, ${format.toUpperCase()}` };
  });
}

/** Pushes the image of a place; its content follows from the name. */
export async function placeFor(bench: Bench, name: string, on: RegistryName): Promise<Place> {
  const repository = `${bench.hosts[on]}/acme/${name}`;
  const image = imageArtifact(repository);
  await pushArtifact(repository, image, '1');
  let made = 0;
  const signer: Place['signer'] = (chain) => {
    made += 1;
    return signerOf(bench.folder, `${name}.${made}`, chain);
  };
  return { ...bench, name, on, repository, image, signer };
}
