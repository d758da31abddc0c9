import type { Digest } from './digest.ts';
import { type Repository, repositoryName } from './reference.ts';
import { repositoryChain } from './scope-chain.ts';

/** Where signatures are kept, as `registries.d` says it for names of repositories. */
export type SignatureStorage = {
  /** By scope in canonical form: what was written for it, each field by itself. */
  readonly sections: Readonly<Record<string, StorageSection>>;
  /** For every name (`default-docker`). */
  readonly otherwise: StorageSection;
};

/** One section; what it does not say is said by a more general one. */
export type StorageSection = {
  /** Base URL (file, http or https) below which detached signatures lie; may hold credentials. */
  readonly lookaside: string | undefined;
  /** Whether signatures beside the image in its registry are read. */
  readonly attachments: boolean | undefined;
};

/** What holds for one repository. */
export type StoragePlan = { readonly lookaside: string; readonly attachments: boolean };

/** How an image was asked for: one form, since whoever reads it drops the tag beside a digest. */
export type AskedForm = { readonly tag: string } | { readonly digest: Digest };

/** Nothing said about any repository. */
export const NO_STORAGE: SignatureStorage = {
  sections: {},
  otherwise: { lookaside: undefined, attachments: undefined },
};

/** Where containers/image looks as root unless it is told otherwise. */
const BUILT_IN: StoragePlan = { lookaside: 'file:///var/lib/containers/sigstore', attachments: false };

/**
 * Where the signatures of an image are kept, by its physical name. Each field is taken from the most specific section
 * that says it, as the code does and the manual page does not.
 * @see reference/openshift-containers.md §3.4
 */
export function storageFor(storage: SignatureStorage, place: Repository, asked: AskedForm): StoragePlan {
  const suffix = 'tag' in asked ? `:${asked.tag}` : `@${asked.digest}`;
  const chain = [`${repositoryName(place)}${suffix}`, ...repositoryChain(place)];
  const said = chain.flatMap((scope) => {
    const section = Object.hasOwn(storage.sections, scope) ? storage.sections[scope] : undefined;
    return section === undefined ? [] : [section];
  });
  const all = [...said, storage.otherwise];
  return {
    lookaside: all.find(({ lookaside }) => lookaside !== undefined)?.lookaside ?? BUILT_IN.lookaside,
    attachments: all.find(({ attachments }) => attachments !== undefined)?.attachments ?? BUILT_IN.attachments,
  };
}
